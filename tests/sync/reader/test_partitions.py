"""Partition queue: the partition that each source reads next, and how partitions are split."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_worker.intervals import Interval, merge_intervals
from sync_worker.sync.reader.keyed_stream import SecondarySource
from sync_worker.sync.reader.partitions import Partition, PartitionQueue, split_at
from tests.sync.reader.fake_stream import FakeStream

LIST_PAGE_SIZE, SEARCH_PAGE_SIZE = 100, 200  # rows per page of each source


def make_partitions(
    *waiting: Partition, reading: tuple[Partition, ...] = (), readers: int = 40, **stream: Any
) -> PartitionQueue[tuple[int, int]]:
    """Return a queue with one row per key, read by a list and by a search of up to five partitions per request."""
    fake = FakeStream([], LIST_PAGE_SIZE, unique=True)
    search = SecondarySource(read=fake.find_page, readers=5, partitions_per_request=5)
    return PartitionQueue(
        stream=fake.stream(density=1.0, secondary=search, **stream),
        readers={False: readers, True: search.readers},
        pending=[*waiting],
        in_progress={*reading},
        page_size={False: LIST_PAGE_SIZE, True: SEARCH_PAGE_SIZE},
    )


def remainder(rows: int, *, at: int, secondary: bool = False) -> Partition:
    """Return the rest of a partition after a source has read its first page."""
    return Partition(at, at + rows, is_started=True, row_count=LIST_PAGE_SIZE, first_key=at - LIST_PAGE_SIZE, secondary=secondary)


def count_keys(partitions: list[Partition]) -> int:
    return sum(each.stop - each.start for each in partitions)


@pytest.mark.parametrize("secondary", [False, True])
def test_a_remainder_waits_for_others_while_full_pages_are_read(*, secondary: bool) -> None:
    short, long = remainder(40, at=1_000), remainder(900, at=2_000)
    queue = make_partitions(short, reading=(long,))

    (partition,) = queue.take(secondary=secondary)

    assert partition.start == long.stop
    assert queue.pending == [short]


def test_remainders_that_fill_a_page_are_searched_together_before_any_split() -> None:
    remainders, long = [remainder(60, at=1_000 * index) for index in range(1, 5)], remainder(900, at=9_000)
    queue = make_partitions(*remainders, reading=(long, *[remainder(900, at=10_000 * index) for index in range(2, 8)]))

    assert queue.take(secondary=True) == remainders


def test_a_remainder_is_read_when_no_partition_can_be_split() -> None:
    short = remainder(40, at=1_000)
    assert make_partitions(short, reading=(remainder(90, at=2_000),)).take(secondary=False) == [short]
    assert make_partitions(short).take(secondary=True) == [short]


def test_a_split_partition_keeps_whole_pages() -> None:
    long = remainder(868, at=2_000)
    (partition,) = make_partitions(reading=(long,)).take(secondary=False)
    assert 380 <= long.stop - long.start <= 400
    assert partition.stop == 2_868


def test_the_last_remainders_are_requested_together() -> None:
    remainders = [remainder(number, at=1_000 * index, secondary=True) for index, number in enumerate((6, 14, 134, 135, 136), 1)]
    queue = make_partitions(*remainders)

    batches = [queue.take(secondary=True) for _ in range(3)]

    assert not queue.pending
    assert [count_keys(partitions) for partitions in batches] == [156, 135, 134]


def test_a_request_before_the_end_covers_more_than_one_page() -> None:
    queue = make_partitions(*[remainder(136, at=1_000 * index, secondary=True) for index in range(1, 10)])
    assert count_keys(queue.take(secondary=True)) == 272


def test_a_partition_of_little_more_than_a_page_is_split_only_at_the_end() -> None:
    last = remainder(220, at=1_000, secondary=True)
    assert len(make_partitions(reading=(last,)).take(secondary=True)) == 1
    others = [remainder(90, at=10_000 * index) for index in range(1, 8)]
    assert make_partitions(reading=(remainder(220, at=1_000, secondary=True), *others)).take(secondary=True) == []


def test_the_longest_partition_is_read_first_at_the_end() -> None:
    queue = make_partitions(remainder(135, at=1_000, secondary=True), remainder(260, at=2_000), remainder(67, at=3_000, secondary=True))
    assert [each.start for each in queue.take(secondary=True)] == [2_000]


@given(
    cuts=st.lists(st.integers(0, 2_001), min_size=2, max_size=6, unique=True),
    low=st.integers(0, 500),
    high=st.integers(501, 2_500),
    width=st.integers(1, 700),
)
def test_split_gaps_hold_the_same_keys_and_no_part_is_too_wide(cuts: list[int], low: int, high: int, width: int) -> None:
    ordered = sorted(cuts)
    gaps = [Interval(begin, end) for begin, end in zip(ordered[::2], ordered[1::2], strict=False)]
    parts = split_at(gaps, low=low, high=high, width=width)
    assert merge_intervals(parts) == merge_intervals(gaps)
    assert sum(part.high - part.low for part in parts) == sum(gap.high - gap.low for gap in gaps)
    assert all(part.high - part.low <= width for part in parts if low <= part.low and part.high <= high)
