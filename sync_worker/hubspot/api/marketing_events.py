"""Marketing events API: webinars and their attendees, as connected webinar tools report them to HubSpot.

Source: hubspot-api.md 7e, and "Retrieve all events" and "Participant state" of HubSpot's marketing events API (v3 and 2026-09): events
sorted by id, participations of one event, at most 100 per page, on every plan. HubSpot returns the current state of a participant: an
attendee who is corrected to a no-show is no longer returned as an attendee.
"""

from __future__ import annotations

from typing import Final

from sync_worker.hubspot.api.pages import follow_pages
from sync_worker.hubspot.records.models import Event, MarketingEvent, ResultPage
from sync_worker.hubspot.records.parsing import JsonObject, parse_next_cursor, parse_timestamp, translate_parse_errors
from sync_worker.hubspot.rest.sdk import RAW, Untyped

PAGE_SIZE: Final = 100
ATTENDED_STATE: Final = "ATTENDED"
EVENT_KIND: Final = "webinar"


class MarketingEvents:
    """The webinars, trade shows and workshops of the portal, from all connected tools."""

    def __init__(self, events: Untyped, participations: Untyped) -> None:
        self._events = events
        self._participations = participations

    def read_page(self, after: str | None = None, *, limit: int = PAGE_SIZE) -> ResultPage[MarketingEvent, str]:
        """Return a page of marketing events, sorted by id."""
        data: JsonObject = self._events.get_all(limit=limit, **({"after": after} if after else {}), **RAW)
        with translate_parse_errors("read the marketing events"):
            return ResultPage(items=tuple(map(parse_marketing_event, data["results"])), next=parse_next_cursor(data.get("paging")))

    def list_webinars(self) -> tuple[MarketingEvent, ...]:
        """Return all webinars, including marketing events without a type."""
        pages = follow_pages(self.read_page, operation="read the marketing events")
        return tuple(event for page in pages for event in page.items if event.is_webinar)

    def read_attendances(self, event: MarketingEvent, after: str | None = None, *, limit: int = PAGE_SIZE) -> ResultPage[Event, str]:
        """Return the attendances of a marketing event as events. HubSpot cannot filter them by time."""
        data: JsonObject = self._participations.get_participations_breakdown_by_marketing_event_id(
            event.id, state=ATTENDED_STATE, limit=limit, **({"after": after} if after else {}), **RAW
        )
        with translate_parse_errors("read the participations of a marketing event"):
            found = (parse_attendance(row, event) for row in data["results"])
            return ResultPage(items=tuple(each for each in found if each is not None), next=parse_next_cursor(data.get("paging")))


def parse_marketing_event(row: JsonObject) -> MarketingEvent:
    """Parse a marketing event."""
    return MarketingEvent(
        id=str(row["objectId"]),
        name=row.get("eventName") or "",
        type=row.get("eventType") or "",
        attendee_count=row.get("attendees"),
        updated_at=parse_timestamp(row["updatedAt"]) if row.get("updatedAt") else None,
    )


def parse_attendance(row: JsonObject, event: MarketingEvent) -> Event | None:
    """Parse a participation, or return None if the contact only registered, canceled or did not attend."""
    properties, contact = row["properties"], row["associations"]["contact"]
    if properties["attendanceState"] != ATTENDED_STATE:
        return None
    contact_id = contact.get("contactId")
    return Event(
        id=str(row["id"]),
        kind=EVENT_KIND,
        # Milliseconds in the specification, ISO 8601 in the guide.
        at=parse_timestamp(str(properties["occurredAt"])),
        contact_id=int(contact_id) if contact_id else None,
        email=None if contact_id else (contact.get("email") or "").strip().lower() or None,
        campaign=event.id,
        name=event.name or None,
    )
