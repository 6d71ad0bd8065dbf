"""The body of an import: a table of contacts and new values, in a form with the words that explain its columns."""

from __future__ import annotations

import csv
import io
import secrets
from collections.abc import Mapping, Sequence
from tempfile import TemporaryFile
from types import TracebackType
from typing import Final, Self

import orjson

from sync_worker.hubspot.rest.transport import Upload

CONTACTS: Final = "0-1"
COLUMN: Final = "Record ID"
FILE: Final = "contacts.csv"
MOST_ROWS: Final = 1_000_000  # HubSpot takes 1,048,576
MOST_BYTES: Final = 500_000_000  # and 512 MB


class ImportFile:
    """Rows that update contacts by id, each with a value for every one of `properties`; on the disk, and gone when it is closed.

    HubSpot is said to leave alone what an empty cell stands for. Where it clears it, no other value is lost: none is left out.
    """

    def __init__(self, name: str, properties: Sequence[str], *, most_rows: int = MOST_ROWS) -> None:
        self.name = name
        self._most_rows = most_rows
        self._properties = tuple(properties)
        self._boundary = secrets.token_hex(16)
        self._file = TemporaryFile(prefix="sync-worker-")  # noqa: SIM115 -- open as long as this is
        self._file.write(self._head())
        self._text = io.StringIO(newline="")
        self._writer = csv.writer(self._text)
        self._write([COLUMN, *self._properties])
        self.rows = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._file.close()

    @property
    def is_full(self) -> bool:
        """Whether HubSpot would take no more rows in one file."""
        return self.rows >= self._most_rows or self._file.tell() >= MOST_BYTES

    def add(self, id_: int, values: Mapping[str, str]) -> None:
        """Add a contact."""
        self._write([str(id_), *(values[name] for name in self._properties)])
        self.rows += 1

    def upload(self) -> Upload:
        """Return the whole body; nothing can be added any more."""
        self._file.write(f"\r\n--{self._boundary}--\r\n".encode())
        return Upload(file=self._file, content_type=f"multipart/form-data; boundary={self._boundary}")

    def _write(self, cells: Sequence[str]) -> None:
        self._writer.writerow(cells)
        self._file.write(self._text.getvalue().encode())
        self._text.seek(0)
        self._text.truncate()

    def _head(self) -> bytes:
        return b"".join(
            [
                self._part('name="importRequest"', "application/json"),
                orjson.dumps(self._request()),
                b"\r\n",
                self._part(f'name="files"; filename="{FILE}"', "text/csv"),
            ]
        )

    def _part(self, named: str, kind: str) -> bytes:
        return f"--{self._boundary}\r\nContent-Disposition: form-data; {named}\r\nContent-Type: {kind}\r\n\r\n".encode()

    def _request(self) -> dict[str, object]:
        columns = [{"columnObjectTypeId": CONTACTS, "columnName": name, "propertyName": name} for name in self._properties]
        key = {"columnObjectTypeId": CONTACTS, "columnName": COLUMN, "propertyName": "hs_object_id", "columnType": "HUBSPOT_OBJECT_ID"}
        page = {"hasHeader": True, "columnMappings": [key, *columns]}
        return {
            "name": self.name,
            "importOperations": {CONTACTS: "UPDATE"},
            "dateFormat": "YEAR_MONTH_DAY",
            "files": [{"fileName": FILE, "fileFormat": "CSV", "fileImportPage": page}],
        }
