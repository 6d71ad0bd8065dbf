"""Checks of intervals."""

from __future__ import annotations

from itertools import pairwise

from sync_worker.intervals import Interval


def key_set(intervals: list[Interval]) -> set[int]:
    return {key for interval in intervals for key in range(interval.low, interval.high)}


def assert_minimal(intervals: list[Interval]) -> None:
    """Check that the intervals are in order, that none is empty and that no two touch."""
    assert all(interval.low < interval.high for interval in intervals)
    assert all(before.high < after.low for before, after in pairwise(intervals))
