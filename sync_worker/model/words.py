"""What reps read, in the languages of a model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from sync_worker.model.document import CUSTOM, Language


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """The phrases of one language; `{count}`, `{date}`, `{names}` ... are filled in."""

    months: tuple[str, ...]
    day: str  # {day} {month}
    day_of_year: str  # {day} {month} {year}
    events: Mapping[str, tuple[str, str]]  # by kind: one, several
    custom: tuple[str, str]  # {name}
    once: str  # {date}
    last: str  # {date}
    quiet: str  # {date}
    faded: str
    nothing: str
    not_visible: str  # {names}
    graded: str  # {grade} {known} {of}

    def did(self, kind: str, count: int) -> str:
        """Say what somebody did so many times."""
        one, several = self.custom if kind.startswith(CUSTOM) else self.events[kind]
        return (one if count == 1 else several).format(count=count, name=kind.removeprefix(CUSTOM))

    def date(self, day: date, today: date) -> str:
        """Say a day, with the year where a reader could take it for a later one."""
        template = self.day if (today - day).days < 365 else self.day_of_year
        return template.format(day=day.day, month=self.months[day.month - 1], year=day.year)


_ENGLISH: Final = Words(
    months=("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
    day="{day} {month}",
    day_of_year="{day} {month} {year}",
    events={
        "email_click": ("clicked a marketing e-mail", "clicked {count} marketing e-mails"),
        "email_open": ("opened a marketing e-mail", "opened {count} marketing e-mails"),
        "page_view": ("viewed a page", "viewed {count} pages"),
        "form_submission": ("filled in a form", "filled in {count} forms"),
        "download": ("downloaded a file", "downloaded {count} files"),
        "search_term": ("searched the site", "searched the site {count} times"),
        "campaign_touch": ("came by a campaign", "came by a campaign {count} times"),
        "webinar": ("attended a webinar", "attended {count} webinars"),
    },
    custom=("did “{name}”", "did “{name}” {count} times"),
    once=", on {date}",
    last=", last on {date}",
    quiet="no engagement since {date}",
    faded="older activity counts less",
    nothing="nothing counted yet",
    not_visible="not visible in this portal: {names}",
    graded="{grade} on {known} of {of} criteria",
)

WORDS: Final[Mapping[Language, Words]] = {"en": _ENGLISH}


def signed(points: object) -> str:
    """Return points with their sign, as they are printed: +6, −5."""
    text = str(points)
    return f"−{text.removeprefix('-')}" if text.startswith("-") else f"+{text}"
