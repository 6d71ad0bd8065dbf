from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sync_worker.intervals import Interval, complement, merge_intervals
from tests.interval_checks import assert_minimal, key_set

keys = st.integers(-20, 20)
intervals = st.lists(st.tuples(keys, keys).map(lambda ends: Interval(min(ends), max(ends))), max_size=8)


@given(intervals=intervals)
def test_merged_intervals_hold_the_same_keys_and_are_the_fewest(intervals: list[Interval]) -> None:
    merged = merge_intervals(interval for interval in intervals if interval.low < interval.high)
    assert key_set(merged) == key_set(intervals)
    assert_minimal(merged)


@given(intervals=intervals, low=keys, high=keys)
def test_the_complement_holds_all_other_keys_between_two(intervals: list[Interval], low: int, high: int) -> None:
    merged = merge_intervals(interval for interval in intervals if interval.low < interval.high)
    gaps = complement(merged, low, high)
    assert key_set(gaps) == set(range(low, high)) - key_set(intervals)
    assert_minimal(gaps)
