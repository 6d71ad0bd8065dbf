from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from threading import Lock
from typing import Any

from sync_worker.intervals import Interval
from sync_worker.sync.reader.keyed_stream import Stream, StreamPage


class FakeStream:
    """A stream of (key, number) rows, read a page at a time by key and offset."""

    def __init__(self, keys: list[int], size: int, *, unique: bool = False) -> None:
        self.unique = unique
        self.rows = [(key, number) for number, key in enumerate(sorted(keys))]
        self.keys = [key for key, _ in self.rows]
        self.size = size
        self.requests = 0
        self._lock = Lock()

    def read(self, start: int, stop: int, token: str | int | None) -> StreamPage[tuple[int, int]]:
        with self._lock:
            self.requests += 1
        first = bisect_left(self.keys, start) if token is None else int(token)
        end = bisect_left(self.keys, stop)
        rows = self.rows[first : min(first + self.size, end)]
        has_more = first + self.size < end
        return StreamPage(rows=rows, read_up_to=rows[-1][0] + self.unique if rows else stop, token=first + self.size if has_more else None)

    def find_page(self, intervals: Sequence[Interval]) -> StreamPage[tuple[int, int]]:
        """Return the first page of the rows in some intervals."""
        assert [*intervals] == sorted(intervals)
        with self._lock:
            self.requests += 1
        matches = [row for row in self.rows if any(interval.low <= row[0] < interval.high for interval in intervals)]
        rows, has_more = matches[: self.size], len(matches) > self.size
        return StreamPage(
            rows=rows, read_up_to=rows[-1][0] + 1 if has_more else intervals[-1].high, token=rows[-1][0] + 1 if has_more else None
        )

    def stream(self, **options: Any) -> Stream[tuple[int, int]]:
        return Stream(read=self.read, key=lambda row: row[0], **options)
