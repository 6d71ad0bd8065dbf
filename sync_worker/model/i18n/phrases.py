"""Phrases that sales reps read in score reasons and grade reasons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated

from pydantic import Field

from sync_worker.model.file.schema import CUSTOM_PREFIX, EVENT_KINDS
from sync_worker.model.i18n.validators import exact_keys, placeholders

_Text = Annotated[str, placeholders()]


@dataclass(frozen=True, slots=True, kw_only=True)
class EventPhrase:
    """The phrase for one event of a kind, and for several."""

    one: _Text
    several: Annotated[str, placeholders("count")]


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomEventPhrase:
    """The phrase for one custom event, and for several of the same name."""

    one: Annotated[str, placeholders("name")]
    several: Annotated[str, placeholders("name", "count")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Phrases:
    """The section `phrases` of a translation file; the comments in en.yaml explain each key."""

    months: Annotated[tuple[_Text, ...], Field(min_length=12, max_length=12)]
    day: Annotated[str, placeholders("day", "month")]
    day_of_year: Annotated[str, placeholders("day", "month", "year")]
    events: Annotated[Mapping[str, EventPhrase], exact_keys(EVENT_KINDS)]
    custom_event: CustomEventPhrase
    date_of_one: Annotated[str, placeholders("date")]
    date_of_last: Annotated[str, placeholders("date")]
    inactivity: Annotated[str, placeholders("date")]
    event_decay: _Text
    no_reasons: _Text
    not_visible: Annotated[str, placeholders("names")]
    grade_summary: Annotated[str, placeholders("grade", "known", "of")]

    def describe_events(self, kind: str, count: int) -> str:
        """Return the phrase for this number of events of a kind."""
        phrase = self.custom_event if kind.startswith(CUSTOM_PREFIX) else self.events[kind]
        return (phrase.one if count == 1 else phrase.several).format(count=count, name=kind.removeprefix(CUSTOM_PREFIX))

    def format_date(self, day: date, today: date) -> str:
        """Return a date; with the year if the same day and month have passed since."""
        template = self.day if (today - day).days < 365 else self.day_of_year
        return template.format(day=day.day, month=self.months[day.month - 1], year=day.year)


def format_signed(points: object) -> str:
    """Return points with a typographic sign: +6, −5."""
    text = str(points)
    return f"−{text.removeprefix('-')}" if text.startswith("-") else f"+{text}"
