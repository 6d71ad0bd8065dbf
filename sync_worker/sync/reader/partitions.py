"""The partitions of a stream that are still to be read, and the choice of the next one for each source.

One reader at a time reads a partition. If none is pending, a free reader takes over the far half of the longest one in progress. The
distribution of the rows need not be known: a stream of one page costs one request, a long one keeps every reader busy to its last pages.
If it is known, initial partitions save the first readers the wait for a split, which takes a page and so the latency of HubSpot.

Both sources share the partitions, so no row waits for a source without a slot. The secondary source reads several remainders, each too
short for a page, in one request. This module has no threads; the caller holds a lock.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import ceil
from typing import Final, Generic

from sync_worker.errors import Unavailable
from sync_worker.intervals import Interval
from sync_worker.sync.reader.keyed_stream import PageToken, RowT, Stream, StreamBatch, StreamPage

MIN_PAGES_TO_SPLIT: Final = 1.5  # pages that must be left of a partition before it is split
TARGET_PAGE_FILL: Final = 0.9  # of a page; a split leaves whole pages, less this margin
MIN_PAGE_FILL: Final = 0.6  # of a primary page; the secondary source reads several shorter remainders at once


@dataclass(eq=False, slots=True)
class Partition:
    """The keys from `start` to below `stop` that are still to be read, or to the end of the stream if `open_ended`."""

    start: int
    stop: int
    open_ended: bool = False
    token: PageToken | None = None
    is_started: bool = False
    row_count: int = 0
    first_key: int | None = None  # key of the first row; the keys before it are empty and do not count for the density
    secondary: bool = False  # last read by the secondary source
    tokens: set[PageToken] = field(default_factory=set)  # of the pages so far

    def add_token(self, token: PageToken) -> None:
        """Record the token of the next page; a token that repeats would never end."""
        if token in self.tokens:
            raise Unavailable("HubSpot's paging cursor repeats.", operation="read a stream")
        self.tokens.add(token)


@dataclass(eq=False, slots=True, kw_only=True)
class PartitionQueue(Generic[RowT]):
    """The pending partitions of a stream, and those in progress. `secondary` distinguishes the two sources."""

    stream: Stream[RowT]
    readers: Mapping[bool, int]  # of the primary source, and of the secondary one if there is one
    pending: list[Partition]
    in_progress: set[Partition] = field(default_factory=set)
    page_size: dict[bool, int] = field(default_factory=lambda: {False: 1, True: 1})  # the largest page of each source
    primary_pages: int = 0  # read or in progress

    @classmethod
    def from_gaps(cls, stream: Stream[RowT], gaps: Sequence[Interval], *, readers: int) -> PartitionQueue[RowT]:
        """Return the gaps as pending partitions for `readers` of the primary source, and those of the secondary one."""
        top = max(gap.high for gap in gaps)
        pending = [Partition(gap.low, gap.high, open_ended=stream.open_ended and gap.high == top) for gap in gaps]
        return cls(
            stream=stream, readers={False: readers, **({True: stream.secondary.readers} if stream.secondary else {})}, pending=pending
        )

    @property
    def is_done(self) -> bool:
        """Whether all partitions are read."""
        return not (self.pending or self.in_progress)

    def take(self, *, secondary: bool) -> list[Partition]:
        """Return the next partitions of a source in order: none, one, or as many as fill a page of the secondary source."""
        taken = self._choose(secondary=secondary)
        self.in_progress.update(taken)
        self.primary_pages += bool(taken) and not secondary
        return taken

    def finish(self, taken: Sequence[Partition], page: StreamPage[RowT] | None, *, secondary: bool) -> list[StreamBatch[RowT]]:
        """Record the page that a source has read of its partitions, or None if it failed; return the batches."""
        self.in_progress.difference_update(taken)
        if page is None:
            return []
        self.page_size[secondary] = max(self.page_size[secondary], len(page.rows))
        return [piece for one in taken if (piece := self._advance(one, page, secondary=secondary))]

    @property
    def _partitions_per_request(self) -> int:
        """The number of partitions in one request of the secondary source."""
        return self.stream.secondary.partitions_per_request if self.stream.secondary else 1

    def useful_readers(self, *, secondary: bool) -> int:
        """Return the number of readers that would find a partition."""
        whole = len(self._candidates(secondary=secondary))
        if whole >= self.readers[secondary] or not (long := self._find_splittable(secondary=secondary)):
            return whole
        return whole + int(self._pages_left(long) / self._min_pages_to_split)

    def _choose(self, *, secondary: bool) -> list[Partition]:
        half = self._split_longest(secondary=secondary) if self._has_only_remainders(secondary=secondary) else None
        first = half or self._take_longest(secondary=secondary)
        if first is None:
            return []
        return sorted([first, *self._fill_page(first)], key=lambda one: one.start) if secondary else [first]

    def _has_only_remainders(self, *, secondary: bool) -> bool:
        """Return whether the pending partitions would not fill a page of the source, so that they can wait for more."""
        fit = self._candidates(secondary=secondary)
        if secondary:
            return sum(map(self._rows_left, fit)) < TARGET_PAGE_FILL * self.page_size[True]
        return all(map(self._is_remainder, fit))

    def _fill_page(self, first: Partition) -> Iterator[Partition]:
        room, ending = self.page_size[True] - self._rows_left(first), self._is_ending
        # The shortest remainders first: they are the least worth a page of their own.
        for one in sorted(self._candidates(secondary=True), key=self._rows_left)[: self._partitions_per_request - 1]:
            needed = self._rows_left(one)
            if room <= 0 or (ending and room < needed):
                return
            room -= needed
            self.pending.remove(one)
            one.secondary = True
            yield one

    def _candidates(self, *, secondary: bool) -> list[Partition]:
        if secondary:
            return [one for one in self.pending if self._is_shareable(one)]
        return [one for one in self.pending if not self._is_shareable(one)] if self._leaves_rest_to_secondary() else self.pending

    def _is_shareable(self, partition: Partition) -> bool:
        # The secondary source joins only streams with more than one page.
        return (partition.is_started or bool(self.stream.density)) and not partition.open_ended

    def _leaves_rest_to_secondary(self) -> bool:
        return self.stream.secondary is not None and self.stream.is_enough(self.primary_pages)

    def _take_longest(self, *, secondary: bool) -> Partition | None:
        fit = self._candidates(secondary=secondary)
        if not fit:
            return None
        ending = self._is_ending
        taken = max(fit, key=lambda one: self._priority(one, secondary=secondary, is_ending=ending))
        self.pending.remove(taken)
        taken.is_started, taken.secondary = True, secondary
        return taken

    def _priority(self, partition: Partition, *, secondary: bool, is_ending: bool) -> tuple[bool, bool, bool, float]:
        """Rank a pending partition for a source: the longest first near the end, unstarted ones first if the density is unknown."""
        whole = secondary or not self._is_remainder(partition)
        if not self.stream.density or is_ending:
            return whole, not partition.is_started, False, self._rows_left(partition)
        # Each source continues with its own partitions: otherwise both would shorten all of them, and large pages would be half empty. Of
        # the other's partitions, those are best whose rest fills whole pages. An open end is read first, by the primary source only.
        own, pages = (
            partition.open_ended or (partition.is_started and partition.secondary is secondary),
            self._pages_left(partition, secondary=secondary),
        )
        return whole, own, not partition.is_started, pages if own or not pages else pages / ceil(pages)

    def _is_remainder(self, partition: Partition) -> bool:
        """Return whether a partition is too short for a primary page, and the secondary source can read it with others."""
        return (
            self._partitions_per_request > 1
            and partition.is_started
            and not partition.open_ended
            and self._pages_left(partition, secondary=False) < MIN_PAGE_FILL
        )

    def _find_splittable(self, *, secondary: bool) -> Partition | None:
        if not secondary and self._leaves_rest_to_secondary():
            return None
        longest = max((one for one in self.in_progress if not (secondary and one.open_ended)), key=self._pages_left, default=None)
        if longest is None or self._pages_left(longest) < self._min_pages_to_split or longest.stop - longest.start < 2:
            return None
        return longest

    def _pages_left(self, partition: Partition, *, secondary: bool | None = None) -> float:
        """Estimate the pages of a partition, including the one in flight; by default for the source that reads it."""
        return self._rows_left(partition) / self.page_size[partition.secondary if secondary is None else secondary]

    def _rows_left(self, partition: Partition) -> float:
        """Estimate the rows from the density of the partition so far, or of the stream before the first page."""
        if partition.first_key is None:
            return (self.stream.density or 0.0) * (partition.stop - partition.start)
        return (
            partition.row_count * (partition.stop - partition.start) / (partition.start - partition.first_key)
            if partition.start > partition.first_key
            else 0.0
        )

    @property
    def _min_pages_to_split(self) -> float:
        return 1.0 if self.stream.high_latency or self._is_ending else MIN_PAGES_TO_SPLIT

    @property
    def _is_ending(self) -> bool:
        """Return whether the secondary source can request all remaining rows at once, so that fuller pages gain nothing."""
        free = self.readers.get(True, 0) - len(self.in_progress)
        return free > 0 and sum(map(self._rows_left, self.pending)) <= free * self.page_size[True]

    def _split_longest(self, *, secondary: bool) -> Partition | None:
        longest = self._find_splittable(secondary=secondary)
        if longest is None:
            return None
        middle = longest.start + max(1, int((longest.stop - longest.start) * self._keep_share(longest)))
        half = Partition(middle, longest.stop, open_ended=longest.open_ended, is_started=True, secondary=secondary)
        longest.stop, longest.open_ended = middle, False
        return half

    def _keep_share(self, longest: Partition) -> float:
        """Return the share of a partition that its reader keeps: half, or whole pages if remainders can be read together."""
        pages = self._pages_left(longest)
        one_page = TARGET_PAGE_FILL / pages
        if self.stream.high_latency and one_page > 1 / 3:
            return one_page  # the page in flight
        return (pages // 2 - (1 - TARGET_PAGE_FILL)) / pages if self._partitions_per_request > 1 and pages >= 2 else 1 / 2

    def _advance(self, taken: Partition, page: StreamPage[RowT], *, secondary: bool) -> StreamBatch[RowT] | None:
        if secondary and page.token is not None and page.read_up_to <= taken.start:
            self.pending.append(taken)  # the page was full before this partition
            return None
        end = page.read_up_to if taken.open_ended and page.token is not None else taken.stop
        more = page.token is not None and (taken.open_ended or page.read_up_to < taken.stop)
        done_to = min(page.read_up_to, end) if more else max(end, taken.start)
        rows = page.rows
        if not taken.open_ended:
            low = bisect_left(rows, taken.start, key=self.stream.key) if secondary else 0
            rows = rows[low : bisect_left(rows, taken.stop, key=self.stream.key)]
        piece = StreamBatch(rows=rows, interval=Interval(taken.start, done_to))
        taken.start, taken.token, taken.row_count, taken.is_started, taken.secondary = (
            done_to,
            page.token,
            taken.row_count + len(rows),
            True,
            secondary,
        )
        if taken.first_key is None and rows:
            taken.first_key = self.stream.key(rows[0])
        if more and page.token is not None:
            taken.add_token(page.token)
            self.pending.append(taken)
        return piece


def split_at(gaps: Sequence[Interval], *, low: int, high: int, width: int) -> list[Interval]:
    """Cut the gaps at every `width` keys between `low` and `high`."""
    cuts = range(low + width, high, width)
    found = []
    for gap in gaps:
        ends = [gap.low, *(cut for cut in cuts if gap.low < cut < gap.high), gap.high]
        found += [Interval(*pair) for pair in pairwise(dict.fromkeys(ends))]
    return found
