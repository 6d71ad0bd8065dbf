"""Cursors of the pages of events and submissions."""

from __future__ import annotations

from sync_worker.sandbox.base.responses import validation_error
from sync_worker.sandbox.events.event_timeline import EventTimeline


def positions_before(timeline: EventTimeline, positions: range, cursor: str | None) -> range:
    """Return the positions before a cursor, newest first; without a cursor, all of them."""
    stop = positions.stop if not cursor else min(positions.stop, find_cursor(timeline, cursor))
    return range(positions.start, max(positions.start, stop))[::-1]


def find_cursor(timeline: EventTimeline, cursor: str) -> int:
    """Return the position of a cursor.

    Raises:
        ApiError: 400 for a text that is not a cursor.
    """
    try:
        return timeline.find_cursor(cursor)
    except ValueError:
        raise validation_error(f"Invalid offset: {cursor}") from None
