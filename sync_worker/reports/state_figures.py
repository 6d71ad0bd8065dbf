"""The figures of the state that the service publishes; one query each, none of which reads all contacts row by row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sync_worker.reports.review_schedule import schedule_review
from sync_worker.store import model_revisions, runs, verdicts
from sync_worker.store.database import Store
from sync_worker.store.facts import contacts
from sync_worker.store.saved_state import freshness, unreadable
from sync_worker.store.writes import hand_offs, held_back, memberships
from sync_worker.store.writes.held_back import HeldBack
from sync_worker.sync.plan.plan import build_scope
from sync_worker.sync.portal import portal
from sync_worker.sync.portal.managed_properties import CrmSchema
from sync_worker.sync.pull.records.cursors import load_cursors
from sync_worker.timestamps import from_ms, to_ms

DIGEST_PERIOD: Final = timedelta(hours=26)  # a message may wait so long for a daily digest


@dataclass(frozen=True, slots=True, kw_only=True)
class FreshnessSummary:
    """How long the last MQLs took from their form to HubSpot's list, in seconds."""

    mqls: int
    p50: float
    p95: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> FreshnessSummary | None:
        """Summarize at least one MQL."""
        ordered = sorted(seconds)
        return cls(mqls=len(ordered), p50=_percentile(ordered, 50), p95=_percentile(ordered, 95)) if ordered else None

    def as_json(self) -> dict[str, float]:
        """Return the summary for `--json`."""
        return {"mqls": self.mqls, "p50_seconds": self.p50, "p95_seconds": self.p95}


@dataclass(frozen=True, slots=True, kw_only=True)
class StateFigures:
    """Figures of the state at one moment."""

    portal_id: int | None
    model_hash: str
    model_name: str
    approved: bool
    contacts: int
    mqls: int
    cursors: Mapping[str, datetime]  # by stream
    last_done: datetime | None
    held_back: HeldBack
    left_out: int  # forms, webinars and lists that could not be read
    review_overdue_days: int
    hand_offs_waiting: int = 0  # messages to sales that are not sent yet, without those that wait for a daily digest


def load_figures(store: Store, crm_schema: CrmSchema, now: datetime) -> StateFigures:
    """Return the figures of the state."""
    portal_info = portal.load(store)
    with store.transaction() as tx:
        approved = model_revisions.load_approval(tx, crm_schema.model.hash) is not None
        review = schedule_review(model_revisions.load_all(tx))
        scope = build_scope(crm_schema, portal_info.stages if portal_info else (), now, approved=approved)
        list_keys = memberships.load_list_ids(tx) if approved else ()
        done_at = runs.last_completed_at(tx, "backfill", "sync")
        return StateFigures(
            portal_id=portal_info.id if portal_info else None,
            model_hash=crm_schema.model.hash,
            model_name=crm_schema.model.document.name,
            approved=approved,
            contacts=contacts.count(tx),
            mqls=verdicts.count_mqls(tx),
            cursors={stream: datetime.fromisoformat(at) for stream, at in load_cursors(tx).items()},
            last_done=from_ms(done_at) if done_at else None,
            held_back=held_back.load(tx, scope.active_stage_rule, list_keys),
            hand_offs_waiting=hand_offs.count_due(tx, digest_before=to_ms(now - DIGEST_PERIOD)),
            left_out=len(unreadable.load(tx)),
            review_overdue_days=review.overdue_days(now) if review else 0,
        )


def load_freshness(store: Store) -> FreshnessSummary | None:
    """Return the freshness of the last MQLs, or None if no MQL has come from a form yet."""
    with store.transaction() as tx:
        return FreshnessSummary.of([sample.seconds for sample in freshness.load(tx)])


def _percentile(ordered: Sequence[float], percent: int) -> float:
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]
