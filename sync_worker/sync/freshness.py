"""Freshness: the time from a submitted form to the MQL that it caused, as it appears in HubSpot's list."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from sync_worker.store import runs
from sync_worker.store.facts import events
from sync_worker.store.saved_state import freshness
from sync_worker.store.saved_state.freshness import FreshnessSample
from sync_worker.store.writes import memberships
from sync_worker.sync.pull.activity.form_watcher import EVENT_KIND
from sync_worker.timestamps import to_ms

MAX_MQLS: Final = 1_000  # of one run; a run with more is a changed model, not a form


def measure(tx: Connection, new_mqls: Collection[int], *, overlap: timedelta, now: datetime) -> list[float]:
    """Return the seconds from form to list of the new MQLs whose form the last good run had not seen, and save them.

    Forms before that run are not the reason why a contact is an MQL now.
    """
    last_run = runs.last_completed_start(tx, "backfill", "sync")
    if last_run is None or not 0 < len(new_mqls) <= MAX_MQLS:
        return []
    since, end = last_run - int(overlap.total_seconds() * 1000), to_ms(now)
    members = memberships.select_acknowledged(tx, "mql", new_mqls)
    submitted = events.load_first_since(tx, EVENT_KIND, members, since)
    seconds = sorted(max(0, end - at) / 1000 for at in submitted.values())
    freshness.add(tx, [FreshnessSample(end, each) for each in seconds])
    return seconds
