"""Imports API: write many contacts with one call, and read the result."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from sync_worker.errors import RateLimited, Unavailable
from sync_worker.hubspot.api.bulk.import_file import ImportFile
from sync_worker.hubspot.api.bulk.polling import Poller
from sync_worker.hubspot.api.pages import follow_pages
from sync_worker.hubspot.records.field_parsers import parse_next_cursor, translate_parse_errors
from sync_worker.hubspot.records.field_types import MAX_ID_DIGITS, Count, RecordId, TextId, convert, parse_timestamp
from sync_worker.hubspot.records.models import Import, ImportRowError, ResultPage
from sync_worker.hubspot.records.row_parser import JsonObject
from sync_worker.hubspot.rest.error_responses import redact
from sync_worker.hubspot.rest.session import Query
from sync_worker.hubspot.rest.transport import Transport

PAGE_SIZE: Final = 100
MAX_ATTEMPTS: Final = 5
LISTING_DELAY_SECONDS: Final = 5.0  # until a new import is listed
IMPORTS_PATH: Final = "/crm/v3/imports"


class Imports:
    """The imports of this app. HubSpot processes three at a time."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def start(self, file: ImportFile) -> Import:
        """Start an import exactly once: if HubSpot does not reply, look for an import with that name before a retry.

        Raises:
            BulkLimitReached: too many rows today.
            Forbidden: the token lacks `crm.import`, or the plan has no imports.
        """
        upload = file.build_upload()
        for left in reversed(range(MAX_ATTEMPTS)):
            try:
                return self._parse_response(self._transport.upload(IMPORTS_PATH, upload))
            except RateLimited:
                raise
            except Unavailable:
                self._transport.clock.sleep(LISTING_DELAY_SECONDS)
                if (found := self.find_by_name(file.name)) is not None:
                    return found
                if not left:
                    raise
        raise AssertionError  # the last attempt returns or raises

    def check_access(self) -> None:
        """Raise Forbidden if the token may not import."""
        self._transport.get(IMPORTS_PATH, [("limit", "1")])

    def get(self, import_id: str) -> Import:
        """Return the current state of an import."""
        data: JsonObject = self._transport.get(f"{IMPORTS_PATH}/{import_id}")
        return self._parse_response(data)

    def find_by_name(self, name: str) -> Import | None:
        """Return the import with a name, or None. Names are unique."""
        rows = self._iter_rows(IMPORTS_PATH, [], operation="list the imports")
        with translate_parse_errors("list the imports"):
            return next((_parse_import(row) for row in rows if _import_name(row) == name), None)

    def wait_until_finished(self, import_id: str, poller: Poller) -> Import | None:
        """Wait until an import has finished, successfully or not. Return None on timeout."""

        def read_if_finished() -> Import | None:
            found = self.get(import_id)
            return found if found.is_finished else None

        return poller.poll(read_if_finished, self._transport.clock)

    def read_errors(self, import_id: str) -> Iterator[ImportRowError]:
        """Yield the errors of rows that HubSpot rejected, in whole or in part."""
        query, operation = [("includeErrorMessage", "true"), ("includeRowData", "true")], "read the errors of an import"
        for row in self._iter_rows(f"{IMPORTS_PATH}/{import_id}/errors", query, operation=operation):
            with translate_parse_errors(operation):
                error = _parse_row_error(row)
            yield error

    def _iter_rows(self, path: str, query: Query, *, operation: str) -> Iterator[JsonObject]:
        def fetch_page(after: str | None) -> ResultPage[JsonObject, str]:
            data = self._transport.get(path, [("limit", str(PAGE_SIZE)), *query, *([("after", after)] if after else [])])
            with translate_parse_errors(operation):
                return ResultPage(items=tuple(data["results"]), next=parse_next_cursor(data.get("paging")))

        for page in follow_pages(fetch_page, operation=operation):
            yield from page.items

    def _parse_response(self, data: JsonObject) -> Import:
        with translate_parse_errors("check an import"):
            return _parse_import(data)


class _ImportMetadata(msgspec.Struct):
    counters: dict[str, Count] | None = None


class _ImportRow(msgspec.Struct, rename="camel"):
    id: TextId | RecordId
    state: str
    created_at: str | int
    metadata: _ImportMetadata | None = None


def _parse_import(row: JsonObject) -> Import:
    data = convert(row, _ImportRow)
    return Import(
        id=str(data.id),
        state=data.state,
        created_at=parse_timestamp(data.created_at),
        counters=(data.metadata and data.metadata.counters) or {},
    )


def _import_name(row: JsonObject) -> str | None:
    # HubSpot does not document which of the two fields has the name.
    return row.get("importName") or (row.get("importRequestJson") or {}).get("name")


def _parse_row_error(row: JsonObject) -> ImportRowError:
    source = row.get("sourceData") or {}
    cells = source.get("rowData") or ()
    first = str(cells[0]).strip() if cells else ""
    return ImportRowError(
        contact_id=int(first) if first.isdecimal() and len(first) <= MAX_ID_DIGITS else None,
        # The message may quote a value; the error type does not.
        reason=str(row.get("errorType") or redact(str(row.get("errorMessage") or "")) or "rejected by the import"),
    )
