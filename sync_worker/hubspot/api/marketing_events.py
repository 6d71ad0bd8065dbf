"""Marketing events and who attended them: where webinar tools that are connected to HubSpot leave their attendance.

Source: hubspot-api.md 7e, and "Retrieve all events" and "Participant state" of HubSpot's marketing events API (v3 and 2026-09): events
in order of their id, participations of one event, at most 100 each; every plan has them. HubSpot tells the present state of a participant:
who attended and is corrected to a no-show is no longer among those who attended.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sync_worker.hubspot.records.models import Event, MarketingEvent, Page
from sync_worker.hubspot.records.parsing import Row, instant, next_after, sense_of
from sync_worker.hubspot.rest.sdk import RAW, Untyped

PAGE_SIZE: Final = 100
ATTENDED: Final = "ATTENDED"
KIND: Final = "webinar"


class MarketingEvents:
    """The webinars, fairs and workshops of the portal, whichever program brought them there."""

    def __init__(self, events: Untyped, participations: Untyped) -> None:
        self._events = events
        self._participations = participations

    def page(self, after: str | None = None, *, limit: int = PAGE_SIZE) -> Page[MarketingEvent, str]:
        """Return some marketing events, in order of their id."""
        data: Row = self._events.get_all(limit=limit, **({"after": after} if after else {}), **RAW)
        with sense_of("read the marketing events"):
            return Page(items=tuple(map(marketing_event, data["results"])), next=next_after(data.get("paging")))

    def webinars(self) -> tuple[MarketingEvent, ...]:
        """Return those that are webinars, or do not say what they are."""
        return tuple(event for event in self._all() if event.is_webinar)

    def attendances(self, event: MarketingEvent, after: str | None = None, *, limit: int = PAGE_SIZE) -> Page[Event, str]:
        """Return who attended, as events; HubSpot cannot be asked for a time."""
        data: Row = self._participations.get_participations_breakdown_by_marketing_event_id(
            event.id, state=ATTENDED, limit=limit, **({"after": after} if after else {}), **RAW
        )
        with sense_of("read who took part in a marketing event"):
            found = (attendance(row, event) for row in data["results"])
            return Page(items=tuple(each for each in found if each is not None), next=next_after(data.get("paging")))

    def _all(self) -> Iterator[MarketingEvent]:
        after: str | None = None
        while True:
            page = self.page(after)
            yield from page.items
            if page.next is None:
                return
            after = page.next


def marketing_event(row: Row) -> MarketingEvent:
    """Parse a marketing event."""
    return MarketingEvent(
        id=str(row["objectId"]),
        name=row.get("eventName") or "",
        type=row.get("eventType") or "",
        attendees=row.get("attendees"),
        updated_at=instant(row["updatedAt"]) if row.get("updatedAt") else None,
    )


def attendance(row: Row, event: MarketingEvent) -> Event | None:
    """Parse a participation; None where somebody registered, cancelled or did not come."""
    properties, contact = row["properties"], row["associations"]["contact"]
    if properties["attendanceState"] != ATTENDED:
        return None
    contact_id = contact.get("contactId")
    return Event(
        id=str(row["id"]),
        kind=KIND,
        # Milliseconds by the specification, ISO 8601 by the guide.
        at=instant(str(properties["occurredAt"])),
        contact_id=int(contact_id) if contact_id else None,
        email=None if contact_id else (contact.get("email") or "").strip().lower() or None,
        campaign=event.id,
        name=event.name or None,
    )
