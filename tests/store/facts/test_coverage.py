from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection

from sync_worker.intervals import Interval
from sync_worker.store.database import Store
from sync_worker.store.facts import coverage
from tests.interval_checks import assert_minimal, key_set
from tests.store.database_factories import rollback_transaction

KEYS = range(-20, 21)
key = st.sampled_from(KEYS)


@dataclass(frozen=True)
class Step:
    """A call that adds or removes the keys between two."""

    action: Literal["add", "remove"]
    low: int
    high: int


steps = st.lists(st.builds(Step, action=st.sampled_from(["add", "remove"]), low=key, high=key), max_size=12)


@given(steps=steps, low=key, high=key)
def test_coverage_is_a_set_of_keys(module_store: Store, steps: list[Step], low: int, high: int) -> None:
    read: set[int] = set()
    with rollback_transaction(module_store) as tx:
        for step in steps:
            between = set(range(step.low, step.high))
            read = read | between if step.action == "add" else read - between
            {"add": coverage.add, "remove": coverage.remove}[step.action](tx, "s", step.low, step.high)
        assert key_set(coverage.load(tx, "s")) == read
        assert key_set(coverage.gaps(tx, "s", low, high)) == set(range(low, high)) - read
        assert_minimal(coverage.load(tx, "s"))
        assert_minimal(coverage.gaps(tx, "s", low, high))


def test_streams_are_independent(tx: Connection) -> None:
    coverage.add(tx, "one", 0, 10)
    coverage.add(tx, "two", 5, 6)
    coverage.remove(tx, "one", 0, 3)
    assert coverage.load_all(tx) == {"one": [Interval(3, 10)], "two": [Interval(5, 6)]}
    assert coverage.gaps(tx, "three", 0, 2) == [Interval(0, 2)]


def test_an_empty_interval_covers_nothing(tx: Connection) -> None:
    coverage.add(tx, "s", 5, 5)
    coverage.add(tx, "s", 6, 5)
    assert coverage.load(tx, "s") == []


def test_all_times_and_hubspot_ids_are_within_the_range(tx: Connection) -> None:
    coverage.add(tx, "s", -(2**53), 2**53)
    assert coverage.load(tx, "s") == [Interval(-(2**53), 2**53)]
