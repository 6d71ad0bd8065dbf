"""Event occurrences: page views and custom events one by one, where the portal's plan shows them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from sync_worker.errors import Forbidden
from sync_worker.hubspot.records.models import Event, Page
from sync_worker.hubspot.records.parsing import Row, instant, next_after, sense_of
from sync_worker.hubspot.rest.error_responses import MissingScope
from sync_worker.hubspot.rest.sdk import RAW, Untyped

PAGE_SIZE: Final = 100
PAGE_VIEW: Final = "e_visited_page"
KINDS: Final = {PAGE_VIEW: "page_view", "e_submitted_form": "form_submission"}
SOME_DAY: Final = (datetime(2020, 1, 1, tzinfo=UTC), datetime(2020, 1, 2, tzinfo=UTC))  # the answer is yes or no, whatever happened then
OPERATION: Final = "read event occurrences"


class Occurrences:
    """The events of the portal's contacts."""

    def __init__(self, api: Untyped) -> None:
        self._api = api

    def available(self) -> bool:
        """Say whether the portal shows its events: that takes an Enterprise hub.

        Raises:
            MissingScope: the plan may show them, but this token may not read them.
        """
        try:
            self._read(PAGE_VIEW, *SOME_DAY, after=None, limit=1)
        except MissingScope as error:
            if set(error.scopes) - {"oauth"}:  # which every token has: HubSpot means the plan
                raise
            return False
        except Forbidden:
            return False
        return True

    def types(self) -> tuple[str, ...]:
        """Return the names of the types of events that the portal has."""
        data: Row = self._api.get_types(**RAW)
        with sense_of("read the types of events"):
            return tuple(data["eventTypes"])

    def page(
        self, event_type: str, start: datetime, stop: datetime, after: str | None = None, *, limit: int = PAGE_SIZE
    ) -> Page[Event, str]:
        """Return events of one type in order of time, from `start` up to `stop`; whether the ends belong to it is not documented."""
        data = self._read(event_type, start, stop, after=after, limit=limit)
        with sense_of(OPERATION):
            return Page(items=tuple(map(occurrence, data["results"])), next=next_after(data.get("paging")))

    def of(self, contact_id: int, event_type: str, after: str | None = None, *, limit: int = PAGE_SIZE) -> Page[Event, str]:
        """Return events of one type of one contact, in order of time."""
        where = {"after": after} if after else {}
        data: Row = self._api.get_page(
            object_type="contact", object_id=contact_id, event_type=event_type, sort=["occurredAt"], limit=limit, **where, **RAW
        )
        with sense_of(OPERATION):
            return Page(items=tuple(map(occurrence, data["results"])), next=next_after(data.get("paging")))

    def _read(self, event_type: str, start: datetime, stop: datetime, *, after: str | None, limit: int) -> Row:
        times = {"occurred_after": _text(start), "occurred_before": _text(stop)}
        where = {"after": after} if after else {}
        data: Row = self._api.get_page(
            object_type="contact", event_type=event_type, sort=["occurredAt"], limit=limit, **times, **where, **RAW
        )
        return data


def occurrence(row: Row) -> Event:
    """Parse an event occurrence."""
    properties = row.get("properties") or {}
    return Event(
        id=str(row["id"]),
        kind=kind_of(row["eventType"]),
        at=instant(row["occurredAt"]),
        contact_id=int(row["objectId"]),
        url=properties.get("hs_url"),
        form_id=properties.get("hs_form_guid"),
        campaign=properties.get("hs_utm_campaign"),
        name=properties.get("hs_title"),
        user_agent=properties.get("hs_user_agent"),
    )


def kind_of(event_type: str) -> str:
    """Return our word for a type of event: what a portal named itself loses the number of the portal."""
    own, _, name = event_type.partition("_")
    custom = name if own.startswith("pe") and own[2:].isdecimal() else event_type
    return KINDS.get(event_type) or f"custom:{custom}"


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
