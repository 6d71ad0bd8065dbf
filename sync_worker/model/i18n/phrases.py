"""Phrases that sales reps read in score reasons and grade reasons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated, Final

from pydantic import Field

from sync_worker.model.file.schema import CUSTOM_PREFIX, EVENT_KINDS
from sync_worker.model.i18n.validators import exact_keys, placeholders

#: The kinds of event on an email, page or form: reasons count the different ones too.
SUBJECT_KINDS: Final = ("email_click", "email_open", "page_view", "form_submission")

_HOUR: Final = timedelta(hours=1)
_Text = Annotated[str, placeholders()]


@dataclass(frozen=True, slots=True, kw_only=True)
class EventPhrase:
    """The phrase for one event of a kind, and for several."""

    one: _Text
    several: Annotated[str, placeholders("count")]


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectEventPhrase:
    """The phrase for one event on an email, page or form; for several on different ones; for several on one; for HubSpot's counter."""

    one: _Text
    several: Annotated[str, placeholders("count", "different")]
    same: Annotated[str, placeholders("count")]
    counter: Annotated[str, placeholders("count")]

    def describe(self, count: int, different: int | None) -> str:
        """Return the phrase for this number of events on so many subjects; None: HubSpot's counter, which shows no single events."""
        if count == 1:
            return self.one
        several = self.counter if different is None else self.same if different == 1 else self.several
        return several.format(count=count, different=different)


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomEventPhrase:
    """The phrase for one custom event, and for several of the same name."""

    one: Annotated[str, placeholders("name")]
    several: Annotated[str, placeholders("name", "count")]


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockerPhrases:
    """Why a contact is not an MQL: its score, its grade, too few known criteria of the grade, the daily quota."""

    score: Annotated[str, placeholders("score", "threshold")]
    grade: Annotated[str, placeholders("grade", "lowest")]
    incomplete: Annotated[str, placeholders("known", "of", "least")]
    deferred: Annotated[str, placeholders("limit")]


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOffPhrases:
    """The message to sales about a new MQL. `contact` replaces a missing or hidden name."""

    subject: Annotated[str, placeholders("name")]
    digest: Annotated[str, placeholders("number")]
    contact: Annotated[str, placeholders("id")]
    grade: Annotated[str, placeholders("grade")]
    record: Annotated[str, placeholders("link")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Phrases:
    """The section `phrases` of a translation file; the comments in en.yaml explain each key."""

    months: Annotated[tuple[_Text, ...], Field(min_length=12, max_length=12)]
    day: Annotated[str, placeholders("day", "month")]
    day_of_year: Annotated[str, placeholders("day", "month", "year")]
    events: Annotated[Mapping[str, EventPhrase], exact_keys([kind for kind in EVENT_KINDS if kind not in SUBJECT_KINDS])]
    subject_events: Annotated[Mapping[str, SubjectEventPhrase], exact_keys(SUBJECT_KINDS)]
    custom_event: CustomEventPhrase
    within_days: Annotated[str, placeholders("days")]
    within_hours: Annotated[str, placeholders("hours")]
    per_day: Annotated[str, placeholders("limit")]
    except_direct: _Text
    quarantined: _Text
    date_of_one: Annotated[str, placeholders("date")]
    date_of_last: Annotated[str, placeholders("date")]
    inactivity: Annotated[str, placeholders("date")]
    event_decay: _Text
    retained: Annotated[str, placeholders("threshold", "leave_below")]
    no_reasons: _Text
    not_visible: Annotated[str, placeholders("names")]
    grade_summary: Annotated[str, placeholders("grade", "known", "of")]
    grade_start: Annotated[str, placeholders("start")]
    score_summary: Annotated[str, placeholders("score", "maximum")]
    blockers: BlockerPhrases
    hand_off: HandOffPhrases

    def describe_events(self, kind: str, count: int, different: int | None) -> str:
        """Return the phrase for this number of events of a kind, on so many different emails, pages or forms."""
        if kind in self.subject_events:
            return self.subject_events[kind].describe(count, different)
        phrase = self.custom_event if kind.startswith(CUSTOM_PREFIX) else self.events[kind]
        return (phrase.one if count == 1 else phrase.several).format(count=count, name=kind.removeprefix(CUSTOM_PREFIX))

    def describe_limits(self, within: timedelta | None, per_day: int | None) -> str:
        """Return which events were counted; empty without limits."""
        window = ""
        if within is not None:
            is_days = within >= timedelta(days=2) and not within % timedelta(days=1)
            window = self.within_days.format(days=within.days) if is_days else self.within_hours.format(hours=f"{within / _HOUR:g}")
        return window + ("" if per_day is None else self.per_day.format(limit=per_day))

    def format_date(self, day: date, today: date) -> str:
        """Return a date; with the year if the same day and month have passed since."""
        template = self.day if (today - day).days < 365 else self.day_of_year
        return template.format(day=day.day, month=self.months[day.month - 1], year=day.year)


def format_minus(value: object) -> str:
    """Return a number or a grade with a typographic minus sign: −5, C−."""
    return str(value).replace("-", "−")


def format_signed(points: object) -> str:
    """Return points with a typographic sign: +6, −5."""
    text = format_minus(points)
    return text if text.startswith("−") else f"+{text}"
