"""Chains of merges: every contact belongs to one that still exists."""

from __future__ import annotations

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from sync_worker.insight.merge_chain import find_survivors, pair_with_survivors
from sync_worker.insight.portal_history import MERGE_COLUMNS


@given(st.lists(st.tuples(st.integers(1, 6), st.integers(1, 6)), max_size=8))
def test_a_survivor_is_part_of_no_other_contact_whatever_the_merges(pairs: list[tuple[int, int]]) -> None:
    survivors = find_survivors(pairs)
    assert not survivors.keys() & set(survivors.values())
    assert survivors.keys() <= {old for old, _ in pairs}


def test_a_chain_ends_at_its_last_contact_and_a_circle_at_its_highest() -> None:
    assert find_survivors([(2, 3), (1, 2), (4, 3)]) == {1: 3, 2: 3, 4: 3}
    assert find_survivors([(1, 2), (1, 3), (2, 3)]) == {1: 3, 2: 3}
    assert find_survivors([(1, 2), (2, 1)]) == {1: 2}


def test_each_contact_is_paired_with_every_contact_that_it_became_part_of() -> None:
    merges = pl.DataFrame([(1, 2, None), (2, 3, None)], schema=dict(MERGE_COLUMNS), orient="row")
    assert pair_with_survivors(merges).rows() == [(1, 2), (1, 3), (2, 3)]
