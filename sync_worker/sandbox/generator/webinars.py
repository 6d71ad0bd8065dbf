"""Webinars, and who came: those who filled in the form before it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Final

from sync_worker.sandbox.base.portal_data import Row
from sync_worker.sandbox.generator.form_submissions import WEBINAR, Conversion
from sync_worker.sandbox.generator.people import LOG_DAYS, Person
from sync_worker.sandbox.generator.seeded_random import between
from sync_worker.sandbox.generator.timestamps import DAY, HOUR, MINUTE, iso
from sync_worker.sandbox.generator.website import SITE

_EVERY_DAYS: Final = 30
_SOON_DAYS: Final = 9
_COME: Final = 0.55  # of those who have registered; the others forget it, few cancel
_CANCEL: Final = 0.1
_TOPICS: Final = ("Scoring leads without guessing", "From click to call", "What a grade is good for", "Spring cleaning for your CRM")


@dataclass(frozen=True, slots=True, kw_only=True)
class Webinar:
    """A webinar that begins at a moment (epoch milliseconds)."""

    id: int
    name: str
    at: int

    def row(self, now: int) -> Row:
        """Return the webinar as HubSpot's marketing event."""
        held = self.at < now
        return {
            "objectId": str(self.id),
            "eventName": self.name,
            "eventType": "WEBINAR",
            "eventOrganizer": "Marketing",
            "eventUrl": SITE + WEBINAR.path,
            "eventCancelled": False,
            "eventCompleted": held,
            "startDateTime": iso(self.at),
            "endDateTime": iso(self.at + HOUR),
            "createdAt": iso(self.at - 60 * DAY),
            "updatedAt": iso(min(self.at + 2 * HOUR, now)),
        }


def webinars(now: int) -> list[Webinar]:
    """Return the webinars of the time that was recorded and the next one, oldest first."""
    begins = sorted(now - days * DAY for days in range(-_SOON_DAYS, LOG_DAYS, _EVERY_DAYS))
    return [Webinar(id=510_001 + number, name=_TOPICS[number % len(_TOPICS)], at=at) for number, at in enumerate(begins)]


def participations(person: Person, rng: Random, filled: list[Conversion], held: list[Webinar], now: int) -> Iterator[Row]:
    """Yield how somebody took part: a form that was filled in is for the next webinar, and one that has been is over."""
    begins = [webinar.at for webinar in held]
    registered = {bisect_right(begins, each.at): each.at for each in filled if each.form is WEBINAR}
    for place, at in registered.items():
        webinar = held[place]
        state, since = _outcome(rng, webinar, at, now)
        yield {
            "id": f"{webinar.id}{person.id}",
            "createdAt": iso(at),
            "properties": {"attendanceState": state, "occurredAt": since},
            "associations": {"contact": {"contactId": person.id}, "marketingEvent": {"marketingEventId": str(webinar.id)}},
        }


def _outcome(rng: Random, webinar: Webinar, registered: int, now: int) -> tuple[str, int]:
    luck, minutes = rng.random(), between(rng, 0, 12)
    if luck > 1 - _CANCEL:
        return "CANCELLED", registered
    if webinar.at + HOUR > now:
        return "REGISTERED", registered
    return ("ATTENDED", webinar.at + minutes * MINUTE) if luck < _COME else ("NO_SHOW", webinar.at + HOUR)
