"""Exports: every record of a kind in one file, for a handful of calls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from tempfile import TemporaryFile
from typing import IO, Final, Literal, TypeAlias

from sync_worker.errors import BadRequest, NotFound, Unavailable
from sync_worker.hubspot.api.csv_file import Sheet, Unusable
from sync_worker.hubspot.api.downloads import Downloads
from sync_worker.hubspot.api.polling import Waiting
from sync_worker.hubspot.records.models import Company, Contact
from sync_worker.hubspot.records.parsing import Row, instant, sense_of
from sync_worker.hubspot.rest.transport import Transport

Kind: TypeAlias = Literal["CONTACT", "COMPANY"]

ID: Final = "hs_object_id"
MODIFIED: Final[Mapping[str, str]] = {"CONTACT": "lastmodifieddate", "COMPANY": "hs_lastmodifieddate"}
TRIES: Final = 5  # to fetch a file
# HubSpot's `updatedAt` and the property may lie milliseconds apart: what the API shows of the same state must never look older.
APART: Final = timedelta(seconds=1)


class Exports:
    """The exports of this app: at most thirty in a day, one at a time; the file is a copy of its own moment."""

    def __init__(self, transport: Transport, downloads: Downloads) -> None:
        self._transport = transport
        self._downloads = downloads

    def start(self, kind: Kind, properties: Sequence[str], *, name: str) -> str:
        """Begin an export of every record with these properties as the API knows them; return its number.

        Raises:
            LimitReached: there were too many today.
            Forbidden: the token lacks `crm.export`.
        """
        body = {
            "exportType": "VIEW",
            "exportName": name,
            "format": "CSV",
            "language": "EN",
            "objectType": kind,
            "objectProperties": list(dict.fromkeys((ID, MODIFIED[kind], *properties))),
            # Without these, labels stand in the places of names and values.
            "exportInternalValuesOptions": ["NAMES", "VALUES"],
        }
        data = self._transport.send("POST", "/crm/v3/exports/export/async", body=body)
        with sense_of("begin an export"):
            return str(data["id"])

    def look(self) -> None:
        """Ask for an export that does not exist; raises Forbidden where the token may not have any."""
        with suppress(NotFound, BadRequest, Unusable):
            self.address("0")

    def address(self, export: str) -> str | None:
        """Return where the file lies, which works for five minutes; None while there is none yet.

        Raises:
            Unusable: the export has failed, or leaves something out.
        """
        data: Row = self._transport.get(f"/crm/v3/exports/export/async/tasks/{export}/status")
        with sense_of("look at an export"):
            state = str(data["status"])
        if state in {"PENDING", "PROCESSING"}:
            return None
        if state != "COMPLETE" or data.get("numErrors") or not data.get("result"):
            raise Unusable(f"HubSpot's export has come to nothing ({state.lower()}).", operation="look at an export")
        return str(data["result"])

    @contextmanager
    def opened(self, export: str, waiting: Waiting) -> Iterator[Sheet]:
        """Wait for an export, fetch its file to this machine, and give its rows; the file is gone afterwards.

        Raises:
            Unusable: it has failed, takes too long, or its file cannot be had.
        """
        with TemporaryFile(prefix="sync-worker-") as file:
            address = waiting.for_answer(lambda: self.address(export), self._transport.clock)
            self._fetch(export, address, file, waiting)
            yield Sheet(file)

    def _fetch(self, export: str, address: str | None, file: IO[bytes], waiting: Waiting) -> None:
        """Fetch the file; each further attempt has a new address, since an old one may have expired meanwhile."""
        for left in reversed(range(TRIES)):
            if address is None:
                raise Unusable(f"HubSpot was not done with an export after {waiting.at_most}.", operation="look at an export")
            try:
                self._downloads.fetch(address, file, beat=waiting.beat)
            except Unavailable as error:
                if not left:
                    raise Unusable(f"{error.message} It was tried {TRIES} times.", operation=error.operation) from None
            else:
                return
            self._transport.clock.sleep(TRIES - left)
            address = self.address(export)


def contacts(sheet: Sheet, properties: Sequence[str]) -> Iterator[Contact]:
    """Yield the contacts of an export, with these properties."""
    for record in _records(sheet, "CONTACT", tuple(properties)):
        yield Contact(*record)


def companies(sheet: Sheet, properties: Sequence[str]) -> Iterator[Company]:
    """Yield the companies of an export, with these properties."""
    for record in _records(sheet, "COMPANY", tuple(properties)):
        yield Company(*record)


def _records(
    sheet: Sheet, kind: Kind, properties: tuple[str, ...]
) -> Iterator[tuple[int, tuple[str, ...], tuple[str | None, ...], datetime]]:
    """Yield id, names, values, and when a record was changed last; raise Unusable where the rows are no records."""
    try:
        for cells in sheet.rows():
            modified = _instant(cells[MODIFIED[kind]])
            # The API shows what has no value as null, and so does an empty cell.
            values = tuple([cells.get(name) or None for name in properties])
            yield int(cells[ID]), properties, values, modified - APART
    except (KeyError, ValueError) as error:
        raise Unusable(f"The export lacks what was asked for ({type(error).__name__}).", operation="read an export") from None


def _instant(text: str) -> datetime:
    """Parse a time; one without its zone is none: whose clock it is from is not documented."""
    if not text.isdecimal() and datetime.fromisoformat(text).tzinfo is None:
        raise ValueError("a time without its zone")
    return instant(text)
