"""What reps read: phrases with places for numbers, names and dates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from sync_worker.model.file.schema import CUSTOM_PREFIX


@dataclass(frozen=True, slots=True, kw_only=True)
class Phrases:
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

    def describe_events(self, kind: str, count: int) -> str:
        """Say what somebody did so many times."""
        one, several = self.custom if kind.startswith(CUSTOM_PREFIX) else self.events[kind]
        return (one if count == 1 else several).format(count=count, name=kind.removeprefix(CUSTOM_PREFIX))

    def format_date(self, day: date, today: date) -> str:
        """Say a day, with the year where a reader could take it for a later one."""
        template = self.day if (today - day).days < 365 else self.day_of_year
        return template.format(day=day.day, month=self.months[day.month - 1], year=day.year)


def format_signed(points: object) -> str:
    """Return points with their sign, as they are printed: +6, −5."""
    text = str(points)
    return f"−{text.removeprefix('-')}" if text.startswith("-") else f"+{text}"
