"""Conversion between HubSpot's timestamps (milliseconds since 1970 UTC) and aware datetimes in UTC; seconds since the machine started."""

from __future__ import annotations

import time
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


def to_iso(at: datetime | None) -> str | None:
    """Return an optional time as ISO 8601, for JSON."""
    return at.isoformat() if at else None


def uptime() -> float:
    """Return the seconds since the machine started. Unlike monotonic time, they include the time that it was suspended."""
    return time.clock_gettime(_BOOT_CLOCK)


# Only Linux has a clock that both counts suspension and cannot be set. Elsewhere, the wall clock counts suspension.
_BOOT_CLOCK: Final[int] = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_REALTIME)
