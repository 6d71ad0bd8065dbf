"""Times, durations and links as the console shows them. Times are in UTC, as in the log and in `status`."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from markupsafe import Markup

DASH: Final = "–"


def format_time(at: datetime | None) -> str:
    """Return a time of UTC; None is a dash."""
    return f"{at:%Y-%m-%d %H:%M}" if at else DASH


def format_duration(duration: timedelta) -> str:
    """Return a duration rounded down to its largest unit; it is not negative."""
    seconds = max(int(duration.total_seconds()), 0)
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size}\u00a0{unit}"
    return f"{seconds}\u00a0s"


def format_age(at: datetime | None, now: datetime) -> str:
    """Return how long ago a time is; None is `never`."""
    return f"{format_duration(now - at)} ago" if at else "never"


def link_contact(contact_id: int | str, text: str | None = None) -> Markup:
    """Return a link to the page of a contact; its text is the id, or the address if it is known."""
    return Markup('<a href="/contacts/{}">{}</a>').format(int(contact_id), text or contact_id)
