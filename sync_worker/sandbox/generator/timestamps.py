"""Moments of a made-up portal: epoch milliseconds, and the texts that HubSpot makes of them."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

SECOND: Final = 1000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR


_MINUTES: Final = tuple(f"T{minute // 60:02d}:{minute % 60:02d}:" for minute in range(24 * 60))
_SECONDS: Final = tuple(f"{second:02d}." for second in range(60))


def iso(ms: int) -> str:
    """Return ISO text in UTC with milliseconds, put together from looked-up parts: every row has several."""
    days, rest = divmod(ms, DAY)
    minutes, rest = divmod(rest, MINUTE)
    return f"{_day(days)}{_MINUTES[minutes]}{_SECONDS[rest // SECOND]}{rest % SECOND:03d}Z"


@lru_cache(maxsize=8192)
def _day(days: int) -> str:
    return datetime.fromtimestamp(days * DAY // SECOND, UTC).date().isoformat()
