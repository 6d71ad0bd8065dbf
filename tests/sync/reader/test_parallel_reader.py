from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from threading import Event, Semaphore, Thread

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync_worker.hubspot.rest import rate_limiter
from sync_worker.hubspot.rest.clock import Clock
from sync_worker.hubspot.rest.sliding_window import SlidingWindow
from sync_worker.intervals import Interval, merge_intervals
from sync_worker.sync.reader.parallel_reader import read_parallel, read_parallel_batches
from sync_worker.sync.reader.partitions import split_at
from sync_worker.sync.reader.stream import SecondarySource, Stream, StreamPage
from tests.sync.reader.fake_stream import FakeStream


class PermitGate:
    """Leave to send: so many times, then not before it is opened."""

    def __init__(self, free: int) -> None:
        self.permits = Semaphore(free)

    @contextmanager
    def acquire_slot(self) -> Iterator[None]:
        self.permits.acquire()
        yield


@settings(max_examples=60, deadline=None)
@given(
    keys=st.lists(st.integers(0, 400), max_size=300),
    size=st.integers(1, 20),
    readers=st.integers(1, 8),
    cuts=st.lists(st.integers(0, 401), min_size=2, max_size=6, unique=True),
    far=st.booleans(),
)
def test_every_row_of_the_gaps_is_read_once_and_the_intervals_are_the_gaps(
    keys: list[int], size: int, readers: int, cuts: list[int], *, far: bool
) -> None:
    shelf = FakeStream(keys, size)
    ordered = sorted(cuts)
    gaps = [Interval(low, high) for low, high in zip(ordered[::2], ordered[1::2], strict=False)]
    pieces = list(read_parallel(shelf.stream(high_latency=far), gaps, readers=readers))
    rows = sorted(row for piece in pieces for row in piece.rows)
    assert rows == [row for row in shelf.rows if any(gap.low <= row[0] < gap.high for gap in gaps)]
    assert merge_intervals(piece.interval for piece in pieces if piece.interval.low < piece.interval.high) == merge_intervals(gaps)


