"""Timestamps in HubSpot's formats: ISO text as printed by Java's Instant, and epoch milliseconds."""

from __future__ import annotations

from datetime import UTC, datetime

from sync_worker.timestamps import from_ms, to_ms

__all__ = ("format_iso", "from_ms", "parse_ms", "to_ms")


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
