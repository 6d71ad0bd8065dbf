"""Read a keyed stream in parallel, with hardly a request more than reading it page after page.

A stream has a key that grows along it: an object id, or a time. One reader starts at the low end; whoever has leave to send
takes over the far half of the longest range that is being read. Nobody has to know beforehand how the rows are spread: a
stream of one page costs one request, a long one keeps every reader busy until its last pages. Where more is known, `divided` spares
the first readers the wait for each other's pages: each halving takes a page, and that takes as long as HubSpot is away.

A stream may have a second lane, which draws on a budget of its own. Both share the ranges: no row is left to a lane that has to
wait, since a range is taken only when its next page can be asked for at once. What is left of several ranges, each too little for
a page, the second lane reads at once. The first lane may be told when it has read enough,
where somebody else needs its budget more; the second then goes on alone with all that has an end. And no leave to send is held
without a range to read: whoever has to ask for a page once more may need that very leave.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from math import ceil
from threading import Condition, Lock, Thread
from typing import Final, Generic, TypeVar

from sync_worker.pipeline.ahead import LULL
from sync_worker.store.coverage import Interval

Row = TypeVar("Row")
#: Leads on from a page. The bounds of a range move while it is read: a token that is good for its own bounds alone carries them.
Token = str | int | tuple[int, int, str]

WORTH_HALVING: Final = 1.5  # pages that must be left of a range before half of it is given away
FULL_ENOUGH: Final = 0.9  # of a page: so much of it is asked for where nothing may be left for another
WORTH_A_PAGE: Final = 0.6  # of a page of the first lane; less is left to the second, which reads several such rests at once
GATHERED: Final = 32  # pages that are worth a transaction: each writes anew what the one before has touched
GATHERING: Final = 0.2  # seconds at most that they are waited for
IN_THE_AIR: Final = 128  # pages between the readers and whoever stores them: memory does not grow with the stream


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[Row]):
    """Rows in order of their key. Everything below `reached` has been read; without `token` nothing lies beyond the page."""

    rows: Sequence[Row]
    reached: int
    token: Token | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece(Generic[Row]):
    """Rows that were read, and the interval of keys that is complete with them."""

    rows: Sequence[Row]
    interval: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane(Generic[Row]):
    """A second way to read a stream, by some readers at once; `turn` waits until a request may be sent.

    `read` gives one page of the rows in some intervals, `together` of them at most.
    """

    read: Callable[[Sequence[Interval]], Page[Row]]
    readers: int
    together: int = 1
    turn: Callable[[], AbstractContextManager[object]] = nullcontext


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream(Generic[Row]):
    """How to read a stream: `read(start, stop, token)` gives one page of the rows from `start` on, or after `token`.

    With `open_ended`, the last range goes on to the end of the stream, wherever that is by then.
    `aside` is a second lane, for streams whose keys are unique: it reads what has an end, and goes on from a key without a token.
    `enough` tells from the number of pages that the first lane has read whether it is to leave the rest to the second.
    `density` is the number of rows for each key, where that is known beforehand and the gaps have been divided by it. With `far`, waiting
    for a page costs more than asking for one: what is left in the end is cut into single pages.
    """

    read: Callable[[int, int, Token | None], Page[Row]]
    key: Callable[[Row], int]
    open_ended: bool = False
    turn: Callable[[], AbstractContextManager[object]] = nullcontext
    aside: Lane[Row] | None = None
    enough: Callable[[int], bool] = lambda _pages: False
    density: float | None = None
    far: bool = False


@dataclass(eq=False, slots=True)
class _Range:
    front: int
    stop: int
    open: bool = False
    token: Token | None = None
    begun: bool = False
    rows: int = 0
    first: int | None = None  # key of the first row: what lies before it is empty and says nothing of the rest
    aside: bool = False  # read by the second lane last


@dataclass(eq=False, slots=True)
class _Sweep(Generic[Row]):
    stream: Stream[Row]
    waiting: list[_Range]
    main: int  # readers
    reading: set[_Range] = field(default_factory=set)
    ready: list[Piece[Row]] = field(default_factory=list)
    awaited: int = 1  # pieces, by whoever takes them out
    lock: Lock = field(default_factory=Lock)
    news: Condition = field(init=False)  # for whoever takes the pieces out
    readers: Mapping[bool, int] = field(init=False)  # of each lane: the main one, and the one aside if there is one
    work: Mapping[bool, Condition] = field(init=False)  # for the readers of each
    error: BaseException | None = None
    stopped: bool = False
    page_size: dict[bool, int] = field(default_factory=lambda: {False: 1, True: 1})  # the largest seen, of each lane
    pages: int = 0  # that the main lane has read, or is reading
    calls: Counter[bool] = field(default_factory=Counter)  # to readers, that none of them has answered yet
    hopeful: Counter[bool] = field(default_factory=Counter)  # readers that were called and wait for leave to send

    def __post_init__(self) -> None:
        self.news = Condition(self.lock)
        self.readers = {False: self.main, **({True: self.stream.aside.readers} if self.stream.aside else {})}
        self.work = {aside: Condition(self.lock) for aside in self.readers}

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
        for aside, readers in sorted(self.readers.items(), reverse=True):
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
            while self.reading:
                self.news.wait()

    def _is_over(self) -> bool:
        return self.stopped or self.error is not None or not (self.waiting or self.reading)

    def _work(self, *, aside: bool) -> None:
        turn = self.stream.aside.turn if aside and self.stream.aside else self.stream.turn
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
                self.reading.difference_update(taken)
                if page is not None:
                    self.page_size[aside] = max(self.page_size[aside], len(page.rows))
                    self.ready += [piece for one in taken if (piece := self._advance(one, page, aside=aside))]
                self._call()

    def _page(self, taken: Sequence[_Range], *, aside: bool) -> Page[Row]:
        if aside and self.stream.aside:
            return self.stream.aside.read([Interval(one.front, one.stop) for one in taken])
        (one,) = taken
        return self.stream.read(one.front, one.stop, one.token)

    def _take(self, *, aside: bool) -> list[_Range]:
        with self.lock:
            self.hopeful[aside] -= 1
            taken = [] if self._is_over() else self._chosen(aside=aside)
            if taken:
                self.reading.update(taken)
                self.pages += not aside
            self._call()
            return taken

    def _chosen(self, *, aside: bool) -> list[_Range]:
        """Return what is to be read next, in order: one range, or as many as fill a page of the second lane."""
        first = self._longest(aside=aside) or self._half(aside=aside)
        if first is None:
            return []
        return sorted([first, *self._filling(first)], key=lambda one: one.front) if aside else [first]

    def _filling(self, first: _Range) -> Iterator[_Range]:
        room = self.page_size[True] - self._rows_left(first)
        # The smallest rests first: they are the least worth a page of their own.
        for one in sorted(self._fit(aside=True), key=self._rows_left)[: self.together - 1]:
            if room <= 0:
                return
            room -= self._rows_left(one)
            self.waiting.remove(one)
            yield one

    @property
    def together(self) -> int:
        """How many ranges the second lane reads at once."""
        return self.stream.aside.together if self.stream.aside else 1

    def _call(self) -> None:
        """Wake whoever has something to do now, and nobody else: of a hundred readers most would find that it is not for them."""
        if len(self.ready) >= self.awaited or not self.reading or self._is_over():
            self.news.notify()
        for aside, readers in self.readers.items():
            if self._is_over():
                self.work[aside].notify_all()
            elif len(self.ready) < IN_THE_AIR and (coming := self.calls[aside] + self.hopeful[aside]) < readers:
                useful = max(0, min(self._worth(aside=aside), readers) - coming)
                self.calls[aside] += useful
                self.work[aside].notify(useful)

    def _worth(self, *, aside: bool) -> int:
        """Return how many readers could find something to take."""
        whole = len(self._fit(aside=aside))
        if whole >= self.readers[aside] or not (long := self._halvable(aside=aside)):
            return whole
        return whole + int(self._pages_left(long) / self._worth_halving)

    def _fit(self, *, aside: bool) -> list[_Range]:
        if aside:
            return [one for one in self.waiting if self._is_shared(one)]
        return [one for one in self.waiting if not self._is_shared(one)] if self._leaves_the_rest() else self.waiting

    def _is_shared(self, one: _Range) -> bool:
        # The second lane joins where there is something to share: whoever has one page to read asks once.
        return (one.begun or bool(self.stream.density)) and not one.open

    def _leaves_the_rest(self) -> bool:
        return self.stream.aside is not None and self.stream.enough(self.pages)

    def _longest(self, *, aside: bool) -> _Range | None:
        fit = self._fit(aside=aside)
        if not fit:
            return None
        taken = max(fit, key=lambda one: self._merit(one, aside=aside))
        self.waiting.remove(taken)
        taken.begun, taken.aside = True, aside
        return taken

    def _merit(self, one: _Range, *, aside: bool) -> tuple[bool, bool, bool, float]:
        """Rank what waits for a lane: where nothing was known beforehand, what is unknown goes first."""
        whole = aside or not self._is_a_rest(one)
        if not self.stream.density:
            return whole, not one.begun, False, self._rows_left(one)
        # Each lane goes on with its own ranges: if both nibbled at all, the larger pages would soon find too little. Of the other's ranges
        # those are best whose rest fills its pages. What has no end is the first lane's alone, and goes first.
        own, pages = one.open or (one.begun and one.aside is aside), self._pages_left(one, aside=aside)
        return whole, own, not one.begun, pages if own or not pages else pages / ceil(pages)

    def _is_a_rest(self, one: _Range) -> bool:
        """Tell whether a range holds too little for a page of the first lane, where the second has a use for it."""
        return self.together > 1 and one.begun and not one.open and self._pages_left(one, aside=False) < WORTH_A_PAGE

    def _halvable(self, *, aside: bool) -> _Range | None:
        if not aside and self._leaves_the_rest():
            return None
        longest = max((one for one in self.reading if not (aside and one.open)), key=self._pages_left, default=None)
        if longest is None or self._pages_left(longest) < self._worth_halving or longest.stop - longest.front < 2:
            return None
        return longest

    def _pages_left(self, one: _Range, *, aside: bool | None = None) -> float:
        """Guess how many pages of a lane a range takes, with the one that is on the line; of the lane that reads it if none is named."""
        return self._rows_left(one) / self.page_size[one.aside if aside is None else aside]

    def _rows_left(self, one: _Range) -> float:
        """Guess from what the range has held so far; before its first page, from what is known of all."""
        if one.first is None:
            return (self.stream.density or 0.0) * (one.stop - one.front)
        return one.rows * (one.stop - one.front) / (one.front - one.first) if one.front > one.first else 0.0

    @property
    def _worth_halving(self) -> float:
        return 1.0 if self.stream.far else WORTH_HALVING

    def _half(self, *, aside: bool) -> _Range | None:
        longest = self._halvable(aside=aside)
        if longest is None:
            return None
        middle = longest.front + max(1, int((longest.stop - longest.front) * self._kept(longest)))
        half = _Range(middle, longest.stop, open=longest.open, begun=True, aside=aside)
        longest.stop, longest.open = middle, False
        return half

    def _kept(self, longest: _Range) -> float:
        """Return the share of a range that is left to whoever reads it: half, or the page on the line where not much more is left."""
        one_page = FULL_ENOUGH / self._pages_left(longest)
        return one_page if self.stream.far and one_page > 1 / 3 else 1 / 2

    def _advance(self, taken: _Range, page: Page[Row], *, aside: bool) -> Piece[Row] | None:
        if aside and page.token is not None and page.reached <= taken.front:
            self.waiting.append(taken)  # the page was full before
            return None
        end = page.reached if taken.open and page.token is not None else taken.stop
        more = page.token is not None and (taken.open or page.reached < taken.stop)
        done_to = min(page.reached, end) if more else max(end, taken.front)
        rows = page.rows
        if not taken.open:
            low = bisect_left(rows, taken.front, key=self.stream.key) if aside else 0
            rows = rows[low : bisect_left(rows, taken.stop, key=self.stream.key)]
        piece = Piece(rows=rows, interval=Interval(taken.front, done_to))
        taken.front, taken.token, taken.rows, taken.begun, taken.aside = done_to, page.token, taken.rows + len(rows), True, aside
        if taken.first is None and rows:
            taken.first = self.stream.key(rows[0])
        if more:
            self.waiting.append(taken)
        return piece


def divided(gaps: Sequence[Interval], *, low: int, high: int, width: int) -> list[Interval]:
    """Cut the gaps at every `width` keys between `low` and `high`."""
    cuts = range(low + width, high, width)
    found = []
    for gap in gaps:
        ends = [gap.low, *(cut for cut in cuts if gap.low < cut < gap.high), gap.high]
        found += [Interval(*pair) for pair in pairwise(dict.fromkeys(ends))]
    return found


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
    top = max(gap.high for gap in gaps)
    ranges = [_Range(gap.low, gap.high, open=stream.open_ended and gap.high == top) for gap in gaps]
    yield from _Sweep(stream, ranges, readers).batches(min(readers, IN_THE_AIR) if most is None else most, pausing=pausing)