def test_a_batch_is_complete_for_its_interval_so_that_a_crash_after_it_loses_nothing() -> None:
    shelf = FakeStream([n // 7 for n in range(700)], 10)  # seven rows share each key
    seen: set[tuple[int, int]] = set()
    covered: list[Interval] = []
    for piece in read_parallel(shelf.stream(), [Interval(0, 100)], readers=4):
        seen.update(piece.rows)
        covered = merge_intervals([*covered, piece.interval])
        assert all(row in seen for row in shelf.rows if any(i.low <= row[0] < i.high for i in covered))
    assert covered == [Interval(0, 100)]


def test_a_short_stream_costs_one_request_and_a_long_one_hardly_more_than_its_pages() -> None:
    short, long = FakeStream(list(range(90)), 100), FakeStream(list(range(0, 200_000, 2)), 100)
    list(read_parallel(short.stream(), [Interval(0, 1_000_000)], readers=16))
    list(read_parallel(long.stream(), [Interval(0, 200_000)], readers=16))
    assert short.requests == 1
    assert long.requests <= 1000 + 60


def test_an_empty_interval_does_not_idle_the_other_readers() -> None:
    shelf = FakeStream(list(range(1_000_000, 1_020_000)), 100)
    busy: set[int] = set()

    def read(start: int, stop: int, token: str | int | None) -> StreamPage[tuple[int, int]]:
        busy.add(start)
        return shelf.read(start, stop, token)

    list(read_parallel(Stream(read=read, key=lambda row: row[0]), [Interval(0, 1_020_000)], readers=8))
    assert len(busy) >= 8


def test_an_open_end_is_followed_to_where_the_stream_ends_by_then() -> None:
    rows = [(key, 0) for key in range(250)]

    def read(start: int, _stop: int, token: str | int | None) -> StreamPage[tuple[int, int]]:
        begin = start if token is None else int(token)
        found = rows[begin : begin + 10]
        return StreamPage(rows=found, read_up_to=begin + len(found), token=begin + 10 if begin + 10 < len(rows) else None)

    pieces = list(read_parallel(Stream(read=read, key=lambda row: row[0], open_ended=True), [Interval(0, 101)], readers=4))
    assert sorted(row for piece in pieces for row in piece.rows) == rows


def test_an_error_of_a_reader_is_raised_where_the_rows_are_taken() -> None:
    def read(start: int, stop: int, token: str | int | None) -> StreamPage[tuple[int, int]]:
        raise ConnectionError(f"{start}-{stop}-{token}")

    with pytest.raises(ConnectionError):
        list(read_parallel(Stream(read=read, key=lambda row: row[0]), [Interval(0, 10), Interval(20, 30)], readers=3))


def test_closing_early_stops_the_readers() -> None:
    shelf = FakeStream(list(range(100_000)), 10)
    pieces = read_parallel(shelf.stream(), [Interval(0, 100_000)], readers=4)
    next(pieces)
    pieces.close()
    assert shelf.requests < 200


@settings(max_examples=40, deadline=None)
@given(
    keys=st.lists(st.integers(0, 2_000), max_size=800, unique=True),
    readers=st.integers(1, 6),
    aside=st.integers(1, 4),
    together=st.integers(1, 5),
    cuts=st.lists(st.integers(0, 2_001), min_size=2, max_size=6, unique=True),
)
def test_two_sources_read_every_row_of_the_gaps_once(keys: list[int], readers: int, aside: int, together: int, cuts: list[int]) -> None:
    shelf, other = FakeStream(keys, 10, unique=True), FakeStream(keys, 20, unique=True)
    ordered = sorted(cuts)
    gaps = [Interval(low, high) for low, high in zip(ordered[::2], ordered[1::2], strict=False)]
    stream = shelf.stream(secondary=SecondarySource(read=other.find_page, readers=aside, partitions_per_request=together))
    pieces = [piece for batch in read_parallel_batches(stream, gaps, readers=readers) for piece in batch]
    rows = sorted(row for piece in pieces for row in piece.rows)
    assert rows == [row for row in shelf.rows if any(gap.low <= row[0] < gap.high for gap in gaps)]
    assert merge_intervals(piece.interval for piece in pieces if piece.interval.low < piece.interval.high) == merge_intervals(gaps)


def test_a_source_that_must_wait_leaves_everything_to_the_other() -> None:
    shelf, other = FakeStream(list(range(10_000)), 100, unique=True), FakeStream(list(range(10_000)), 200, unique=True)
    gate = PermitGate(20)
    aside = SecondarySource(read=other.find_page, readers=2)
    pieces = list(read_parallel(shelf.stream(acquire_slot=gate.acquire_slot, secondary=aside), [Interval(0, 10_000)], readers=8))
    assert sum(len(piece.rows) for piece in pieces) == 10_000
    assert shelf.requests == 20
    assert other.requests <= 40 + 10
    gate.permits.release(8)


@pytest.mark.parametrize("readers", [1, 2, 8])
def test_a_source_that_has_read_enough_leaves_the_rest_to_the_other(readers: int) -> None:
    shelf, other = FakeStream(list(range(10_000)), 100, unique=True), FakeStream(list(range(10_000)), 200, unique=True)
    aside = SecondarySource(read=other.find_page, readers=2)
    stream = shelf.stream(secondary=aside, is_enough=lambda pages: pages >= 20)
    pieces = list(read_parallel(stream, [Interval(0, 10_000)], readers=readers))
    assert sorted(row for piece in pieces for row in piece.rows) == shelf.rows
    assert shelf.requests <= 20


def test_a_source_continues_when_more_is_needed_after_all() -> None:
    shelf, other = FakeStream(list(range(10_000)), 100, unique=True), FakeStream(list(range(10_000)), 200, unique=True)

    gone_on = Event()

    def read_page(start: int, stop: int, token: str | int | None) -> StreamPage[tuple[int, int]]:
        page = shelf.read(start, stop, token)
        if shelf.requests > 20:
            gone_on.set()
        return page

    def find_page(intervals: Sequence[Interval]) -> StreamPage[tuple[int, int]]:
        if other.requests >= 5:
            gone_on.wait(10)  # something is left for the first lane, however slow its threads are
        return other.find_page(intervals)

    stream = replace(
        shelf.stream(),
        read=read_page,
        secondary=SecondarySource(read=find_page, readers=1),
        is_enough=lambda pages: pages >= 20 and other.requests < 5,
    )
    pieces = list(read_parallel(stream, [Interval(0, 10_000)], readers=4))
    assert sum(len(piece.rows) for piece in pieces) == 10_000
    assert shelf.requests > 20


@pytest.mark.parametrize("readers", [2, 8, 40])
def test_a_reader_with_a_request_does_not_wait_for_idle_readers(readers: int) -> None:
    lane = rate_limiter.Limiter(SlidingWindow(limit=3, seconds=0.02), Clock())
    shelf = FakeStream(list(range(100)), 10)

    def ask() -> float:
        sent = lane.acquire()
        lane.release(sent)
        return sent

    def read(start: int, stop: int, token: str | int | None) -> StreamPage[tuple[int, int]]:
        lane.on_429(ask(), 0.01)  # too fast
        ask()  # no answer
        lane.on_success(ask())
        return shelf.read(start, stop, token)

    found: list[tuple[int, int]] = []
    stream = Stream(read=read, key=lambda row: row[0], acquire_slot=lane.reserve)
    reading = Thread(
        target=lambda: found.extend(row for piece in read_parallel(stream, [Interval(0, 100)], readers=readers) for row in piece.rows)
    )
    reading.daemon = True
    reading.start()
    reading.join(30)
    assert sorted(found) == shelf.rows


def test_the_second_source_does_not_join_for_a_page_or_two() -> None:
    shelf, other = FakeStream(list(range(90)), 100), FakeStream(list(range(90)), 200)
    aside = SecondarySource(read=other.find_page, readers=2)
    list(read_parallel(shelf.stream(secondary=aside), [Interval(0, 90)], readers=8))
    assert (shelf.requests, other.requests) == (1, 0)


def test_the_second_source_never_reads_an_open_interval() -> None:
    rows = [(key, 0) for key in range(3_000)]

    def read(start: int, _stop: int, token: str | int | None) -> StreamPage[tuple[int, int]]:
        begin = start if token is None else int(token)
        found = rows[begin : begin + 10]
        return StreamPage(rows=found, read_up_to=begin + len(found), token=begin + 10 if begin + 10 < len(rows) else None)

    def fail(intervals: Sequence[Interval]) -> StreamPage[tuple[int, int]]:
        ((start, stop),) = intervals
        assert stop <= 2_000
        return StreamPage(
            rows=rows[start : min(start + 20, stop)], read_up_to=min(start + 20, stop), token=start + 20 if start + 20 < stop else None
        )

    stream = Stream(read=read, key=lambda row: row[0], open_ended=True, secondary=SecondarySource(read=fail, readers=2))
    pieces = list(read_parallel(stream, [Interval(0, 2_000), Interval(2_000, 2_001)], readers=4))
    assert sorted(row for piece in pieces for row in piece.rows) == rows


@settings(max_examples=40, deadline=None)
@given(
    keys=st.lists(st.integers(0, 2_000), min_size=1, max_size=800, unique=True),
    width=st.integers(50, 900),
    density=st.one_of(st.none(), st.floats(0.001, 2)),
    together=st.integers(1, 5),
    far=st.booleans(),
)
def test_two_sources_read_every_row_of_split_gaps_once(
    keys: list[int], width: int, density: float | None, together: int, *, far: bool
) -> None:
    shelf, other = FakeStream(keys, 10, unique=True), FakeStream(keys, 20, unique=True)
    aside = SecondarySource(read=other.find_page, readers=3, partitions_per_request=together)
    stream = shelf.stream(secondary=aside, density=density, high_latency=far)
    gaps = split_at([Interval(0, 2_001)], low=min(keys), high=max(keys), width=width)
    pieces = [piece for batch in read_parallel_batches(stream, gaps, readers=2) for piece in batch]
    assert sorted(row for piece in pieces for row in piece.rows) == shelf.rows
    assert merge_intervals(piece.interval for piece in pieces if piece.interval.low < piece.interval.high) == [Interval(0, 2_001)]


def test_what_is_left_of_several_ranges_is_found_at_once() -> None:
    shelf, other = FakeStream(list(range(4_200)), 100, unique=True), FakeStream(list(range(4_200)), 200, unique=True)
    gate = PermitGate(40)  # twenty ranges of two pages, each with ten rows more
    stream = shelf.stream(
        acquire_slot=gate.acquire_slot, secondary=SecondarySource(read=other.find_page, readers=1, partitions_per_request=5), density=1.0
    )
    gaps = split_at([Interval(0, 4_200)], low=0, high=4_200, width=210)
    pieces = list(read_parallel(stream, gaps, readers=20))
    assert sorted(row for piece in pieces for row in piece.rows) == shelf.rows
    # 42 pages hold all; by who is first it is 42 to 55. One rest at a time would be 66 at least.
    assert shelf.requests + 2 * other.requests < 60
    gate.permits.release(20)


def test_with_high_latency_no_reader_waits_for_the_page_of_another() -> None:
    shelf = FakeStream(list(range(0, 40_000, 20)), 100, unique=True)
    asked: list[int] = []
    everybody = Event()

    def read(start: int, stop: int, token: str | int | None) -> StreamPage[tuple[int, int]]:
        asked.append(start)
        if len(asked) == 20:
            everybody.set()
        assert everybody.wait(20)  # nobody is answered before twenty have asked
        return shelf.read(start, stop, token)

    stream = replace(shelf.stream(density=1 / 20, high_latency=True), read=read)
    pieces = list(read_parallel(stream, [Interval(0, 40_000)], readers=25))

    assert sorted(row for piece in pieces for row in piece.rows) == shelf.rows
    assert len(asked) <= 40  # of 20 pages: how many rows one holds is not known before the first answer
