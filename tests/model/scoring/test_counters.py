from __future__ import annotations

from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_worker.model.compiled.criteria import Award
from sync_worker.model.scoring.counters import points_expression
from tests.model.factories import evaluate_facts, make_event, make_facts, make_model, score_section


@given(each=st.integers(-20, 20).filter(bool), cap=st.none() | st.integers(1, 100), events=st.integers(0, 30))
def test_the_points_of_a_column_of_counts_are_those_of_each_count(each: int, cap: int | None, events: int) -> None:
    award = Award(each=each, cap=cap)
    assert pl.select(points_expression(award, pl.lit(events))).item() == award.points_for(events)


def make_decay_model(**award: Any) -> Any:
    decay = {"degradation": {"kind": "per_event", "half_life": "30 days"}}
    return make_model(score_section({"clicks": {"event": "email_click", **award}}, **decay))


def read_points(model: Any, *events: dict[str, Any]) -> Decimal:
    """Return the points of the clicks after decay, before the rounding."""
    ledger = evaluate_facts(model, make_facts(events=events)).ledger
    return Decimal(ledger.filter(pl.col("line").is_in(["clicks", "degradation"]))["points"].sum()) / 1_000_000


@pytest.mark.parametrize(("cap", "points"), [({}, 30), ({"at_most": 15}, 15)])
def test_decayed_points_end_at_the_cap(cap: dict[str, int], points: int) -> None:
    clicks = [make_event(days_ago=0, id_=str(number)) for number in range(3)]
    assert read_points(make_decay_model(each=10, **cap), *clicks) == points


def test_an_event_that_does_not_count_adds_no_part_of_a_point() -> None:
    click, filtered = make_event(days_ago=0, id_="1"), {**make_event(days_ago=0, id_="2"), "filtered": True}
    assert read_points(make_decay_model(each=10), click, filtered) == 10


def test_an_event_outside_of_the_window_adds_no_part_of_a_point() -> None:
    click, early = make_event(days_ago=0, id_="1"), make_event(days_ago=50, id_="2")
    assert read_points(make_decay_model(each=10, within="40 days"), click, early) == 10
