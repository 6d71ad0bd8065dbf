"""Owners API: the users that contacts and tasks can be assigned to."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from sync_worker.hubspot.api.pages import follow_pages
from sync_worker.hubspot.records.field_parsers import parse_next_cursor, translate_parse_errors
from sync_worker.hubspot.records.field_types import Email, RecordId, TextId, convert, normalize_email
from sync_worker.hubspot.records.models import ResultPage
from sync_worker.hubspot.records.row_parser import RowParser
from sync_worker.hubspot.rest.transport import Transport

PAGE_SIZE = 100
OPERATION = "read the owners"


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """An active owner. HubSpot may show no email."""

    id: str
    email: str | None


class ActiveOwners:
    """The owners of the portal, without users who have left."""

    def __init__(self, transport: Transport, rows: RowParser) -> None:
        self._transport = transport
        self._rows = rows

    def list_active(self) -> list[Owner]:
        """Return the active owners."""
        return [owner for page in follow_pages(self._read_page, operation=OPERATION) for owner in page.items]

    def _read_page(self, after: str | None) -> ResultPage[Owner, str]:
        query = [("limit", str(PAGE_SIZE)), ("archived", "false"), *([("after", after)] if after else [])]
        data = self._transport.get("/crm/v3/owners", query)
        with translate_parse_errors(OPERATION):
            owners, unreadable = self._rows.parse(data["results"], _parse_owner, operation=OPERATION)
            return ResultPage(items=owners, next=parse_next_cursor(data.get("paging")), unreadable=unreadable)


class _OwnerRow(msgspec.Struct):
    id: TextId | RecordId
    email: Email | None = None


def _parse_owner(row: object) -> Owner:
    data = convert(row, _OwnerRow)
    return Owner(id=str(data.id), email=normalize_email(data.email))
