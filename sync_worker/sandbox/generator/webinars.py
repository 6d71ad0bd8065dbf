"""Webinars of a generated portal and their participations; registrants are the people who submitted the webinar form."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Final

from sync_worker.sandbox.base.portal_data import Row
from sync_worker.sandbox.generator.form_submissions import WEBINAR_FORM, FormSubmission
from sync_worker.sandbox.generator.people import HISTORY_DAYS, Person
from sync_worker.sandbox.generator.seeded_random import draw_int
from sync_worker.sandbox.generator.timestamps import DAY_MS, HOUR_MS, MINUTE_MS, format_iso
from sync_worker.sandbox.generator.vocabulary.website import SITE_URL

_WEBINAR_INTERVAL_DAYS: Final = 30
_NEXT_WEBINAR_DAYS: Final = 9
_ATTENDANCE_RATE: Final = 0.55  # share of registrants
_CANCELLATION_RATE: Final = 0.1  # share of registrants
_TOPICS: Final = ("Scoring leads without guessing", "From click to call", "What a grade is good for", "Spring cleaning for your CRM")


@dataclass(frozen=True, slots=True, kw_only=True)
class Webinar:
    """A webinar with its start time (epoch milliseconds)."""

    id: int
    name: str
    starts_at: int

    def to_row(self, now: int) -> Row:
        """Return the webinar as a marketing event in HubSpot's JSON."""
        is_completed = self.starts_at < now
        return {
            "objectId": str(self.id),
            "eventName": self.name,
            "eventType": "WEBINAR",
            "eventOrganizer": "Marketing",
            "eventUrl": SITE_URL + WEBINAR_FORM.path,
            "eventCancelled": False,
            "eventCompleted": is_completed,
            "startDateTime": format_iso(self.starts_at),
            "endDateTime": format_iso(self.starts_at + HOUR_MS),
            "createdAt": format_iso(self.starts_at - 60 * DAY_MS),
            "updatedAt": format_iso(min(self.starts_at + 2 * HOUR_MS, now)),
        }


def generate_webinars(now: int) -> list[Webinar]:
    """Return the webinars within the recorded history and the next one, oldest first."""
    starts = sorted(now - days * DAY_MS for days in range(-_NEXT_WEBINAR_DAYS, HISTORY_DAYS, _WEBINAR_INTERVAL_DAYS))
    return [Webinar(id=510_001 + number, name=_TOPICS[number % len(_TOPICS)], starts_at=at) for number, at in enumerate(starts)]


def participation_rows(person: Person, rng: Random, submissions: list[FormSubmission], webinars: list[Webinar], now: int) -> Iterator[Row]:
    """Yield the participations of a person; a submission of the webinar form registers for the next webinar after it."""
    starts = [webinar.starts_at for webinar in webinars]
    registered = {bisect_right(starts, each.at): each.at for each in submissions if each.form is WEBINAR_FORM}
    for index, at in registered.items():
        webinar = webinars[index]
        state, since = _draw_attendance(rng, webinar, at, now)
        yield {
            "id": f"{webinar.id}{person.id}",
            "createdAt": format_iso(at),
            "properties": {"attendanceState": state, "occurredAt": since},
            "associations": {"contact": {"contactId": person.id}, "marketingEvent": {"marketingEventId": str(webinar.id)}},
        }


def _draw_attendance(rng: Random, webinar: Webinar, registered: int, now: int) -> tuple[str, int]:
    draw, minutes = rng.random(), draw_int(rng, 0, 12)
    if draw > 1 - _CANCELLATION_RATE:
        return "CANCELLED", registered
    if webinar.starts_at + HOUR_MS > now:
        return "REGISTERED", registered
    return ("ATTENDED", webinar.starts_at + minutes * MINUTE_MS) if draw < _ATTENDANCE_RATE else ("NO_SHOW", webinar.starts_at + HOUR_MS)
