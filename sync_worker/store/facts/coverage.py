"""The `coverage` table: the intervals of a stream's key that have been read.

A cursor cannot describe a parallel read, which leaves gaps. Each interval is committed in the same transaction as its rows, and the gaps
are what remains to be read.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from sqlalchemy import Connection, bindparam, delete, select

from sync_worker.intervals import Interval, complement, merge_intervals
from sync_worker.store.database import upsert_rows
from sync_worker.store.id_array import in_ids
from sync_worker.store.schema import coverage

# Built once: each run executes it often.
_INTERVALS: Final = select(coverage.c.low, coverage.c.high).where(coverage.c.stream == bindparam("stream")).order_by(coverage.c.low)


def load(tx: Connection, stream: str) -> list[Interval]:
    """Return the intervals of a stream that have been read, in order, without overlaps."""
    return [Interval(low, high) for low, high in tx.execute(_INTERVALS, {"stream": stream})]


def load_all(tx: Connection) -> dict[str, list[Interval]]:
    """Return the intervals that have been read, by stream."""
    intervals: dict[str, list[Interval]] = {}
    query = select(coverage.c.stream, coverage.c.low, coverage.c.high).order_by(coverage.c.stream, coverage.c.low)
    for stream, low, high in tx.execute(query):
        intervals.setdefault(stream, []).append(Interval(low, high))
    return intervals


def gaps(tx: Connection, stream: str, low: int, high: int) -> list[Interval]:
    """Return the intervals from `low` up to `high` that have not been read."""
    return complement(load(tx, stream), low, high)


def add(tx: Connection, stream: str, low: int, high: int) -> None:
    """Save that the keys from `low` up to `high` have been read."""
    add_intervals(tx, stream, [Interval(low, high)])


def add_intervals(tx: Connection, stream: str, intervals: Iterable[Interval]) -> None:
    """Save that the keys of the intervals have been read."""
    if new := [interval for interval in intervals if interval.low < interval.high]:
        before = load(tx, stream)
        _save_changes(tx, stream, before, merge_intervals([*before, *new]))


def remove(tx: Connection, stream: str, low: int, high: int) -> None:
    """Save that the keys from `low` up to `high` must be read again."""
    before = load(tx, stream)
    left = [Interval(i.low, min(i.high, low)) for i in before]
    right = [Interval(max(i.low, high), i.high) for i in before]
    _save_changes(tx, stream, before, merge_intervals(i for i in [*left, *right] if i.low < i.high))


def _save_changes(tx: Connection, stream: str, before: Iterable[Interval], after: Iterable[Interval]) -> None:
    upsert_rows(tx, coverage, [{"stream": stream, "low": i.low, "high": i.high} for i in {*after} - {*before}])
    if removed := {i.low for i in before} - {i.low for i in after}:
        tx.execute(delete(coverage).where(coverage.c.stream == stream, in_ids(coverage.c.low, removed)))
