"""Fast formatting of epoch milliseconds as ISO text."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

SECOND_MS: Final = 1000
MINUTE_MS: Final = 60 * SECOND_MS
HOUR_MS: Final = 60 * MINUTE_MS
DAY_MS: Final = 24 * HOUR_MS


_MINUTE_TEXTS: Final = tuple(f"T{minute // 60:02d}:{minute % 60:02d}:" for minute in range(24 * 60))
_SECOND_TEXTS: Final = tuple(f"{second:02d}." for second in range(60))


def format_iso(ms: int) -> str:
    """Return ISO text in UTC with milliseconds; lookup tables make it fast, because every row has several timestamps."""
    days, rest = divmod(ms, DAY_MS)
    minutes, rest = divmod(rest, MINUTE_MS)
    return f"{_format_day(days)}{_MINUTE_TEXTS[minutes]}{_SECOND_TEXTS[rest // SECOND_MS]}{rest % SECOND_MS:03d}Z"


@lru_cache(maxsize=8192)
def _format_day(days: int) -> str:
    return datetime.fromtimestamp(days * DAY_MS // SECOND_MS, UTC).date().isoformat()
