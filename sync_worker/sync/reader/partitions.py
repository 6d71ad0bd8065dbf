"""What is left to read of a stream, in ranges of its keys, and which of them is read next, by which lane.

A range is taken by one reader at a time; where none waits, the far half of the longest that is being read is taken over. Nobody has to
know beforehand how the rows are spread: a stream of one page costs one request, a long one keeps every reader busy until its last pages.
Where more is known, `divided` spares the first readers the wait for each other's pages: each halving takes a page, and that takes as
long as HubSpot is away.

Both lanes share the ranges: no row is left to a lane that has to wait. What is left of several ranges, each too little for a page,
the second lane reads at once. There are no threads here: whoever shares this among some holds a lock.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import ceil
from typing import Final, Generic

from sync_worker.store.coverage import Interval
from sync_worker.sync.reader.stream import Page, Piece, Row, Stream, Token

WORTH_HALVING: Final = 1.5  # pages that must be left of a range before half of it is given away
FULL_ENOUGH: Final = 0.9  # of a page: so much of it is asked for where nothing may be left for another
WORTH_A_PAGE: Final = 0.6  # of a page of the first lane; less is left to the second, which reads several such rests at once


@dataclass(eq=False, slots=True)
class Range:
    """Keys from `front` on, below `stop`, that are still to be read; with `open`, to the end of the stream."""

    front: int
    stop: int
    open: bool = False
    token: Token | None = None
    begun: bool = False
    rows: int = 0
    first: int | None = None  # key of the first row: what lies before it is empty and says nothing of the rest
    aside: bool = False  # read by the second lane last


@dataclass(eq=False, slots=True, kw_only=True)
class Ranges(Generic[Row]):
    """The ranges of a stream that wait, and those that are being read. The lanes are told apart by whether they are the one `aside`."""

    stream: Stream[Row]
    readers: Mapping[bool, int]  # of each lane: the main one, and the one aside if there is one
    waiting: list[Range]
    reading: set[Range] = field(default_factory=set)
    page_size: dict[bool, int] = field(default_factory=lambda: {False: 1, True: 1})  # the largest seen, of each lane
    pages: int = 0  # that the main lane has read, or is reading

    @classmethod
    def of(cls, stream: Stream[Row], gaps: Sequence[Interval], *, readers: int) -> Ranges[Row]:
        """Return the gaps as ranges that wait for so many readers of the main lane, and those of the second."""
        top = max(gap.high for gap in gaps)
        waiting = [Range(gap.low, gap.high, open=stream.open_ended and gap.high == top) for gap in gaps]
        return cls(stream=stream, readers={False: readers, **({True: stream.aside.readers} if stream.aside else {})}, waiting=waiting)

    @property
    def are_read(self) -> bool:
        """Whether nothing is left."""
        return not (self.waiting or self.reading)

    def take(self, *, aside: bool) -> list[Range]:
        """Return what a lane is to read next, in order, if anything: one range, or as many as fill a page of the second lane."""
        taken = self._chosen(aside=aside)
        self.reading.update(taken)
        self.pages += bool(taken) and not aside
        return taken

    def give_back(self, taken: Sequence[Range], page: Page[Row] | None, *, aside: bool) -> list[Piece[Row]]:
        """Note what a lane has read of what it took, and return it; no page where it failed."""
        self.reading.difference_update(taken)
        if page is None:
            return []
        self.page_size[aside] = max(self.page_size[aside], len(page.rows))
        return [piece for one in taken if (piece := self._advance(one, page, aside=aside))]

    @property
    def _together(self) -> int:
        """How many ranges the second lane reads at once."""
        return self.stream.aside.together if self.stream.aside else 1

    def worth(self, *, aside: bool) -> int:
        """Return how many readers could find something to take."""
        whole = len(self._fit(aside=aside))
        if whole >= self.readers[aside] or not (long := self._halvable(aside=aside)):
            return whole
        return whole + int(self._pages_left(long) / self._worth_halving)

    def _chosen(self, *, aside: bool) -> list[Range]:
        half = self._half(aside=aside) if self._only_rests_wait(aside=aside) else None
        first = half or self._longest(aside=aside)
        if first is None:
            return []
        return sorted([first, *self._filling(first)], key=lambda one: one.front) if aside else [first]

    def _only_rests_wait(self, *, aside: bool) -> bool:
        """Tell whether what waits, if anything, would not fill a page of the lane: it can wait for more while whole pages are left."""
        fit = self._fit(aside=aside)
        if aside:
            return sum(map(self._rows_left, fit)) < FULL_ENOUGH * self.page_size[True]
        return all(map(self._is_a_rest, fit))

    def _filling(self, first: Range) -> Iterator[Range]:
        room, ending = self.page_size[True] - self._rows_left(first), self._is_ending
        # The smallest rests first: they are the least worth a page of their own.
        for one in sorted(self._fit(aside=True), key=self._rows_left)[: self._together - 1]:
            needed = self._rows_left(one)
            if room <= 0 or (ending and room < needed):
                return
            room -= needed
            self.waiting.remove(one)
            one.aside = True
            yield one

    def _fit(self, *, aside: bool) -> list[Range]:
        if aside:
            return [one for one in self.waiting if self._is_shared(one)]
        return [one for one in self.waiting if not self._is_shared(one)] if self._leaves_the_rest() else self.waiting

    def _is_shared(self, one: Range) -> bool:
        # The second lane joins where there is something to share: whoever has one page to read asks once.
        return (one.begun or bool(self.stream.density)) and not one.open

    def _leaves_the_rest(self) -> bool:
        return self.stream.aside is not None and self.stream.enough(self.pages)

    def _longest(self, *, aside: bool) -> Range | None:
        fit = self._fit(aside=aside)
        if not fit:
            return None
        ending = self._is_ending
        taken = max(fit, key=lambda one: self._merit(one, aside=aside, ending=ending))
        self.waiting.remove(taken)
        taken.begun, taken.aside = True, aside
        return taken

    def _merit(self, one: Range, *, aside: bool, ending: bool) -> tuple[bool, bool, bool, float]:
        """Rank what waits for a lane: when it is `ending` the longest goes first; where nothing was known beforehand, what is unknown."""
        whole = aside or not self._is_a_rest(one)
        if not self.stream.density or ending:
            return whole, not one.begun, False, self._rows_left(one)
        # Each lane goes on with its own ranges: if both nibbled at all, the larger pages would soon find too little. Of the other's ranges
        # those are best whose rest fills its pages. What has no end is the first lane's alone, and goes first.
        own, pages = one.open or (one.begun and one.aside is aside), self._pages_left(one, aside=aside)
        return whole, own, not one.begun, pages if own or not pages else pages / ceil(pages)

    def _is_a_rest(self, one: Range) -> bool:
        """Tell whether a range holds too little for a page of the first lane, where the second has a use for it."""
        return self._together > 1 and one.begun and not one.open and self._pages_left(one, aside=False) < WORTH_A_PAGE

    def _halvable(self, *, aside: bool) -> Range | None:
        if not aside and self._leaves_the_rest():
            return None
        longest = max((one for one in self.reading if not (aside and one.open)), key=self._pages_left, default=None)
        if longest is None or self._pages_left(longest) < self._worth_halving or longest.stop - longest.front < 2:
            return None
        return longest

    def _pages_left(self, one: Range, *, aside: bool | None = None) -> float:
        """Guess how many pages of a lane a range takes, with the one that is on the line; of the lane that reads it if none is named."""
        return self._rows_left(one) / self.page_size[one.aside if aside is None else aside]

    def _rows_left(self, one: Range) -> float:
        """Guess from what the range has held so far; before its first page, from what is known of all."""
        if one.first is None:
            return (self.stream.density or 0.0) * (one.stop - one.front)
        return one.rows * (one.stop - one.front) / (one.front - one.first) if one.front > one.first else 0.0

    @property
    def _worth_halving(self) -> float:
        return 1.0 if self.stream.far or self._is_ending else WORTH_HALVING

    @property
    def _is_ending(self) -> bool:
        """Tell whether the second lane can ask at once for all that is left: then nothing is gained by asking for more of it at a time."""
        free = self.readers.get(True, 0) - len(self.reading)
        return free > 0 and sum(map(self._rows_left, self.waiting)) <= free * self.page_size[True]

    def _half(self, *, aside: bool) -> Range | None:
        longest = self._halvable(aside=aside)
        if longest is None:
            return None
        middle = longest.front + max(1, int((longest.stop - longest.front) * self._kept(longest)))
        half = Range(middle, longest.stop, open=longest.open, begun=True, aside=aside)
        longest.stop, longest.open = middle, False
        return half

    def _kept(self, longest: Range) -> float:
        """Return the share of a range that is left to whoever reads it: half, in whole pages where what is left of them has a use."""
        pages = self._pages_left(longest)
        one_page = FULL_ENOUGH / pages
        if self.stream.far and one_page > 1 / 3:
            return one_page  # the one that is on the line
        return (pages // 2 - (1 - FULL_ENOUGH)) / pages if self._together > 1 and pages >= 2 else 1 / 2

    def _advance(self, taken: Range, page: Page[Row], *, aside: bool) -> Piece[Row] | None:
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
