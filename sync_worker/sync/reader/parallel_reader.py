"""Read a keyed stream in parallel, with hardly a request more than reading it page after page.

A stream may have a second lane, which draws on a budget of its own: a range is taken only when its next page can be asked for at
once. The first lane may be told when it has read enough, where somebody else needs its budget more; the second then goes on alone with
all that has an end. And no leave to send is held without a range to read: whoever has to ask for a page once more may need that very leave.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from threading import Condition, Lock, Thread
from typing import Final, Generic

from sync_worker.concurrency import LULL
from sync_worker.store.coverage import Interval
from sync_worker.sync.reader.partitions import Range, Ranges
from sync_worker.sync.reader.stream import Page, Piece, Row, Stream

GATHERED: Final = 32  # pages that are worth a transaction: each writes anew what the one before has touched
GATHERING: Final = 0.2  # seconds at most that they are waited for
IN_THE_AIR: Final = 128  # pages between the readers and whoever stores them: memory does not grow with the stream


@dataclass(eq=False, slots=True)
class _Sweep(Generic[Row]):
    ranges: Ranges[Row]
    ready: list[Piece[Row]] = field(default_factory=list)
    awaited: int = 1  # pieces, by whoever takes them out
    lock: Lock = field(default_factory=Lock)
    news: Condition = field(init=False)  # for whoever takes the pieces out
    work: Mapping[bool, Condition] = field(init=False)  # for the readers of each
    error: BaseException | None = None
    stopped: bool = False
    calls: Counter[bool] = field(default_factory=Counter)  # to readers, that none of them has answered yet
    hopeful: Counter[bool] = field(default_factory=Counter)  # readers that were called and wait for leave to send

    def __post_init__(self) -> None:
        self.news = Condition(self.lock)
        self.work = {aside: Condition(self.lock) for aside in self.ranges.readers}

    def batches(self, most: int, *, pausing: bool) -> Iterator[list[Piece[Row]]]:
        """Yield the pieces that lie ready, some at a time; with `pausing`, none of them whenever they have to be waited for."""
        self._start()
        try:
            if pausing:
                yield []
            while pieces := self._taken_out(most):
                yield pieces
                if pausing and self._must_wait():
                    yield []
        finally:
            self._stop()

    def _start(self) -> None:
        with self.lock:
            self._call()
        # The lane aside first: it may send little at a time, and what it does not send at once is lost.
        for aside, readers in sorted(self.ranges.readers.items(), reverse=True):
            for number in range(readers):
                Thread(target=partial(self._work, aside=aside), name=f"reader-{int(aside)}-{number}", daemon=True).start()

    def _taken_out(self, most: int) -> list[Piece[Row]]:
        with self.lock:
            self._are_ready(min(GATHERED, most), GATHERING)
            if not self.ready:
                self._are_ready(1)
            if self.error:
                raise self.error
            pieces, self.ready = self.ready[:most], self.ready[most:]
            self._call()
            return pieces

    def _must_wait(self) -> bool:
        with self.lock:
            return not self._are_ready(1, LULL)

    def _are_ready(self, pieces: int, seconds: float | None = None) -> bool:
        """Wait for some pieces, or for the end."""
        self.awaited = pieces
        return self.news.wait_for(lambda: len(self.ready) >= pieces or self._is_over(), seconds)

    def _stop(self) -> None:
        with self.lock:
            self.stopped = True
            self._call()
            # Who waits for leave to send will find nothing to do; who has sent something is waited for.
            while self.ranges.reading:
                self.news.wait()

    def _is_over(self) -> bool:
        return self.stopped or self.error is not None or self.ranges.are_read

    def _work(self, *, aside: bool) -> None:
        stream = self.ranges.stream
        turn = stream.aside.turn if aside and stream.aside else stream.turn
        try:
            while self._may_go_on(aside=aside):
                with turn():
                    self._read_page(aside=aside)
        except BaseException as error:  # noqa: BLE001 -- handed to whoever iterates, who raises it
            with self.lock:
                self.error = self.error or error
                self._call()

    def _may_go_on(self, *, aside: bool) -> bool:
        with self.lock:
            while not self._is_over() and not self.calls[aside]:
                self.work[aside].wait()
            if self._is_over():
                return False
            self.calls[aside] -= 1
            self.hopeful[aside] += 1
            return True

    def _read_page(self, *, aside: bool) -> None:
        if not (taken := self._take(aside=aside)):
            return
        page = None
        try:
            page = self._page(taken, aside=aside)
        finally:
            with self.lock:
                self.ready += self.ranges.give_back(taken, page, aside=aside)
                self._call()

    def _page(self, taken: Sequence[Range], *, aside: bool) -> Page[Row]:
        stream = self.ranges.stream
        if aside and stream.aside:
            return stream.aside.read([Interval(one.front, one.stop) for one in taken])
        (one,) = taken
        return stream.read(one.front, one.stop, one.token)

    def _take(self, *, aside: bool) -> list[Range]:
        with self.lock:
            self.hopeful[aside] -= 1
            taken = [] if self._is_over() else self.ranges.take(aside=aside)
            self._call()
            return taken

    def _call(self) -> None:
        """Wake whoever has something to do now, and nobody else: of a hundred readers most would find that it is not for them."""
        if len(self.ready) >= self.awaited or not self.ranges.reading or self._is_over():
            self.news.notify()
        for aside, readers in self.ranges.readers.items():
            if self._is_over():
                self.work[aside].notify_all()
            elif len(self.ready) < IN_THE_AIR and (coming := self.calls[aside] + self.hopeful[aside]) < readers:
                useful = max(0, min(self.ranges.worth(aside=aside), readers) - coming)
                self.calls[aside] += useful
                self.work[aside].notify(useful)


def sweep(stream: Stream[Row], gaps: Sequence[Interval], *, readers: int) -> Iterator[Piece[Row]]:
    """Read everything in the gaps, in parallel, in no order; close the iterator to stop early.

    Each piece is complete for its interval of keys, and the intervals of all pieces together are the gaps.
    An error of any reader ends the others after their present request and is raised here.
    """
    for pieces in sweep_in_batches(stream, gaps, readers=readers, most=1):
        yield from pieces


def sweep_in_batches(
    stream: Stream[Row], gaps: Sequence[Interval], *, readers: int, most: int | None = None, pausing: bool = False
) -> Iterator[list[Piece[Row]]]:
    """Read as `sweep` does, and yield together what has come in together, so that it can be stored together.

    No more at a time than there are readers, unless told otherwise: who stops the worker loses no more than was on the line.
    With `pausing`, nothing is yielded whenever the next pieces have to be waited for, and before the first: that is time for other work.
    """
    if not gaps:
        return
    ranges = Ranges.of(stream, gaps, readers=readers)
    yield from _Sweep(ranges).batches(min(readers, IN_THE_AIR) if most is None else most, pausing=pausing)
