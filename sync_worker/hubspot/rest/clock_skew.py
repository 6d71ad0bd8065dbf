"""Whether this machine's clock agrees with HubSpot's: cursors are times of this clock, and what changes is stamped by the other."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Final

from sync_worker.errors import ConfigurationError

DEFAULT_TOLERANCE: Final = timedelta(minutes=5)
CLOCK_HINT: Final = "Set the clock, best by NTP: a worker whose clock is ahead takes for read what it has not seen."


def check(headers: Mapping[str, str], *, sent_at: datetime, received_at: datetime, tolerance: timedelta = DEFAULT_TOLERANCE) -> None:
    """Raise ConfigurationError where a reply that was written between two instants of our clock bears a time far from both.

    A reply without a readable date, or out of a cache, tells nothing.
    """
    said = _response_date(headers)
    if said is None:
        return
    apart = max(sent_at - said, said - received_at)  # however long the reply took
    if apart > tolerance:
        which = "ahead of" if sent_at > said else "behind"
        raise ConfigurationError(
            f"This machine's clock is {int(apart / timedelta(seconds=1)):,} s {which} HubSpot's ({received_at:%Y-%m-%d %H:%M:%S} UTC here, "
            f"{said:%Y-%m-%d %H:%M:%S} UTC there).",
            hint=CLOCK_HINT,
        )


def _response_date(headers: Mapping[str, str]) -> datetime | None:
    if "Age" in headers or not (text := headers.get("Date")):
        return None
    return _parse_http_date(text)


@lru_cache(maxsize=16)  # all replies of a second bear the same
def _parse_http_date(text: str) -> datetime | None:
    try:
        said = parsedate_to_datetime(text)
    except ValueError:
        return None
    return said.astimezone(UTC) if said.tzinfo else said.replace(tzinfo=UTC)
