"""How far each stream has been read."""

from __future__ import annotations

from sqlalchemy import Connection

from sync_worker.store.facts import coverage
from sync_worker.store.saved_state import scan_state
from sync_worker.sync.pull import hubspot_streams
from sync_worker.sync.pull.records.full_scan import CONTACT_STREAM
from sync_worker.sync.pull.records.incremental import CHANGE_STREAM
from sync_worker.timestamps import from_ms


def last_full_scan(tx: Connection) -> int | None:
    """Return the start of the last finished full scan of the contacts in milliseconds, or None."""
    last = scan_state.load_full_scan(tx)
    return last.started_at if last and last.done else None


def load_cursors(tx: Connection) -> dict[str, str]:
    """Return the cursor of each stream as an ISO time."""
    found = {name: scan_state.load_cursor(tx, name) for name in (CONTACT_STREAM, "companies")}
    for stream, intervals in coverage.load_all(tx).items():
        kind = stream.partition(":")[0] if stream.startswith("form_submission:") else stream
        if kind not in {CONTACT_STREAM, CHANGE_STREAM}:
            found[kind] = min(intervals[-1].high, found.get(kind) or hubspot_streams.MAX_KEY)
    return {name: from_ms(at).isoformat(timespec="seconds") for name, at in found.items() if at is not None}
