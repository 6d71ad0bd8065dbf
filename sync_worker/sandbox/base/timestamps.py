"""Timestamps in HubSpot's formats: ISO text as printed by Java's Instant, and epoch milliseconds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND: Final = timedelta(milliseconds=1)


def to_ms(at: datetime) -> int:
    """Return an aware time as epoch milliseconds, rounded down."""
    return (at - EPOCH) // MILLISECOND


def from_ms(ms: int) -> datetime:
    """Return epoch milliseconds as an aware UTC time."""
    return EPOCH + timedelta(milliseconds=ms)


def format_iso(ms: int) -> str:
    """Return ISO text in UTC; like Java's Instant, without a fraction if the milliseconds are zero."""
    seconds, fraction = divmod(ms, 1000)
    text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{fraction:03d}Z" if fraction else f"{text}Z"


def parse_ms(text: str) -> int | None:
    """Parse ISO text or a text of epoch milliseconds; return milliseconds, or None for other text."""
    try:
        if text.lstrip("-").isdigit():
            return int(text)
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return to_ms(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
