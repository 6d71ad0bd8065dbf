"""Multipart body of an import: a CSV file of contacts and values, and the request that maps its columns."""

from __future__ import annotations

import csv
import io
import secrets
from collections.abc import Mapping, Sequence
from tempfile import TemporaryFile
from types import TracebackType
from typing import Final, Self

import orjson

from sync_worker.hubspot.rest.transport import FileUpload

CONTACT_OBJECT_TYPE_ID: Final = "0-1"
ID_COLUMN: Final = "Record ID"
FILE_NAME: Final = "contacts.csv"
MAX_ROWS: Final = 1_000_000  # HubSpot's limit is 1,048,576
MAX_BYTES: Final = 500_000_000  # HubSpot's limit is 512 MB


class ImportFile:
    """Updates of contacts by id, each with a value for every property, in a temporary file that is deleted on close.

    HubSpot is said to ignore empty cells. In case it clears them, each row has all properties, so that no other value is lost.
    """

    def __init__(self, name: str, properties: Sequence[str], *, max_rows: int = MAX_ROWS) -> None:
        self.name = name
        self._max_rows = max_rows
        self._properties = tuple(properties)
        self._boundary = secrets.token_hex(16)
        self._file = TemporaryFile(prefix="sync-worker-")  # noqa: SIM115 -- __exit__ closes it
        self._file.write(self._build_head())
        self._text = io.StringIO(newline="")
        self._writer = csv.writer(self._text)
        self._write_row([ID_COLUMN, *self._properties])
        self.row_count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._file.close()

    @property
    def is_full(self) -> bool:
        """Whether the file has reached a limit."""
        return self.row_count >= self._max_rows or self._file.tell() >= MAX_BYTES

    def add_contact(self, id_: int, values: Mapping[str, str]) -> None:
        """Add the row of a contact."""
        self._write_row([str(id_), *(values[name] for name in self._properties)])
        self.row_count += 1

    def build_upload(self) -> FileUpload:
        """Return the complete body. Nothing can be added after this."""
        self._file.write(f"\r\n--{self._boundary}--\r\n".encode())
        return FileUpload(file=self._file, content_type=f"multipart/form-data; boundary={self._boundary}")

    def _write_row(self, cells: Sequence[str]) -> None:
        self._writer.writerow(cells)
        self._file.write(self._text.getvalue().encode())
        self._text.seek(0)
        self._text.truncate()

    def _build_head(self) -> bytes:
        return b"".join(
            [
                self._build_part_header('name="importRequest"', "application/json"),
                orjson.dumps(self._build_import_request()),
                b"\r\n",
                self._build_part_header(f'name="files"; filename="{FILE_NAME}"', "text/csv"),
            ]
        )

    def _build_part_header(self, disposition: str, content_type: str) -> bytes:
        return f"--{self._boundary}\r\nContent-Disposition: form-data; {disposition}\r\nContent-Type: {content_type}\r\n\r\n".encode()

    def _build_import_request(self) -> dict[str, object]:
        columns = [{"columnObjectTypeId": CONTACT_OBJECT_TYPE_ID, "columnName": name, "propertyName": name} for name in self._properties]
        key = {
            "columnObjectTypeId": CONTACT_OBJECT_TYPE_ID,
            "columnName": ID_COLUMN,
            "propertyName": "hs_object_id",
            "columnType": "HUBSPOT_OBJECT_ID",
        }
        page = {"hasHeader": True, "columnMappings": [key, *columns]}
        return {
            "name": self.name,
            "importOperations": {CONTACT_OBJECT_TYPE_ID: "UPDATE"},
            "dateFormat": "YEAR_MONTH_DAY",
            "files": [{"fileName": FILE_NAME, "fileFormat": "CSV", "fileImportPage": page}],
        }
