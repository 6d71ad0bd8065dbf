"""Dates in HTTP headers."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Final

YEARS: Final = range(1990, 2200)  # another year is a mistake of the sender


@lru_cache(maxsize=16)  # all replies of a second have the same date
def parse_http_date(text: str) -> datetime | None:
    """Return a date as aware UTC, or None if it is not one or its year is not plausible."""
    try:
        date = parsedate_to_datetime(text)
        if date.year not in YEARS:
            return None
        return date.astimezone(UTC) if date.tzinfo else date.replace(tzinfo=UTC)
    except (ValueError, TypeError, OverflowError):
        return None
