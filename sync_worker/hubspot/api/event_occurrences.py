"""Event occurrences API: single page views and custom events, on Enterprise portals."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Final

import msgspec

from sync_worker.errors import Forbidden
from sync_worker.hubspot.api.pages import follow_pages
from sync_worker.hubspot.records.field_parsers import parse_next_cursor, translate_parse_errors
from sync_worker.hubspot.records.field_types import FIRST_EVENT, RecordId, TextId, check_range, convert, parse_event_time
from sync_worker.hubspot.records.models import Event, ResultPage
from sync_worker.hubspot.records.row_parser import JsonObject, RowParser
from sync_worker.hubspot.rest.error_responses import MissingScope
from sync_worker.hubspot.rest.sdk import RAW, Untyped

PAGE_SIZE: Final = 100
PAGE_VIEW_TYPE: Final = "e_visited_page"
EVENT_KINDS: Final = {PAGE_VIEW_TYPE: "page_view", "e_submitted_form": "form_submission"}
PROBE_PERIOD: Final = (
    datetime(2020, 1, 1, tzinfo=UTC),
    datetime(2020, 1, 2, tzinfo=UTC),
)  # only the permission matters, not the events
ALL_TIME: Final = (FIRST_EVENT, datetime(2100, 1, 1, tzinfo=UTC))
OPERATION: Final = "read event occurrences"


class EventOccurrences:
    """The events of the portal's contacts."""

    def __init__(self, api: Untyped, rows: RowParser) -> None:
        self._api = api
        self._rows = rows

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
            return self._rows.parse(data["eventTypes"], partial(convert, shape=TextId), operation="read the types of events").items

    def read_page(
        self, event_type: str, start: datetime, stop: datetime, after: str | None = None, *, limit: int = PAGE_SIZE
    ) -> ResultPage[Event, str]:
        """Return events of one type from `start` to `stop`, oldest first. HubSpot does not document whether the ends are inclusive."""
        data = self._get_page(event_type, start, stop, after=after, limit=limit)
        return self._parse_page(data, partial(_parse_within, start, stop))

    def for_contact(self, contact_id: int, event_type: str, after: str | None = None, *, limit: int = PAGE_SIZE) -> ResultPage[Event, str]:
        """Return events of one type of one contact, oldest first."""
        where = {"after": after} if after else {}
        data: JsonObject = self._api.get_page(
            object_type="contact", object_id=contact_id, event_type=event_type, sort=["occurredAt"], limit=limit, **where, **RAW
        )
        return self._parse_page(data, parse_occurrence)

    def _parse_page(self, data: JsonObject, parse_row: Callable[[object], Event]) -> ResultPage[Event, str]:
        with translate_parse_errors(OPERATION):
            events, unreadable = self._rows.parse(data["results"], parse_row, operation=OPERATION)
            return ResultPage(items=events, next=parse_next_cursor(data.get("paging")), unreadable=unreadable)

    def _get_page(self, event_type: str, start: datetime, stop: datetime, *, after: str | None, limit: int) -> JsonObject:
        times = {"occurred_after": _format_timestamp(start), "occurred_before": _format_timestamp(stop)}
        where = {"after": after} if after else {}
        data: JsonObject = self._api.get_page(
            object_type="contact", event_type=event_type, sort=["occurredAt"], limit=limit, **times, **where, **RAW
        )
        return data


class _OccurrenceProperties(msgspec.Struct):
    hs_url: str | None = None
    hs_form_guid: str | None = None
    hs_utm_campaign: str | None = None
    hs_title: str | None = None
    hs_user_agent: str | None = None


class _OccurrenceRow(msgspec.Struct, rename="camel"):
    id: TextId | RecordId
    event_type: TextId
    object_id: RecordId
    occurred_at: str | int
    properties: _OccurrenceProperties | None = None


def parse_occurrence(row: object) -> Event:
    """Parse an event occurrence."""
    data = convert(row, _OccurrenceRow)
    properties = data.properties or _OccurrenceProperties()
    return Event(
        id=str(data.id),
        kind=event_kind(data.event_type),
        at=parse_event_time(data.occurred_at),
        contact_id=data.object_id,
        url=properties.hs_url,
        form_id=properties.hs_form_guid,
        campaign=properties.hs_utm_campaign,
        name=properties.hs_title,
        user_agent=properties.hs_user_agent,
    )


def _parse_within(start: datetime, stop: datetime, row: object) -> Event:
    event = parse_occurrence(row)
    check_range(event.at, start, stop)
    return event


def event_kind(event_type: str) -> str:
    """Return the worker's event kind for an event type. The portal id is removed from the name of a custom event."""
    own, _, name = event_type.partition("_")
    custom = name if own.startswith("pe") and own[2:].isdecimal() else event_type
    return EVENT_KINDS.get(event_type) or f"custom:{custom}"


def is_occurrence(kind: str) -> bool:
    """Return whether events of a kind are read as occurrences."""
    return kind == "page_view" or kind.startswith("custom:")


def _format_timestamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
