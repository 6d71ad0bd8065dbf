"""Instants between Python and the tables: aware UTC there, whole milliseconds here."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_ms(at: datetime) -> int:
    """Return an aware time as milliseconds since 1970 UTC, rounded down."""
    return (at - EPOCH) // timedelta(milliseconds=1)


def from_ms(ms: int) -> datetime:
    """Return milliseconds since 1970 UTC as an aware time."""
    return EPOCH + timedelta(milliseconds=ms)
