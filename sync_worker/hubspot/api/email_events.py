"""Marketing email events API (v1): clicks, opens and bounces of the whole portal."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sync_worker.hubspot.records.models import Event, ResultPage
from sync_worker.hubspot.records.parsing import JsonObject, translate_parse_errors
from sync_worker.hubspot.rest.transport import Transport
from sync_worker.timestamps import from_ms, to_ms

PAGE_SIZE: Final = 1_000
OPERATION: Final = "read email events"


class EmailEvents:
    """The email events of the portal. The SDK lacks this endpoint; there is no newer version."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def read_page(
        self, event_type: str, start: datetime, stop: datetime, offset: str | None = None, *, limit: int = PAGE_SIZE
    ) -> ResultPage[Event, str]:
        """Return events of one type, such as CLICK or OPEN, newest first.

        `start` and `stop` are inclusive, to the millisecond. `offset` is the `next` of the previous page of the same interval.
        """
        query = [
            ("eventType", event_type),
            ("startTimestamp", str(to_ms(start))),
            ("endTimestamp", str(to_ms(stop))),
            ("limit", str(limit)),
        ]
        return self._get_page(query, offset)

    def for_recipient(self, event_type: str, email: str, offset: str | None = None, *, limit: int = PAGE_SIZE) -> ResultPage[Event, str]:
        """Return events of one type of one address, newest first."""
        return self._get_page([("eventType", event_type), ("recipient", email), ("limit", str(limit))], offset)

    def _get_page(self, query: Sequence[tuple[str, str]], offset: str | None) -> ResultPage[Event, str]:
        data = self._transport.get("/email/public/v1/events", [*query, ("offset", offset)] if offset else query)
        with translate_parse_errors(OPERATION):
            following = str(data["offset"]) if data["hasMore"] else None
            return ResultPage(items=tuple(map(parse_email_event, data["events"])), next=following)


def parse_email_event(row: JsonObject) -> Event:
    """Parse an email event. Its id consists of HubSpot's id and time."""
    sent, newer = row.get("sentBy") or {}, row.get("obsoletedBy")
    return Event(
        id=_event_id(row),
        kind=f"email_{row['type'].lower()}",
        at=from_ms(row["created"]),
        email=(row.get("recipient") or "").strip().lower() or None,
        url=row.get("url"),
        campaign=str(row["emailCampaignId"]) if row.get("emailCampaignId") else None,
        user_agent=row.get("userAgent"),
        sent_at=from_ms(sent["created"]) if sent.get("created") else None,
        filtered=bool(row.get("filteredEvent")),
        obsoleted_by=_event_id(newer) if newer else None,
    )


def _event_id(row: JsonObject) -> str:
    return f"{row['id']}:{row['created']}"
