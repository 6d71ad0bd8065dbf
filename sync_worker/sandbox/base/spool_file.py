"""Rows of JSON in a temporary file: millions of them need not be held in memory."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from tempfile import SpooledTemporaryFile
from weakref import finalize

import orjson

from sync_worker.sandbox.base.portal_data import Row

IN_MEMORY = 64 << 20  # bytes; more go to the disk


class RowFile:
    """Rows in the order in which they were added, each found by its number from 0."""

    def __init__(self, *, in_memory: int = IN_MEMORY) -> None:
        self._file = SpooledTemporaryFile(max_size=in_memory)  # noqa: SIM115 -- open as long as the portal is
        self._starts = array("q", [0])
        finalize(self, self._file.close)

    def __len__(self) -> int:
        return len(self._starts) - 1

    def __iter__(self) -> Iterator[Row]:
        return (orjson.loads(self.raw(number)) for number in range(len(self)))

    def add(self, row: Row) -> int:
        """Add a row and return its number."""
        raw = orjson.dumps(row)
        self._file.seek(self._starts[-1])
        self._file.write(raw)
        self._starts.append(self._starts[-1] + len(raw))
        return len(self) - 1

    def raw(self, number: int) -> bytes:
        """Return the JSON of a row."""
        start = self._starts[number]
        self._file.seek(start)
        return self._file.read(self._starts[number + 1] - start)
