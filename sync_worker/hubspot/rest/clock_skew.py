"""Whether this machine's clock agrees with HubSpot's: cursors are times of this clock, and what changes is stamped by the other."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Final

from sync_worker.errors import ConfigurationError

TOLERANCE: Final = timedelta(minutes=5)
WAY_OUT: Final = "Set the clock, best by NTP: a worker whose clock is ahead takes for read what it has not seen."


def compare(headers: Mapping[str, str], *, sent: datetime, answered: datetime, tolerance: timedelta = TOLERANCE) -> None:
    """Raise ConfigurationError where a reply that was written between two instants of our clock bears a time far from both.

    A reply without a readable date, or out of a cache, tells nothing.
    """
    said = _written(headers)
    if said is None:
        return
    apart = max(sent - said, said - answered)  # however long the reply took
    if apart > tolerance:
        which = "ahead of" if sent > said else "behind"
        raise ConfigurationError(
            f"This machine's clock is {int(apart / timedelta(seconds=1)):,} s {which} HubSpot's ({answered:%Y-%m-%d %H:%M:%S} UTC here, "
            f"{said:%Y-%m-%d %H:%M:%S} UTC there).",
            hint=WAY_OUT,
        )


def _written(headers: Mapping[str, str]) -> datetime | None:
    if "Age" in headers or not (text := headers.get("Date")):
        return None
    return _instant(text)


@lru_cache(maxsize=16)  # all replies of a second bear the same
def _instant(text: str) -> datetime | None:
    try:
        said = parsedate_to_datetime(text)
    except ValueError:
        return None
    return said.astimezone(UTC) if said.tzinfo else said.replace(tzinfo=UTC)
