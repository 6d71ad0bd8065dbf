from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain
from threading import Event, Semaphore, Thread

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync_worker.hubspot.rest import rate_limiter
from sync_worker.hubspot.rest.clock import Clock
from sync_worker.hubspot.rest.sliding_window import SlidingWindow
from sync_worker.intervals import Interval, merge_intervals
from sync_worker.sync.reader.keyed_stream import SecondarySource, Stream, StreamPage
from sync_worker.sync.reader.parallel_reader import read_parallel, read_parallel_batches
from sync_worker.sync.reader.partitions import split_at
from tests.sync.reader.fake_stream import FakeStream


class RequestPermits:
    """A limiter that allows a number of requests and blocks all others until `semaphore` is released."""

    def __init__(self, count: int) -> None:
        self.semaphore = Semaphore(count)

    @contextmanager
    def acquire_slot(self) -> Iterator[None]:
        self.semaphore.acquire()
        yield


@settings(max_examples=60, deadline=None)
@given(
    keys=st.lists(st.integers(0, 400), max_size=300),
    size=st.integers(1, 20),
    readers=st.integers(1, 8),
    cuts=st.lists(st.integers(0, 401), min_size=2, max_size=6, unique=True),
    high_latency=st.booleans(),
)
def test_every_row_of_the_gaps_is_read_once_and_the_intervals_are_the_gaps(
    keys: list[int], size: int, readers: int, cuts: list[int], *, high_latency: bool
) -> None:
    fake = FakeStream(keys, size)
    bounds = sorted(cuts)
    gaps = [Interval(low, high) for low, high in zip(bounds[::2], bounds[1::2], strict=False)]
    batches = list(read_parallel(fake.stream(high_latency=high_latency), gaps, readers=readers))
    rows = sorted(row for batch in batches for row in batch.rows)
    assert rows == [row for row in fake.rows if any(gap.low <= row[0] < gap.high for gap in gaps)]
    assert merge_intervals(batch.interval for batch in batches if batch.interval.low < batch.interval.high) == merge_intervals(gaps)


