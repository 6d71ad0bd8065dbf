"""Imports: many contacts written by one call, and what became of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sync_worker.errors import RateLimited, Unavailable
from sync_worker.hubspot.api.import_file import ImportFile
from sync_worker.hubspot.api.polling import Waiting
from sync_worker.hubspot.records.models import Import, RowError
from sync_worker.hubspot.records.parsing import Row, instant, next_after, sense_of
from sync_worker.hubspot.rest.error_responses import quoted
from sync_worker.hubspot.rest.transport import Transport

PAGE_SIZE: Final = 100
TRIES: Final = 5
LISTED_AFTER: Final = 5.0  # seconds until what has just begun is to be seen
PATH: Final = "/crm/v3/imports"


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
        upload = file.upload()
        for left in reversed(range(TRIES)):
            try:
                return self._begun(self._transport.upload(PATH, upload))
            except RateLimited:
                raise
            except Unavailable:
                self._transport.clock.sleep(LISTED_AFTER)
                if (found := self.named(file.name)) is not None:
                    return found
                if not left:
                    raise
        raise AssertionError  # the last attempt returns or raises

    def look(self) -> None:
        """Ask for the imports; raises Forbidden where the token may not have any."""
        self._transport.get(PATH, [("limit", "1")])

    def one(self, number: str) -> Import:
        """Return an import as it is now."""
        data: Row = self._transport.get(f"{PATH}/{number}")
        return self._begun(data)

    def named(self, name: str) -> Import | None:
        """Return the import of a name, if HubSpot has one; names are not used twice."""
        query: list[tuple[str, str]] = [("limit", str(PAGE_SIZE))]
        while True:
            data: Row = self._transport.get(PATH, query)
            with sense_of("look at the imports"):
                for row in data["results"]:
                    if _name(row) == name:
                        return _import(row)
                after = next_after(data.get("paging"))
            if after is None:
                return None
            query = [("limit", str(PAGE_SIZE)), ("after", after)]

    def ended(self, number: str, waiting: Waiting) -> Import | None:
        """Wait for the end of an import, good or bad; return None where that takes too long."""

        def ask() -> Import | None:
            found = self.one(number)
            return found if found.is_over else None

        return waiting.for_answer(ask, self._transport.clock)

    def errors(self, number: str) -> Iterator[RowError]:
        """Yield the rows that HubSpot did not take, or not as a whole."""
        after: str | None = None
        while True:
            query = [("limit", str(PAGE_SIZE)), ("includeErrorMessage", "true"), ("includeRowData", "true")]
            data: Row = self._transport.get(f"{PATH}/{number}/errors", [*query, *([("after", after)] if after else [])])
            with sense_of("read the errors of an import"):
                for row in data["results"]:
                    yield _row_error(row)
                after = next_after(data.get("paging"))
            if after is None:
                return

    def _begun(self, data: Row) -> Import:
        with sense_of("look at an import"):
            return _import(data)


def _import(row: Row) -> Import:
    counters = (row.get("metadata") or {}).get("counters") or {}
    return Import(
        id=str(row["id"]),
        state=str(row["state"]),
        created_at=instant(str(row["createdAt"])),
        counters={str(name): int(number) for name, number in counters.items()},
    )


def _name(row: Row) -> str | None:
    # Which of the two HubSpot fills is not documented.
    return row.get("importName") or (row.get("importRequestJson") or {}).get("name")


def _row_error(row: Row) -> RowError:
    source = row.get("sourceData") or {}
    cells = source.get("rowData") or ()
    first = str(cells[0]).strip() if cells else ""
    return RowError(
        contact_id=int(first) if first.isdecimal() else None,
        # The text may quote a value; the kind of error does not.
        reason=str(row.get("errorType") or quoted(str(row.get("errorMessage") or "")) or "refused by the import"),
    )
