"""What has been read of each stream, as intervals of its key.

A cursor knows only a front that everything lies behind. Ranges that are read in parallel leave gaps, so the worker
remembers the intervals: each is committed with its rows, and what is still to be read is always the complement.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, delete, select

from sync_worker.intervals import Interval, complement, merge_intervals
from sync_worker.store.database import upsert_rows
from sync_worker.store.id_array import in_ids
from sync_worker.store.schema import coverage


def load(tx: Connection, stream: str) -> list[Interval]:
    """Return what has been read, in order, without overlaps."""
    query = select(coverage.c.low, coverage.c.high).where(coverage.c.stream == stream).order_by(coverage.c.low)
    return [Interval(low, high) for low, high in tx.execute(query)]


def load_all(tx: Connection) -> dict[str, list[Interval]]:
    """Return what has been read of every stream."""
    found: dict[str, list[Interval]] = {}
    query = select(coverage.c.stream, coverage.c.low, coverage.c.high).order_by(coverage.c.stream, coverage.c.low)
    for stream, low, high in tx.execute(query):
        found.setdefault(stream, []).append(Interval(low, high))
    return found


def gaps(tx: Connection, stream: str, low: int, high: int) -> list[Interval]:
    """Return what has not been read between two keys."""
    return complement(load(tx, stream), low, high)


def add(tx: Connection, stream: str, low: int, high: int) -> None:
    """Remember that the keys between two have been read."""
    add_intervals(tx, stream, [Interval(low, high)])


def add_intervals(tx: Connection, stream: str, intervals: Iterable[Interval]) -> None:
    """Remember that the keys of some intervals have been read."""
    if new := [interval for interval in intervals if interval.low < interval.high]:
        before = load(tx, stream)
        _save_changes(tx, stream, before, merge_intervals([*before, *new]))


def remove(tx: Connection, stream: str, low: int, high: int) -> None:
    """Ask for the keys between two to be read again."""
    before = load(tx, stream)
    left = [Interval(i.low, min(i.high, low)) for i in before]
    right = [Interval(max(i.low, high), i.high) for i in before]
    _save_changes(tx, stream, before, merge_intervals(i for i in [*left, *right] if i.low < i.high))


def _save_changes(tx: Connection, stream: str, before: Iterable[Interval], after: Iterable[Interval]) -> None:
    upsert_rows(tx, coverage, [{"stream": stream, "low": i.low, "high": i.high} for i in {*after} - {*before}])
    if gone := {i.low for i in before} - {i.low for i in after}:
        tx.execute(delete(coverage).where(coverage.c.stream == stream, in_ids(coverage.c.low, gone)))
