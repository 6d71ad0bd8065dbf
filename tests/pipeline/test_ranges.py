from __future__ import annotations

from bisect import bisect_left
from threading import Lock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync_worker.pipeline.ranges import Page, Stream, sweep
from sync_worker.store.coverage import Interval, merged


class Shelf:
    """A stream of (key, number) rows, read a page at a time by key and offset."""

    def __init__(self, keys: list[int], size: int) -> None:
        self.rows = [(key, number) for number, key in enumerate(sorted(keys))]
        self.keys = [key for key, _ in self.rows]
        self.size = size
        self.requests = 0
        self._lock = Lock()

    def read(self, start: int, stop: int, token: str | int | None) -> Page[tuple[int, int]]:
        with self._lock:
            self.requests += 1
        begin = bisect_left(self.keys, start) if token is None else int(token)
        end = bisect_left(self.keys, stop)
        rows = self.rows[begin : min(begin + self.size, end)]
        more = begin + self.size < end
        return Page(rows=rows, reached=rows[-1][0] if rows else stop, token=begin + self.size if more else None)

    def stream(self) -> Stream[tuple[int, int]]:
        return Stream(read=self.read, key=lambda row: row[0])


@settings(max_examples=60, deadline=None)
@given(
    keys=st.lists(st.integers(0, 400), max_size=300),
    size=st.integers(1, 20),
    readers=st.integers(1, 8),
    cuts=st.lists(st.integers(0, 401), min_size=2, max_size=6, unique=True),
)
def test_every_row_of_the_gaps_is_read_once_and_the_intervals_are_the_gaps(
    keys: list[int], size: int, readers: int, cuts: list[int]
) -> None:
    shelf = Shelf(keys, size)
    ordered = sorted(cuts)
    gaps = [Interval(low, high) for low, high in zip(ordered[::2], ordered[1::2], strict=False)]
    pieces = list(sweep(shelf.stream(), gaps, readers=readers))
    rows = sorted(row for piece in pieces for row in piece.rows)
    assert rows == [row for row in shelf.rows if any(gap.low <= row[0] < gap.high for gap in gaps)]
    assert merged(piece.interval for piece in pieces if piece.interval.low < piece.interval.high) == merged(gaps)


def test_a_piece_is_complete_for_its_interval_so_that_a_crash_after_it_loses_nothing() -> None:
    shelf = Shelf([n // 7 for n in range(700)], 10)  # seven rows share each key
    seen: set[tuple[int, int]] = set()
    covered: list[Interval] = []
    for piece in sweep(shelf.stream(), [Interval(0, 100)], readers=4):
        seen.update(piece.rows)
        covered = merged([*covered, piece.interval])
        assert all(row in seen for row in shelf.rows if any(i.low <= row[0] < i.high for i in covered))


def test_a_short_stream_costs_one_request_and_a_long_one_hardly_more_than_its_pages() -> None:
    short, long = Shelf(list(range(90)), 100), Shelf(list(range(0, 200_000, 2)), 100)
    list(sweep(short.stream(), [Interval(0, 1_000_000)], readers=16))
    list(sweep(long.stream(), [Interval(0, 200_000)], readers=16))
    assert short.requests == 1
    assert long.requests <= 1000 + 60


def test_an_empty_past_does_not_keep_the_other_readers_idle() -> None:
    shelf = Shelf(list(range(1_000_000, 1_020_000)), 100)
    busy: set[int] = set()

    def read(start: int, stop: int, token: str | int | None) -> Page[tuple[int, int]]:
        busy.add(start)
        return shelf.read(start, stop, token)

    list(sweep(Stream(read=read, key=lambda row: row[0]), [Interval(0, 1_020_000)], readers=8))
    assert len(busy) >= 8


def test_an_open_end_is_followed_to_where_the_stream_ends_by_then() -> None:
    rows = [(key, 0) for key in range(250)]

    def read(start: int, _stop: int, token: str | int | None) -> Page[tuple[int, int]]:
        begin = start if token is None else int(token)
        found = rows[begin : begin + 10]
        return Page(rows=found, reached=begin + len(found), token=begin + 10 if begin + 10 < len(rows) else None)

    pieces = list(sweep(Stream(read=read, key=lambda row: row[0], open_ended=True), [Interval(0, 101)], readers=4))
    assert sorted(row for piece in pieces for row in piece.rows) == rows


def test_an_error_of_a_reader_is_raised_where_the_rows_are_taken() -> None:
    def read(start: int, stop: int, token: str | int | None) -> Page[tuple[int, int]]:
        raise ConnectionError(f"{start}-{stop}-{token}")

    with pytest.raises(ConnectionError):
        list(sweep(Stream(read=read, key=lambda row: row[0]), [Interval(0, 10), Interval(20, 30)], readers=3))


def test_closing_early_stops_the_readers() -> None:
    shelf = Shelf(list(range(100_000)), 10)
    pieces = sweep(shelf.stream(), [Interval(0, 100_000)], readers=4)
    next(pieces)
    pieces.close()
    assert shelf.requests < 200
