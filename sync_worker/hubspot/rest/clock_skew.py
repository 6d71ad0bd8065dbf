"""Check of the machine's clock against HubSpot's: cursors use the former, changes are stamped by the latter."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from sync_worker.errors import ClockSkewed
from sync_worker.hubspot.rest.http_date import parse_http_date

DEFAULT_TOLERANCE: Final = timedelta(minutes=5)
CLOCK_HINT: Final = "Set the clock, for example with NTP. With a clock that is ahead, the worker would skip unread changes."


def check(headers: Mapping[str, str], *, sent_at: datetime, received_at: datetime, tolerance: timedelta = DEFAULT_TOLERANCE) -> None:
    """Raise ClockSkewed if the date of a reply is more than `tolerance` before `sent_at` or after `received_at`.

    Replies without a valid date and replies from a cache are not checked.
    """
    date = _response_date(headers)
    if date is None:
        return
    skew = max(sent_at - date, date - received_at)  # independent of the latency
    if skew > tolerance:
        direction = "ahead of" if sent_at > date else "behind"
        raise ClockSkewed(
            f"This machine's clock is {int(skew / timedelta(seconds=1)):,} s {direction} HubSpot's "
            f"({received_at:%Y-%m-%d %H:%M:%S} UTC here, {date:%Y-%m-%d %H:%M:%S} UTC there).",
            hint=CLOCK_HINT,
        )


def _response_date(headers: Mapping[str, str]) -> datetime | None:
    if "Age" in headers or not (text := headers.get("Date")):
        return None
    return parse_http_date(text)
