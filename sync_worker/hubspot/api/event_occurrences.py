"""Event occurrences API: single page views and custom events, on Enterprise portals."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import Final

from sync_worker.errors import Forbidden
from sync_worker.hubspot.api.pages import follow_pages
from sync_worker.hubspot.records.models import Event, ResultPage
from sync_worker.hubspot.records.parsing import JsonObject, parse_next_cursor, parse_timestamp, translate_parse_errors
from sync_worker.hubspot.rest.error_responses import MissingScope
from sync_worker.hubspot.rest.sdk import RAW, Untyped

PAGE_SIZE: Final = 100
PAGE_VIEW_TYPE: Final = "e_visited_page"
EVENT_KINDS: Final = {PAGE_VIEW_TYPE: "page_view", "e_submitted_form": "form_submission"}
PROBE_PERIOD: Final = (
    datetime(2020, 1, 1, tzinfo=UTC),
    datetime(2020, 1, 2, tzinfo=UTC),
)  # only the permission matters, not the events
ALL_TIME: Final = (datetime(2006, 6, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))  # HubSpot's first month and a distant one
OPERATION: Final = "read event occurrences"


class EventOccurrences:
    """The events of the portal's contacts."""

    def __init__(self, api: Untyped) -> None:
        self._api = api

    def is_available(self) -> bool:
        """Return whether the portal shows single events. That requires an Enterprise plan.

        Raises:
            MissingScope: the token lacks the scope.
        """
        try:
            self._get_page(PAGE_VIEW_TYPE, *PROBE_PERIOD, after=None, limit=1)
        except MissingScope as error:
            if set(error.scopes) - {"oauth"}:  # every token has `oauth`: HubSpot then means the plan
                raise
            return False
        except Forbidden:
            return False
        return True

    def has_page_views(self) -> bool:
        """Return whether HubSpot shows any page view."""
        fetch_page = partial(self.read_page, PAGE_VIEW_TYPE, *ALL_TIME, limit=1)
        return any(page.items for page in follow_pages(fetch_page, operation=OPERATION))

    def list_types(self) -> tuple[str, ...]:
        """Return the event types of the portal."""
        data: JsonObject = self._api.get_types(**RAW)
        with translate_parse_errors("read the types of events"):
            return tuple(data["eventTypes"])

    def read_page(
        self, event_type: str, start: datetime, stop: datetime, after: str | None = None, *, limit: int = PAGE_SIZE
    ) -> ResultPage[Event, str]:
        """Return events of one type from `start` to `stop`, oldest first. HubSpot does not document whether the ends are inclusive."""
        data = self._get_page(event_type, start, stop, after=after, limit=limit)
        with translate_parse_errors(OPERATION):
            return ResultPage(items=tuple(map(parse_occurrence, data["results"])), next=parse_next_cursor(data.get("paging")))

    def for_contact(self, contact_id: int, event_type: str, after: str | None = None, *, limit: int = PAGE_SIZE) -> ResultPage[Event, str]:
        """Return events of one type of one contact, oldest first."""
        where = {"after": after} if after else {}
        data: JsonObject = self._api.get_page(
            object_type="contact", object_id=contact_id, event_type=event_type, sort=["occurredAt"], limit=limit, **where, **RAW
        )
        with translate_parse_errors(OPERATION):
            return ResultPage(items=tuple(map(parse_occurrence, data["results"])), next=parse_next_cursor(data.get("paging")))

    def _get_page(self, event_type: str, start: datetime, stop: datetime, *, after: str | None, limit: int) -> JsonObject:
        times = {"occurred_after": _format_timestamp(start), "occurred_before": _format_timestamp(stop)}
        where = {"after": after} if after else {}
        data: JsonObject = self._api.get_page(
            object_type="contact", event_type=event_type, sort=["occurredAt"], limit=limit, **times, **where, **RAW
        )
        return data


def parse_occurrence(row: JsonObject) -> Event:
    """Parse an event occurrence."""
    properties = row.get("properties") or {}
    return Event(
        id=str(row["id"]),
        kind=event_kind(row["eventType"]),
        at=parse_timestamp(row["occurredAt"]),
        contact_id=int(row["objectId"]),
        url=properties.get("hs_url"),
        form_id=properties.get("hs_form_guid"),
        campaign=properties.get("hs_utm_campaign"),
        name=properties.get("hs_title"),
        user_agent=properties.get("hs_user_agent"),
    )


def event_kind(event_type: str) -> str:
    """Return the worker's event kind for an event type. The portal id is removed from the name of a custom event."""
    own, _, name = event_type.partition("_")
    custom = name if own.startswith("pe") and own[2:].isdecimal() else event_type
    return EVENT_KINDS.get(event_type) or f"custom:{custom}"


def _format_timestamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
