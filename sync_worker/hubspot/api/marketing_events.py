"""Marketing events API: webinars and their attendees, as connected webinar tools report them to HubSpot.

Source: hubspot-api.md 7e, and "Retrieve all events" and "Participant state" of HubSpot's marketing events API (v3 and 2026-09): events
sorted by id, participations of one event, at most 100 per page, on every plan. HubSpot returns the current state of a participant: an
attendee who is corrected to a no-show is no longer returned as an attendee.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Final

import msgspec

from sync_worker.hubspot.api.pages import follow_pages
from sync_worker.hubspot.records.field_parsers import parse_next_cursor, translate_parse_errors
from sync_worker.hubspot.records.field_types import (
    Count,
    Email,
    RecordId,
    TextId,
    convert,
    normalize_email,
    parse_event_time,
    parse_optional_timestamp,
)
from sync_worker.hubspot.records.models import Event, MarketingEvent, ResultPage
from sync_worker.hubspot.records.row_parser import JsonObject, RowParser
from sync_worker.hubspot.rest.sdk import RAW, Untyped

PAGE_SIZE: Final = 100
ATTENDED_STATE: Final = "ATTENDED"
EVENT_KIND: Final = "webinar"


class MarketingEvents:
    """The webinars, trade shows and workshops of the portal, from all connected tools."""

    def __init__(self, events: Untyped, participations: Untyped, rows: RowParser) -> None:
        self._events = events
        self._participations = participations
        self._rows = rows

    def read_page(self, after: str | None = None, *, limit: int = PAGE_SIZE) -> ResultPage[MarketingEvent, str]:
        """Return a page of marketing events, sorted by id."""
        data: JsonObject = self._events.get_all(limit=limit, **({"after": after} if after else {}), **RAW)
        operation = "read the marketing events"
        with translate_parse_errors(operation):
            events, unreadable = self._rows.parse(data["results"], parse_marketing_event, operation=operation)
            return ResultPage(items=events, next=parse_next_cursor(data.get("paging")), unreadable=unreadable)

    def list_webinars(self) -> tuple[MarketingEvent, ...]:
        """Return all webinars, including marketing events without a type; one that two pages have is returned once."""
        pages = follow_pages(self.read_page, operation="read the marketing events")
        webinars: dict[str, MarketingEvent] = {}
        for event in (event for page in pages for event in page.items if event.is_webinar):
            webinars.setdefault(event.id, event)
        return tuple(webinars.values())

    def read_attendances(self, event: MarketingEvent, after: str | None = None, *, limit: int = PAGE_SIZE) -> ResultPage[Event, str]:
        """Return the attendances of a marketing event as events. HubSpot cannot filter them by time."""
        data: JsonObject = self._participations.get_participations_breakdown_by_marketing_event_id(
            event.id, state=ATTENDED_STATE, limit=limit, **({"after": after} if after else {}), **RAW
        )
        operation = "read the participations of a marketing event"
        with translate_parse_errors(operation):
            found, unreadable = self._rows.parse(data["results"], partial(parse_attendance, event=event), operation=operation)
            following = parse_next_cursor(data.get("paging"))
            return ResultPage(items=tuple(each for each in found if each is not None), next=following, unreadable=unreadable)


class _MarketingEventRow(msgspec.Struct, rename="camel"):
    object_id: TextId | RecordId
    event_name: str | None = None
    event_type: str | None = None
    attendees: Count | None = None
    updated_at: Any = None


def parse_marketing_event(row: object) -> MarketingEvent:
    """Parse a marketing event."""
    data = convert(row, _MarketingEventRow)
    return MarketingEvent(
        id=str(data.object_id),
        name=data.event_name or "",
        type=data.event_type or "",
        attendee_count=data.attendees,
        updated_at=parse_optional_timestamp(data.updated_at),
    )


class _Participant(msgspec.Struct, rename="camel"):
    contact_id: RecordId | None = None
    email: Email | None = None


class _ParticipantLink(msgspec.Struct):
    contact: _Participant


class _Participation(msgspec.Struct, rename="camel"):
    attendance_state: str
    occurred_at: str | int


class _ParticipationRow(msgspec.Struct):
    id: TextId | RecordId
    properties: _Participation
    associations: _ParticipantLink


def parse_attendance(row: object, event: MarketingEvent) -> Event | None:
    """Parse a participation, or return None if the contact only registered, canceled or did not attend."""
    data = convert(row, _ParticipationRow)
    contact = data.associations.contact
    if data.properties.attendance_state != ATTENDED_STATE:
        return None
    return Event(
        id=str(data.id),
        kind=EVENT_KIND,
        # Milliseconds in the specification, ISO 8601 in the guide.
        at=parse_event_time(data.properties.occurred_at),
        contact_id=contact.contact_id,
        email=None if contact.contact_id else normalize_email(contact.email),
        campaign=event.id,
        name=event.name or None,
    )
