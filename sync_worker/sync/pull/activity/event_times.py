"""Which times of a stream of events are read: what is new, and what may have appeared or changed late.

HubSpot shows some events hours or days after they happened, and replaces or flags others later. Every run reads what is new, and an overlap
of minutes. Every two hours, and in every full scan, the last days are read again as well. A full scan reads all email events again: a
thousand come in one page, and HubSpot's counter of clicked emails does not show a second click.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from operator import attrgetter
from typing import Final

from sqlalchemy import Connection

from sync_worker.intervals import Interval, merge_intervals
from sync_worker.store.facts import coverage
from sync_worker.store.saved_state import scan_state
from sync_worker.sync.pull import hubspot_streams
from sync_worker.sync.pull.context import PullContext
from sync_worker.timestamps import from_ms

LATE_READ_INTERVAL: Final = timedelta(hours=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeRead:
    """The times to read, and those that were read before and are past the overlap, in milliseconds.

    A new event of a `settled` time was late, or lost by an earlier read.
    """

    gaps: Sequence[Interval]
    settled: Sequence[Interval]
    is_late_read: bool

    def is_late(self, at: int) -> bool:
        """Return whether a new event of this time (milliseconds) was late."""
        place = bisect_right(self.settled, at, key=attrgetter("low"))
        return place > 0 and at < self.settled[place - 1].high


def plan_read(tx: Connection, context: PullContext, kind: str, *, is_full: bool) -> TimeRead:
    """Return the times of a kind of events to read in this run."""
    low, high = hubspot_streams.HUBSPOT_EPOCH_MS, context.now_ms + 1
    known = coverage.load(tx, kind)
    reread_from = _plan_reread(tx, context, kind, is_full=is_full)
    # The times that were new to the last finished read are read again in any case.
    start = scan_state.load_watermark(tx, kind) or high - context.overlap_ms
    start = max(low, start if reread_from is None else min(start, reread_from))
    again = [Interval(start, known[-1].high)] if known and start < known[-1].high else []
    scan_state.save_watermark(tx, kind, start)
    settled_before = known[-1].high - context.overlap_ms if known else low
    return TimeRead(
        gaps=merge_intervals([*coverage.gaps(tx, kind, low, high), *again]),
        settled=[Interval(low, min(high, settled_before)) for low, high in known if low < settled_before],
        is_late_read=reread_from is not None,
    )


def finish_read(tx: Connection, context: PullContext, kind: str, *, plan: TimeRead) -> None:
    """Save that all of the times were read."""
    scan_state.save_watermark(tx, kind, context.now_ms + 1 - context.overlap_ms)
    if plan.is_late_read:
        scan_state.save_late_read(tx, kind, context.now_ms)


def _plan_reread(tx: Connection, context: PullContext, kind: str, *, is_full: bool) -> int | None:
    """Return the time from which events are read again in this run; None: only the overlap is."""
    if is_full and kind in hubspot_streams.EMAIL_EVENT_TYPES and context.keeps_all_events:
        return hubspot_streams.HUBSPOT_EPOCH_MS
    last = scan_state.load_late_read(tx, kind)
    is_due = is_full or last is None or context.now >= from_ms(last) + LATE_READ_INTERVAL
    if not (is_due and context.late):
        return None
    # Counted from the last finished read, so that a service that was down for days misses nothing.
    return min(last or context.now_ms, context.now_ms) - context.late_ms
