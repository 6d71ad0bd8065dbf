"""Reader for export files: CSV, or several CSV files in a zip archive."""

from __future__ import annotations

import csv
import io
import zipfile
import zlib
from collections.abc import Iterator
from typing import IO, Final

from sync_worker.errors import Unavailable

ZIP_MAGIC: Final = b"PK\x03\x04"


class UnusableExport(Unavailable):
    """The export or import cannot be used."""


class CsvFile:
    """The rows of a CSV file, or of all CSV files in a zip archive."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def read_rows(self) -> Iterator[dict[str, str]]:
        """Yield each row as a mapping of column name to cell. Each call starts at the first row.

        Raises:
            UnusableExport: the file is not CSV, or is damaged.
        """
        try:
            for part in self._open_parts():
                yield from _read_part(part)
        except (zipfile.BadZipFile, zlib.error, csv.Error, UnicodeDecodeError, EOFError, RuntimeError) as error:
            raise UnusableExport(f"The export file cannot be read ({type(error).__name__}).", operation="read an export") from None

    def _open_parts(self) -> Iterator[IO[bytes]]:
        self._file.seek(0)
        zipped = self._file.read(len(ZIP_MAGIC)) == ZIP_MAGIC
        self._file.seek(0)
        if not zipped:
            yield self._file
            return
        with zipfile.ZipFile(self._file) as archive:
            for name in sorted(name for name in archive.namelist() if not name.endswith("/")):
                with archive.open(name) as part:
                    yield part


def _read_part(part: IO[bytes]) -> Iterator[dict[str, str]]:
    text = io.TextIOWrapper(part, "utf-8-sig", newline="")
    try:
        lines = csv.reader(text, strict=True)
        header = next(lines, [])
        for cells in lines:
            if len(cells) != len(header):
                raise csv.Error(f"{len(cells)} cells for {len(header)} columns")
            yield dict(zip(header, cells, strict=True))
    finally:
        text.detach()
