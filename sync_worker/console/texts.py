"""Times, durations and links as the console shows them. Times are in UTC, as in the log and in `status`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from markupsafe import Markup

from sync_worker.sync.plan.contact_names import NO_NAME, ContactName

DASH: Final = "–"


def format_time(at: datetime | None) -> str:
    """Return a time in UTC; None is a dash."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M}" if at else DASH


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


def link_contact(contact_id: int, names: Mapping[int, ContactName]) -> Markup:
    """Return a link to the page of a contact; its text is the name, or the id if neither name nor address is known."""
    return Markup('<a href="/contacts/{}">{}</a>').format(contact_id, names.get(contact_id, NO_NAME).text or contact_id)
