"""Half-open intervals of whole numbers: ids, or times in milliseconds."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Interval(NamedTuple):
    """The keys from `low` up to, but not including, `high`."""

    low: int
    high: int


def complement(intervals: Iterable[Interval], low: int, high: int) -> list[Interval]:
    """Return the keys from `low` up to `high` that are in none of the intervals. The intervals are in order."""
    gaps, start = [], low
    for interval in intervals:
        if start < min(interval.low, high):
            gaps.append(Interval(start, min(interval.low, high)))
        start = max(start, interval.high)
    return [*gaps, Interval(start, high)] if start < high else gaps


def merge_intervals(intervals: Iterable[Interval]) -> list[Interval]:
    """Return the same keys as the fewest possible intervals, in order."""
    result: list[Interval] = []
    for interval in sorted(intervals):
        if result and interval.low <= result[-1].high:
            result[-1] = Interval(result[-1].low, max(result[-1].high, interval.high))
        else:
            result.append(interval)
    return result
