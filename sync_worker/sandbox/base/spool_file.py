"""Stores JSON rows in a temporary file, so that millions of rows need little memory."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from tempfile import SpooledTemporaryFile
from weakref import finalize

import orjson

from sync_worker.sandbox.base.portal_data import Row

MAX_MEMORY_BYTES = 64 << 20  # a larger file is moved to disk


class SpoolFile:
    """JSON rows in insertion order, accessible by number from 0."""

    def __init__(self, *, max_memory_bytes: int = MAX_MEMORY_BYTES) -> None:
        self._file = SpooledTemporaryFile(max_size=max_memory_bytes)  # noqa: SIM115 -- open for the lifetime of the portal
        self._offsets = array("q", [0])
        finalize(self, self._file.close)

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def __iter__(self) -> Iterator[Row]:
        return (orjson.loads(self.read_raw(number)) for number in range(len(self)))

    def __deepcopy__(self, _memo: object) -> SpoolFile:
        """Return a file of its own with the same rows."""
        copy = SpoolFile()
        for row in self:
            copy.add(row)
        return copy

    def add(self, row: Row) -> int:
        """Add a row and return its number."""
        raw = orjson.dumps(row)
        self._file.seek(self._offsets[-1])
        self._file.write(raw)
        self._offsets.append(self._offsets[-1] + len(raw))
        return len(self) - 1

    def read_raw(self, number: int) -> bytes:
        """Return the JSON of a row."""
        start = self._offsets[number]
        self._file.seek(start)
        return self._file.read(self._offsets[number + 1] - start)
