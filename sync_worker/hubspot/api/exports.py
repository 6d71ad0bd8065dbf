"""Exports: every record of a kind in one file, for a handful of calls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from tempfile import TemporaryFile
from typing import IO, Final, Literal, TypeAlias

from sync_worker.errors import BadRequest, NotFound, Unavailable
from sync_worker.hubspot.api.csv_file import CsvFile, UnusableExport
from sync_worker.hubspot.api.downloads import FileDownloader
from sync_worker.hubspot.api.polling import Poller
from sync_worker.hubspot.records.models import Company, Contact
from sync_worker.hubspot.records.parsing import JsonObject, parse_timestamp, translate_parse_errors
from sync_worker.hubspot.rest.transport import Transport

ExportObjectType: TypeAlias = Literal["CONTACT", "COMPANY"]

ID_PROPERTY: Final = "hs_object_id"
MODIFIED_PROPERTIES: Final[Mapping[str, str]] = {"CONTACT": "lastmodifieddate", "COMPANY": "hs_lastmodifieddate"}
MAX_DOWNLOAD_ATTEMPTS: Final = 5  # to fetch a file
# HubSpot's `updatedAt` and the property may lie milliseconds apart: what the API shows of the same state must never look older.
TIMESTAMP_TOLERANCE: Final = timedelta(seconds=1)


class Exports:
    """The exports of this app: at most thirty in a day, one at a time; the file is a copy of its own moment."""

    def __init__(self, transport: Transport, downloader: FileDownloader) -> None:
        self._transport = transport
        self._downloader = downloader

    def start(self, object_type: ExportObjectType, properties: Sequence[str], *, name: str) -> str:
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
            "objectType": object_type,
            "objectProperties": list(dict.fromkeys((ID_PROPERTY, MODIFIED_PROPERTIES[object_type], *properties))),
            # Without these, labels stand in the places of names and values.
            "exportInternalValuesOptions": ["NAMES", "VALUES"],
        }
        data = self._transport.send("POST", "/crm/v3/exports/export/async", body=body)
        with translate_parse_errors("begin an export"):
            return str(data["id"])

    def check_access(self) -> None:
        """Ask for an export that does not exist; raises Forbidden where the token may not have any."""
        with suppress(NotFound, BadRequest, UnusableExport):
            self.read_download_url("0")

    def read_download_url(self, export_id: str) -> str | None:
        """Return where the file lies, which works for five minutes; None while there is none yet.

        Raises:
            Unusable: the export has failed, or leaves something out.
        """
        data: JsonObject = self._transport.get(f"/crm/v3/exports/export/async/tasks/{export_id}/status")
        with translate_parse_errors("look at an export"):
            state = str(data["status"])
        if state in {"PENDING", "PROCESSING"}:
            return None
        if state != "COMPLETE" or data.get("numErrors") or not data.get("result"):
            raise UnusableExport(f"HubSpot's export has come to nothing ({state.lower()}).", operation="look at an export")
        return str(data["result"])

    @contextmanager
    def open_when_ready(self, export_id: str, poller: Poller) -> Iterator[CsvFile]:
        """Wait for an export, fetch its file to this machine, and give its rows; the file is gone afterwards.

        Raises:
            Unusable: it has failed, takes too long, or its file cannot be had.
        """
        with TemporaryFile(prefix="sync-worker-") as file:
            address = poller.poll(lambda: self.read_download_url(export_id), self._transport.clock)
            self._download(export_id, address, file, poller)
            yield CsvFile(file)

    def _download(self, export_id: str, url: str | None, file: IO[bytes], poller: Poller) -> None:
        """Fetch the file; each further attempt has a new address, since an old one may have expired meanwhile."""
        for left in reversed(range(MAX_DOWNLOAD_ATTEMPTS)):
            if url is None:
                raise UnusableExport(f"HubSpot was not done with an export after {poller.timeout}.", operation="look at an export")
            try:
                self._downloader.download(url, file, heartbeat=poller.heartbeat)
            except Unavailable as error:
                if not left:
                    raise UnusableExport(
                        f"{error.message} It was tried {MAX_DOWNLOAD_ATTEMPTS} times.", operation=error.operation
                    ) from None
            else:
                return
            self._transport.clock.sleep(MAX_DOWNLOAD_ATTEMPTS - left)
            url = self.read_download_url(export_id)


def read_contacts(file: CsvFile, properties: Sequence[str]) -> Iterator[Contact]:
    """Yield the contacts of an export, with these properties."""
    for record in _read_records(file, "CONTACT", tuple(properties)):
        yield Contact(*record)


def read_companies(file: CsvFile, properties: Sequence[str]) -> Iterator[Company]:
    """Yield the companies of an export, with these properties."""
    for record in _read_records(file, "COMPANY", tuple(properties)):
        yield Company(*record)


def _read_records(
    file: CsvFile, object_type: ExportObjectType, properties: tuple[str, ...]
) -> Iterator[tuple[int, tuple[str, ...], tuple[str | None, ...], datetime]]:
    """Yield id, names, values, and when a record was changed last; raise Unusable where the rows are no records."""
    try:
        for cells in file.read_rows():
            modified = _parse_modified(cells[MODIFIED_PROPERTIES[object_type]])
            # The API shows what has no value as null, and so does an empty cell.
            values = tuple([cells.get(name) or None for name in properties])
            yield int(cells[ID_PROPERTY]), properties, values, modified - TIMESTAMP_TOLERANCE
    except (KeyError, ValueError) as error:
        raise UnusableExport(f"The export lacks what was asked for ({type(error).__name__}).", operation="read an export") from None


def _parse_modified(text: str) -> datetime:
    """Parse a time; one without its zone is none: whose clock it is from is not documented."""
    if not text.isdecimal() and datetime.fromisoformat(text).tzinfo is None:
        raise ValueError("a time without its zone")
    return parse_timestamp(text)
