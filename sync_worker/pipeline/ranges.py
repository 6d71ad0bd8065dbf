"""Read a keyed stream in parallel, with hardly a request more than reading it page after page.

A stream has a key that grows along it: an object id, or a time. One reader starts at the low end; whoever is idle takes
over the far half of the longest range that is left. Nobody has to know beforehand how the rows are spread: a
stream of one page costs one request, a long one keeps every reader busy until its last pages.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from queue import Queue
from threading import Condition, Thread
from typing import Final, Generic, TypeVar

from sync_worker.store.coverage import Interval

Row = TypeVar("Row")

WORTH_HALVING: Final = 1.5  # pages that must be left of a range before half of it is given away


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[Row]):
    """Rows in order of their key. Everything below `reached` has been read; without `token` nothing lies beyond the page."""

    rows: Sequence[Row]
    reached: int
    token: str | int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece(Generic[Row]):
    """Rows that were read, and the interval of keys that is complete with them."""

    rows: Sequence[Row]
    interval: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream(Generic[Row]):
    """How to read a stream: `read(start, stop, token)` gives one page of the rows from `start` on, or after `token`.

    With `open_ended`, the last range goes on to the end of the stream, wherever that is by then.
    """

    read: Callable[[int, int, str | int | None], Page[Row]]
    key: Callable[[Row], int]
    open_ended: bool = False


class _Range:
    def __init__(self, start: int, stop: int) -> None:
        self.front = start
        self.stop = stop
        self.pages = 0
        self.first: int | None = None  # key of the first row: what lies before it is empty and says nothing of the rest

    def pages_left(self) -> float:
        """Guess from what the range has held so far; nothing is known before its first page."""
        if self.first is None or self.front <= self.first:
            return 0.0
        return self.pages * (self.stop - self.front) / (self.front - self.first)


class _Sweep(Generic[Row]):
    def __init__(self, stream: Stream[Row], gaps: Sequence[Interval], readers: int) -> None:
        self._stream = stream
        self._waiting = [_Range(gap.low, gap.high) for gap in gaps]
        self._top = max(gap.high for gap in gaps)
        self._reading: set[_Range] = set()
        self._changed = Condition()
        self._stopped = False
        self._readers = readers
        # Bounded: readers wait for whoever stores the rows, and memory does not grow with the stream.
        self._out: Queue[Piece[Row] | BaseException | None] = Queue(maxsize=2 * readers)

    def pieces(self) -> Iterator[Piece[Row]]:
        threads = [Thread(target=self._work, name=f"reader-{n}", daemon=True) for n in range(self._readers)]
        for thread in threads:
            thread.start()
        ended = 0
        try:
            while ended < len(threads):
                item = self._out.get()
                if isinstance(item, BaseException):
                    raise item
                if item is None:
                    ended += 1
                else:
                    yield item
        finally:
            self._stop()
            while any(thread.is_alive() for thread in threads):
                self._drain(threads)

    def _drain(self, threads: Sequence[Thread]) -> None:
        # A reader may stand before a full queue: make room until it has seen that all is over.
        while not self._out.empty():
            self._out.get_nowait()
        for thread in threads:
            thread.join(0.05)

    def _stop(self) -> None:
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def _work(self) -> None:
        try:
            while (taken := self._take()) is not None:
                self._read(taken)
        except BaseException as error:  # noqa: BLE001 -- handed to whoever iterates, who raises it
            self._stop()
            self._out.put(error)
        self._out.put(None)

    def _take(self) -> _Range | None:
        with self._changed:
            while not self._stopped:
                taken = self._waiting.pop(0) if self._waiting else self._half()
                if taken is not None:
                    self._reading.add(taken)
                    return taken
                if not self._reading:
                    return None
                self._changed.wait()
            return None

    def _half(self) -> _Range | None:
        longest = max(self._reading, key=_Range.pages_left, default=None)
        if longest is None or longest.pages_left() < WORTH_HALVING or longest.stop - longest.front < 2:
            return None
        middle = longest.front + (longest.stop - longest.front) // 2
        half = _Range(middle, longest.stop)
        longest.stop = middle
        return half

    def _read(self, taken: _Range) -> None:
        token: str | int | None = None
        start, stop = taken.front, taken.stop
        more = True
        while more and not self._stopped:
            page = self._stream.read(start, stop, token)
            token = page.token
            with self._changed:
                open_end = self._stream.open_ended and taken.stop == self._top
                end = page.reached if open_end and token is not None else taken.stop
                more = token is not None and (open_end or page.reached < taken.stop)
                done_to = min(page.reached, end) if more else max(end, taken.front)
                rows = page.rows if open_end else [row for row in page.rows if self._stream.key(row) < taken.stop]
                piece = Piece(rows=rows, interval=Interval(taken.front, done_to))
                taken.front, taken.pages = done_to, taken.pages + 1
                if taken.first is None and page.rows:
                    taken.first = self._stream.key(page.rows[0])
                if not more:
                    self._reading.discard(taken)
                self._changed.notify_all()
            self._out.put(piece)


def sweep(stream: Stream[Row], gaps: Sequence[Interval], *, readers: int) -> Iterator[Piece[Row]]:
    """Read everything in the gaps, in parallel, in no order; close the iterator to stop early.

    Each piece is complete for its interval of keys, and the intervals of all pieces together are the gaps.
    An error of any reader ends the others after their present request and is raised here.
    """
    if gaps:
        yield from _Sweep(stream, gaps, readers).pieces()
