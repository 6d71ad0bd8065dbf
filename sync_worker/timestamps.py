"""Conversion between HubSpot's timestamps (milliseconds since 1970 UTC) and aware datetimes in UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND: Final = timedelta(milliseconds=1)


def to_ms(at: datetime) -> int:
    """Return an aware time as milliseconds since 1970 UTC, rounded down."""
    return (at - EPOCH) // MILLISECOND


def from_ms(ms: int) -> datetime:
    """Return milliseconds since 1970 UTC as an aware time."""
    return EPOCH + timedelta(milliseconds=ms)
