"""Marketing email events API (v1): clicks, opens and bounces of the whole portal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Final

import msgspec

from sync_worker.hubspot.records.field_parsers import translate_parse_errors
from sync_worker.hubspot.records.field_types import (
    Count,
    Email,
    Milliseconds,
    RecordId,
    TextId,
    UnreadableField,
    check_range,
    convert,
    normalize_email,
)
from sync_worker.hubspot.records.models import Event, ResultPage
from sync_worker.hubspot.records.row_parser import JsonObject, RowParser
from sync_worker.hubspot.rest.transport import Transport
from sync_worker.timestamps import from_ms, to_ms

PAGE_SIZE: Final = 1_000
OPERATION: Final = "read email events"


class EmailEvents:
    """The email events of the portal. The SDK lacks this endpoint; there is no newer version."""

    def __init__(self, transport: Transport, rows: RowParser) -> None:
        self._transport = transport
        self._rows = rows

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
        return self._get_page(query, offset, partial(_parse_within, start, stop))

    def for_recipient(self, event_type: str, email: str, offset: str | None = None, *, limit: int = PAGE_SIZE) -> ResultPage[Event, str]:
        """Return events of one type of one address, newest first."""
        return self._get_page([("eventType", event_type), ("recipient", email), ("limit", str(limit))], offset, parse_email_event)

    def _get_page(
        self, query: Sequence[tuple[str, str]], offset: str | None, parse_row: Callable[[object], Event]
    ) -> ResultPage[Event, str]:
        data = self._transport.get("/email/public/v1/events", [*query, ("offset", offset)] if offset else query)
        with translate_parse_errors(OPERATION):
            events, unreadable = self._rows.parse(data["events"], parse_row, operation=OPERATION)
            return ResultPage(items=events, next=_parse_offset(data), unreadable=unreadable)


class _Cursor(msgspec.Struct, rename="camel"):
    has_more: bool | None = None
    offset: str | int | None = None


def _parse_offset(data: JsonObject) -> str | None:
    """Return the offset of the next page, or None on the last page, which may name an offset too."""
    cursor = convert(data, _Cursor)
    if cursor.has_more is False or (cursor.has_more is None and cursor.offset is None):
        return None
    if cursor.offset in (None, ""):
        raise UnreadableField("more events, but no offset")
    return str(cursor.offset)


def _parse_within(start: datetime, stop: datetime, row: object) -> Event:
    event = parse_email_event(row)
    check_range(event.at, start, stop)
    return event


class _EventReference(msgspec.Struct):
    id: TextId | None = None
    created: Milliseconds | None = None


class _EmailEventRow(msgspec.Struct, rename="camel"):
    id: TextId | RecordId
    created: Milliseconds
    type: TextId
    recipient: Email
    url: str | None = None
    email_campaign_id: TextId | Count | None = None
    user_agent: str | None = None
    sent_by: _EventReference | None = None
    obsoleted_by: _EventReference | None = None
    filtered_event: bool | None = None


def parse_email_event(row: object) -> Event:
    """Parse an email event. Its id consists of HubSpot's id and time."""
    data = convert(row, _EmailEventRow)
    sent, newer, address = data.sent_by and data.sent_by.created, data.obsoleted_by, normalize_email(data.recipient)
    if address is None:
        raise UnreadableField("the recipient is empty")
    return Event(
        id=f"{data.id}:{data.created}",
        kind=f"email_{data.type.lower()}",
        at=from_ms(data.created),
        email=address,
        url=data.url,
        campaign=str(data.email_campaign_id) if data.email_campaign_id else None,
        user_agent=data.user_agent,
        sent_at=from_ms(sent) if sent else None,
        filtered=bool(data.filtered_event),
        obsoleted_by=f"{newer.id}:{newer.created}" if newer and newer.id else None,
    )
