"""Which range is read next, and by which lane."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_worker.intervals import Interval, merge_intervals
from sync_worker.sync.reader.partitions import Partition, PartitionQueue, split_at
from sync_worker.sync.reader.stream import SecondarySource
from tests.sync.reader.fake_stream import FakeStream

LISTED, FOUND = 100, 200  # rows in a page of each lane


def make_partitions(
    *waiting: Partition, reading: tuple[Partition, ...] = (), readers: int = 40, **stream: Any
) -> PartitionQueue[tuple[int, int]]:
    """Return ranges with a row at each key, which a list and a search that looks in five at once have begun to read."""
    shelf = FakeStream([], LISTED, unique=True)
    lane = SecondarySource(read=shelf.find_page, readers=5, partitions_per_request=5)
    return PartitionQueue(
        stream=shelf.stream(density=1.0, secondary=lane, **stream),
        readers={False: readers, True: lane.readers},
        pending=[*waiting],
        in_progress={*reading},
        page_size={False: LISTED, True: FOUND},
    )


def remainder(rows: int, *, at: int, aside: bool = False) -> Partition:
    """Return what is left of a range that a lane read last."""
    return Partition(at, at + rows, is_started=True, row_count=LISTED, first_key=at - LISTED, secondary=aside)


def count_keys(taken: list[Partition]) -> int:
    return sum(one.stop - one.start for one in taken)


@pytest.mark.parametrize("aside", [False, True])
def test_a_remainder_waits_for_others_while_full_pages_are_read(*, aside: bool) -> None:
    rest, long = remainder(40, at=1_000), remainder(900, at=2_000)
    board = make_partitions(rest, reading=(long,))

    (taken,) = board.take(secondary=aside)

    assert taken.start == long.stop
    assert board.pending == [rest]


def test_remainders_that_fill_a_page_are_searched_together_before_any_split() -> None:
    rests, long = [remainder(60, at=1_000 * place) for place in range(1, 5)], remainder(900, at=9_000)
    board = make_partitions(*rests, reading=(long, *[remainder(900, at=10_000 * place) for place in range(2, 8)]))

    assert board.take(secondary=True) == rests


def test_a_rest_is_read_where_nothing_can_be_halved() -> None:
    rest = remainder(40, at=1_000)
    assert make_partitions(rest, reading=(remainder(90, at=2_000),)).take(secondary=False) == [rest]
    assert make_partitions(rest).take(secondary=True) == [rest]


def test_what_is_halved_is_left_with_whole_pages() -> None:
    long = remainder(868, at=2_000)
    (taken,) = make_partitions(reading=(long,)).take(secondary=False)
    assert 380 <= long.stop - long.start <= 400
    assert taken.stop == 2_868


def test_what_can_be_asked_for_at_once_in_the_end_is_not_asked_for_one_after_the_other() -> None:
    rests = [remainder(number, at=1_000 * place, aside=True) for place, number in enumerate((6, 14, 134, 135, 136), 1)]
    board = make_partitions(*rests)

    asked = [board.take(secondary=True) for _ in range(3)]

    assert not board.pending
    assert [count_keys(taken) for taken in asked] == [156, 135, 134]


def test_before_the_end_a_page_is_filled_with_more_than_it_holds() -> None:
    board = make_partitions(*[remainder(136, at=1_000 * place, aside=True) for place in range(1, 10)])
    assert count_keys(board.take(secondary=True)) == 272


def test_a_little_more_than_a_page_is_halved_in_the_end_alone() -> None:
    last = remainder(220, at=1_000, aside=True)
    assert len(make_partitions(reading=(last,)).take(secondary=True)) == 1
    others = [remainder(90, at=10_000 * place) for place in range(1, 8)]
    assert make_partitions(reading=(remainder(220, at=1_000, aside=True), *others)).take(secondary=True) == []


def test_in_the_end_the_longest_goes_first() -> None:
    board = make_partitions(remainder(135, at=1_000, aside=True), remainder(260, at=2_000), remainder(67, at=3_000, aside=True))
    assert [one.start for one in board.take(secondary=True)] == [2_000]


@given(
    cuts=st.lists(st.integers(0, 2_001), min_size=2, max_size=6, unique=True),
    low=st.integers(0, 500),
    high=st.integers(501, 2_500),
    width=st.integers(1, 700),
)
def test_what_is_divided_holds_the_same_keys_and_no_part_is_wider(cuts: list[int], low: int, high: int, width: int) -> None:
    ordered = sorted(cuts)
    gaps = [Interval(begin, end) for begin, end in zip(ordered[::2], ordered[1::2], strict=False)]
    parts = split_at(gaps, low=low, high=high, width=width)
    assert merge_intervals(parts) == merge_intervals(gaps)
    assert sum(part.high - part.low for part in parts) == sum(gap.high - gap.low for gap in gaps)
    assert all(part.high - part.low <= width for part in parts if low <= part.low and part.high <= high)
