"""Exports API: all records of an object type in one file, with few calls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from tempfile import TemporaryFile
from typing import IO, Final, Literal, TypeAlias

from sync_worker.errors import BadRequest, NotFound, Unavailable
from sync_worker.hubspot.api.bulk.csv_file import CsvFile, UnusableExport
from sync_worker.hubspot.api.bulk.downloads import FileDownloader
from sync_worker.hubspot.api.bulk.polling import Poller
from sync_worker.hubspot.records.field_parsers import translate_parse_errors
from sync_worker.hubspot.records.field_types import parse_timestamp
from sync_worker.hubspot.records.models import Company, Contact
from sync_worker.hubspot.records.row_parser import JsonObject
from sync_worker.hubspot.rest.transport import Transport

ExportObjectType: TypeAlias = Literal["CONTACT", "COMPANY"]

ID_PROPERTY: Final = "hs_object_id"
MODIFIED_PROPERTIES: Final[Mapping[str, str]] = {"CONTACT": "lastmodifieddate", "COMPANY": "hs_lastmodifieddate"}
MAX_DOWNLOAD_ATTEMPTS: Final = 5
# HubSpot's `updatedAt` and the property differ by milliseconds. The exported record must not look newer than the same record from the API.
TIMESTAMP_TOLERANCE: Final = timedelta(seconds=1)


class Exports:
    """The exports of this app. HubSpot allows 30 in 24 hours, one at a time. A file is a snapshot."""

    def __init__(self, transport: Transport, downloader: FileDownloader) -> None:
        self._transport = transport
        self._downloader = downloader

    def start(self, object_type: ExportObjectType, properties: Sequence[str], *, name: str) -> str:
        """Start an export of all records with these properties; return the export id.

        Raises:
            BulkLimitReached: too many exports in 24 hours.
            Forbidden: the token lacks `crm.export`.
        """
        body = {
            "exportType": "VIEW",
            "exportName": name,
            "format": "CSV",
            "language": "EN",
            "objectType": object_type,
            "objectProperties": list(dict.fromkeys((ID_PROPERTY, MODIFIED_PROPERTIES[object_type], *properties))),
            # Without this option, the file has labels in place of names and values.
            "exportInternalValuesOptions": ["NAMES", "VALUES"],
        }
        data = self._transport.send("POST", "/crm/v3/exports/export/async", body=body)
        with translate_parse_errors("start an export"):
            return str(data["id"])

    def check_access(self) -> None:
        """Raise Forbidden if the token may not export. Requests an export that does not exist."""
        with suppress(NotFound, BadRequest, UnusableExport):
            self.read_download_url("0")

    def read_download_url(self, export_id: str) -> str | None:
        """Return the URL of the file, valid for five minutes, or None while the export is in progress.

        Raises:
            UnusableExport: the export failed or is incomplete.
        """
        data: JsonObject = self._transport.get(f"/crm/v3/exports/export/async/tasks/{export_id}/status")
        with translate_parse_errors("check an export"):
            state = str(data["status"])
        if state in {"PENDING", "PROCESSING"}:
            return None
        if state != "COMPLETE" or data.get("numErrors") or not data.get("result"):
            raise UnusableExport(f"HubSpot's export failed ({state.lower()}).", operation="check an export")
        return str(data["result"])

    @contextmanager
    def open_when_ready(self, export_id: str, poller: Poller) -> Iterator[CsvFile]:
        """Wait for an export, download its file and yield it. The file is deleted at the end.

        Raises:
            UnusableExport: the export failed or takes too long, or the download failed.
        """
        with TemporaryFile(prefix="sync-worker-") as file:
            url = poller.poll(lambda: self.read_download_url(export_id), self._transport.clock)
            self._download(export_id, url, file, poller)
            yield CsvFile(file)

    def _download(self, export_id: str, url: str | None, file: IO[bytes], poller: Poller) -> None:
        """Download the file. Each retry requests a new URL, because the previous one may have expired."""
        for left in reversed(range(MAX_DOWNLOAD_ATTEMPTS)):
            if url is None:
                raise UnusableExport(f"HubSpot has not finished an export after {poller.timeout}.", operation="check an export")
            try:
                self._downloader.download(url, file, heartbeat=poller.heartbeat)
            except Unavailable as error:
                if not left:
                    raise UnusableExport(
                        f"{error.message} All {MAX_DOWNLOAD_ATTEMPTS} attempts failed.", operation=error.operation
                    ) from None
            else:
                return
            self._transport.clock.sleep(MAX_DOWNLOAD_ATTEMPTS - left)
            url = self.read_download_url(export_id)


def read_contacts(file: CsvFile, properties: Sequence[str]) -> Iterator[Contact]:
    """Yield the contacts of an export with these properties."""
    for record in _read_records(file, "CONTACT", tuple(properties)):
        yield Contact(*record)


def read_companies(file: CsvFile, properties: Sequence[str]) -> Iterator[Company]:
    """Yield the companies of an export with these properties."""
    for record in _read_records(file, "COMPANY", tuple(properties)):
        yield Company(*record)


def _read_records(
    file: CsvFile, object_type: ExportObjectType, properties: tuple[str, ...]
) -> Iterator[tuple[int, tuple[str, ...], tuple[str | None, ...], datetime]]:
    """Yield id, names, values and last change of each record. Raises UnusableExport if a row is not a record."""
    try:
        for cells in file.read_rows():
            modified = _parse_modified(cells[MODIFIED_PROPERTIES[object_type]])
            # An empty cell is a missing value, which the API returns as null.
            values = tuple([cells.get(name) or None for name in properties])
            yield int(cells[ID_PROPERTY]), properties, values, modified - TIMESTAMP_TOLERANCE
    except (KeyError, ValueError) as error:
        raise UnusableExport(
            f"The export lacks a requested column or has an invalid value ({type(error).__name__}).", operation="read an export"
        ) from None


def _parse_modified(text: str) -> datetime:
    """Parse a time with a time zone. HubSpot does not document the zone of a time without one, so it is an error."""
    if not text.isdecimal() and datetime.fromisoformat(text).tzinfo is None:
        raise ValueError("a time without a time zone")
    return parse_timestamp(text)