def test_a_batch_is_complete_for_its_interval_so_that_a_crash_after_it_loses_nothing() -> None:
    fake = FakeStream([n // 7 for n in range(700)], 10)  # seven rows share each key
    seen: set[tuple[int, int]] = set()
    covered: list[Interval] = []
    for batch in read_parallel(fake.stream(), [Interval(0, 100)], readers=4):
        seen.update(batch.rows)
        covered = merge_intervals([*covered, batch.interval])
        assert all(row in seen for row in fake.rows if any(i.low <= row[0] < i.high for i in covered))
    assert covered == [Interval(0, 100)]


def test_a_short_stream_costs_one_request_and_a_long_one_hardly_more_than_its_pages() -> None:
    short, long = FakeStream(list(range(90)), 100), FakeStream(list(range(0, 200_000, 2)), 100)
    list(read_parallel(short.stream(), [Interval(0, 1_000_000)], readers=16))
    list(read_parallel(long.stream(), [Interval(0, 200_000)], readers=16))
    assert short.requests == 1
    assert long.requests <= 1000 + 60


def test_an_empty_interval_does_not_idle_the_other_readers() -> None:
    fake = FakeStream(list(range(1_000_000, 1_020_000)), 100)
    starts: set[int] = set()

    def read(start: int, stop: int, token: str | int | None) -> StreamPage[tuple[int, int]]:
        starts.add(start)
        return fake.read(start, stop, token)

    list(read_parallel(Stream(read=read, key=lambda row: row[0]), [Interval(0, 1_020_000)], readers=8))
    assert len(starts) >= 8


def test_an_open_interval_is_read_to_the_current_end_of_the_stream() -> None:
    rows = [(key, 0) for key in range(250)]

    def read(start: int, _stop: int, token: str | int | None) -> StreamPage[tuple[int, int]]:
        begin = start if token is None else int(token)
        rows_read = rows[begin : begin + 10]
        return StreamPage(rows=rows_read, read_up_to=begin + len(rows_read), token=begin + 10 if begin + 10 < len(rows) else None)

    batches = list(read_parallel(Stream(read=read, key=lambda row: row[0], open_ended=True), [Interval(0, 101)], readers=4))
    assert sorted(row for batch in batches for row in batch.rows) == rows


def test_an_error_of_a_reader_is_raised_where_the_rows_are_taken() -> None:
    def read(start: int, stop: int, token: str | int | None) -> StreamPage[tuple[int, int]]:
        raise ConnectionError(f"{start}-{stop}-{token}")

    with pytest.raises(ConnectionError):
        list(read_parallel(Stream(read=read, key=lambda row: row[0]), [Interval(0, 10), Interval(20, 30)], readers=3))


def test_closing_early_stops_the_readers() -> None:
    fake = FakeStream(list(range(100_000)), 10)
    batches = read_parallel(fake.stream(), [Interval(0, 100_000)], readers=4)
    next(batches)
    batches.close()
    assert fake.requests < 200


@settings(max_examples=40, deadline=None)
@given(
    keys=st.lists(st.integers(0, 2_000), max_size=800, unique=True),
    readers=st.integers(1, 6),
    search_readers=st.integers(1, 4),
    partitions_per_request=st.integers(1, 5),
    cuts=st.lists(st.integers(0, 2_001), min_size=2, max_size=6, unique=True),
)
def test_two_sources_read_every_row_of_the_gaps_once(
    keys: list[int], readers: int, search_readers: int, partitions_per_request: int, cuts: list[int]
) -> None:
    listing, search = FakeStream(keys, 10, unique=True), FakeStream(keys, 20, unique=True)
    bounds = sorted(cuts)
    gaps = [Interval(low, high) for low, high in zip(bounds[::2], bounds[1::2], strict=False)]
    stream = listing.stream(
        secondary=SecondarySource(read=search.find_page, readers=search_readers, partitions_per_request=partitions_per_request)
    )
    batches = list(chain.from_iterable(read_parallel_batches(stream, gaps, readers=readers)))
    rows = sorted(row for batch in batches for row in batch.rows)
    assert rows == [row for row in listing.rows if any(gap.low <= row[0] < gap.high for gap in gaps)]
    assert merge_intervals(batch.interval for batch in batches if batch.interval.low < batch.interval.high) == merge_intervals(gaps)


def test_a_source_that_must_wait_leaves_everything_to_the_other() -> None:
    listing, search = FakeStream(list(range(10_000)), 100, unique=True), FakeStream(list(range(10_000)), 200, unique=True)
    permits = RequestPermits(20)
    search_source = SecondarySource(read=search.find_page, readers=2)
    batches = list(
        read_parallel(listing.stream(acquire_slot=permits.acquire_slot, secondary=search_source), [Interval(0, 10_000)], readers=8)
    )
    assert sum(len(batch.rows) for batch in batches) == 10_000
    assert listing.requests == 20
    assert search.requests <= 40 + 10
    permits.semaphore.release(8)


@pytest.mark.parametrize("readers", [1, 2, 8])
def test_a_source_that_has_read_enough_leaves_the_rest_to_the_other(readers: int) -> None:
    listing, search = FakeStream(list(range(10_000)), 100, unique=True), FakeStream(list(range(10_000)), 200, unique=True)
    search_source = SecondarySource(read=search.find_page, readers=2)
    stream = listing.stream(secondary=search_source, is_enough=lambda pages: pages >= 20)
    batches = list(read_parallel(stream, [Interval(0, 10_000)], readers=readers))
    assert sorted(row for batch in batches for row in batch.rows) == listing.rows
    assert listing.requests <= 20


def test_a_source_continues_when_more_is_needed_after_all() -> None:
    listing, search = FakeStream(list(range(10_000)), 100, unique=True), FakeStream(list(range(10_000)), 200, unique=True)

    resumed = Event()

    def read_page(start: int, stop: int, token: str | int | None) -> StreamPage[tuple[int, int]]:
        page = listing.read(start, stop, token)
        if listing.requests > 20:
            resumed.set()
        return page

    def find_page(intervals: Sequence[Interval]) -> StreamPage[tuple[int, int]]:
        if search.requests >= 5:
            resumed.wait(10)  # leaves rows for the list, even if its threads are slow
        return search.find_page(intervals)

    stream = replace(
        listing.stream(),
        read=read_page,
        secondary=SecondarySource(read=find_page, readers=1),
        is_enough=lambda pages: pages >= 20 and search.requests < 5,
    )
    batches = list(read_parallel(stream, [Interval(0, 10_000)], readers=4))
    assert sum(len(batch.rows) for batch in batches) == 10_000
    assert listing.requests > 20


@pytest.mark.parametrize("readers", [2, 8, 40])
def test_a_reader_with_a_request_does_not_wait_for_idle_readers(readers: int) -> None:
    limiter = rate_limiter.Limiter(SlidingWindow(limit=3, seconds=0.02), Clock())
    fake = FakeStream(list(range(100)), 10)

    def send_request() -> float:
        sent = limiter.acquire()
        limiter.release(sent)
        return sent

    def read(start: int, stop: int, token: str | int | None) -> StreamPage[tuple[int, int]]:
        limiter.on_429(send_request(), 0.01)  # too fast
        send_request()  # no response
        limiter.on_success(send_request())
        return fake.read(start, stop, token)

    rows_read: list[tuple[int, int]] = []
    stream = Stream(read=read, key=lambda row: row[0], acquire_slot=limiter.reserve)
    thread = Thread(
        target=lambda: rows_read.extend(row for batch in read_parallel(stream, [Interval(0, 100)], readers=readers) for row in batch.rows)
    )
    thread.daemon = True
    thread.start()
    thread.join(30)
    assert sorted(rows_read) == fake.rows


def test_the_second_source_is_not_used_for_a_single_page() -> None:
    listing, search = FakeStream(list(range(90)), 100), FakeStream(list(range(90)), 200)
    search_source = SecondarySource(read=search.find_page, readers=2)
    list(read_parallel(listing.stream(secondary=search_source), [Interval(0, 90)], readers=8))
    assert (listing.requests, search.requests) == (1, 0)


def test_the_second_source_never_reads_an_open_interval() -> None:
    rows = [(key, 0) for key in range(3_000)]

    def read(start: int, _stop: int, token: str | int | None) -> StreamPage[tuple[int, int]]:
        begin = start if token is None else int(token)
        rows_read = rows[begin : begin + 10]
        return StreamPage(rows=rows_read, read_up_to=begin + len(rows_read), token=begin + 10 if begin + 10 < len(rows) else None)

    def read_ranges(intervals: Sequence[Interval]) -> StreamPage[tuple[int, int]]:
        ((start, stop),) = intervals
        assert stop <= 2_000
        return StreamPage(
            rows=rows[start : min(start + 20, stop)], read_up_to=min(start + 20, stop), token=start + 20 if start + 20 < stop else None
        )

    stream = Stream(read=read, key=lambda row: row[0], open_ended=True, secondary=SecondarySource(read=read_ranges, readers=2))
    batches = list(read_parallel(stream, [Interval(0, 2_000), Interval(2_000, 2_001)], readers=4))
    assert sorted(row for batch in batches for row in batch.rows) == rows


@settings(max_examples=40, deadline=None)
@given(
    keys=st.lists(st.integers(0, 2_000), min_size=1, max_size=800, unique=True),
    width=st.integers(50, 900),
    density=st.one_of(st.none(), st.floats(0.001, 2)),
    partitions_per_request=st.integers(1, 5),
    high_latency=st.booleans(),
)
def test_two_sources_read_every_row_of_split_gaps_once(
    keys: list[int], width: int, density: float | None, partitions_per_request: int, *, high_latency: bool
) -> None:
    listing, search = FakeStream(keys, 10, unique=True), FakeStream(keys, 20, unique=True)
    search_source = SecondarySource(read=search.find_page, readers=3, partitions_per_request=partitions_per_request)
    stream = listing.stream(secondary=search_source, density=density, high_latency=high_latency)
    gaps = split_at([Interval(0, 2_001)], low=min(keys), high=max(keys), width=width)
    batches = list(chain.from_iterable(read_parallel_batches(stream, gaps, readers=2)))
    assert sorted(row for batch in batches for row in batch.rows) == listing.rows
    assert merge_intervals(batch.interval for batch in batches if batch.interval.low < batch.interval.high) == [Interval(0, 2_001)]


def test_one_search_reads_the_remainders_of_several_partitions() -> None:
    listing, search = FakeStream(list(range(4_200)), 100, unique=True), FakeStream(list(range(4_200)), 200, unique=True)
    permits = RequestPermits(40)  # twenty partitions of two pages and ten rows
    stream = listing.stream(
        acquire_slot=permits.acquire_slot,
        secondary=SecondarySource(read=search.find_page, readers=1, partitions_per_request=5),
        density=1.0,
    )
    gaps = split_at([Interval(0, 4_200)], low=0, high=4_200, width=210)
    batches = list(read_parallel(stream, gaps, readers=20))
    assert sorted(row for batch in batches for row in batch.rows) == listing.rows
    # 42 list pages hold all rows; the order of the threads makes it 42 to 55. One search per remainder would take at least 66.
    assert listing.requests + 2 * search.requests < 60
    permits.semaphore.release(20)


def test_with_high_latency_no_reader_waits_for_the_page_of_another() -> None:
    fake = FakeStream(list(range(0, 40_000, 20)), 100, unique=True)
    starts: list[int] = []
    all_requested = Event()

    def read(start: int, stop: int, token: str | int | None) -> StreamPage[tuple[int, int]]:
        starts.append(start)
        if len(starts) == 20:
            all_requested.set()
        assert all_requested.wait(20)  # no response before twenty requests
        return fake.read(start, stop, token)

    stream = replace(fake.stream(density=1 / 20, high_latency=True), read=read)
    batches = list(read_parallel(stream, [Interval(0, 40_000)], readers=25))

    assert sorted(row for batch in batches for row in batch.rows) == fake.rows
    assert len(starts) <= 40  # for 20 pages; the page size is unknown before the first response
