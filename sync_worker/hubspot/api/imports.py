"""Imports: many contacts written by one call, and what became of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sync_worker.errors import RateLimited, Unavailable
from sync_worker.hubspot.api.import_file import ImportFile
from sync_worker.hubspot.api.polling import Poller
from sync_worker.hubspot.records.models import Import, ImportRowError
from sync_worker.hubspot.records.parsing import JsonObject, parse_next_cursor, parse_timestamp, translate_parse_errors
from sync_worker.hubspot.rest.error_responses import redact
from sync_worker.hubspot.rest.transport import Transport

PAGE_SIZE: Final = 100
MAX_ATTEMPTS: Final = 5
LISTING_DELAY_SECONDS: Final = 5.0  # seconds until what has just begun is to be seen
IMPORTS_PATH: Final = "/crm/v3/imports"


class Imports:
    """The imports of this app; HubSpot works at three of them at a time."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def start(self, file: ImportFile) -> Import:
        """Begin an import, once: where no answer was heard, HubSpot is asked whether it has one of that name.

        Raises:
            LimitReached: there were too many rows today.
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
        """Ask for the imports; raises Forbidden where the token may not have any."""
        self._transport.get(IMPORTS_PATH, [("limit", "1")])

    def get(self, import_id: str) -> Import:
        """Return an import as it is now."""
        data: JsonObject = self._transport.get(f"{IMPORTS_PATH}/{import_id}")
        return self._parse_response(data)

    def find_by_name(self, name: str) -> Import | None:
        """Return the import of a name, if HubSpot has one; names are not used twice."""
        query: list[tuple[str, str]] = [("limit", str(PAGE_SIZE))]
        while True:
            data: JsonObject = self._transport.get(IMPORTS_PATH, query)
            with translate_parse_errors("look at the imports"):
                for row in data["results"]:
                    if _import_name(row) == name:
                        return _parse_import(row)
                after = parse_next_cursor(data.get("paging"))
            if after is None:
                return None
            query = [("limit", str(PAGE_SIZE)), ("after", after)]

    def wait_until_finished(self, import_id: str, poller: Poller) -> Import | None:
        """Wait for the end of an import, good or bad; return None where that takes too long."""

        def read_if_finished() -> Import | None:
            found = self.get(import_id)
            return found if found.is_finished else None

        return poller.poll(read_if_finished, self._transport.clock)

    def read_errors(self, import_id: str) -> Iterator[ImportRowError]:
        """Yield the rows that HubSpot did not take, or not as a whole."""
        after: str | None = None
        while True:
            query = [("limit", str(PAGE_SIZE)), ("includeErrorMessage", "true"), ("includeRowData", "true")]
            data: JsonObject = self._transport.get(f"{IMPORTS_PATH}/{import_id}/errors", [*query, *([("after", after)] if after else [])])
            with translate_parse_errors("read the errors of an import"):
                for row in data["results"]:
                    yield _parse_row_error(row)
                after = parse_next_cursor(data.get("paging"))
            if after is None:
                return

    def _parse_response(self, data: JsonObject) -> Import:
        with translate_parse_errors("look at an import"):
            return _parse_import(data)


def _parse_import(row: JsonObject) -> Import:
    counters = (row.get("metadata") or {}).get("counters") or {}
    return Import(
        id=str(row["id"]),
        state=str(row["state"]),
        created_at=parse_timestamp(str(row["createdAt"])),
        counters={str(name): int(number) for name, number in counters.items()},
    )


def _import_name(row: JsonObject) -> str | None:
    # Which of the two HubSpot fills is not documented.
    return row.get("importName") or (row.get("importRequestJson") or {}).get("name")


def _parse_row_error(row: JsonObject) -> ImportRowError:
    source = row.get("sourceData") or {}
    cells = source.get("rowData") or ()
    first = str(cells[0]).strip() if cells else ""
    return ImportRowError(
        contact_id=int(first) if first.isdecimal() else None,
        # The text may quote a value; the kind of error does not.
        reason=str(row.get("errorType") or redact(str(row.get("errorMessage") or "")) or "refused by the import"),
    )
