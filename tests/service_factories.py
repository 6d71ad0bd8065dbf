"""Figures of a state, for tests of the service."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sync_worker.reports.state_figures import StateFigures
from sync_worker.store.writes.held_back import NOTHING_HELD_BACK

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def make_figures(**fields: Any) -> StateFigures:
    plain = {
        "portal_id": 42,
        "model_hash": "abc",
        "model_name": "Small",
        "approved": True,
        "contacts": 6,
        "mqls": 2,
        "cursors": {"contacts": NOW},
        "last_done": NOW,
        "held_back": NOTHING_HELD_BACK,
        "left_out": 0,
        "review_overdue_days": 0,
    }
    return StateFigures(**{**plain, **fields})
