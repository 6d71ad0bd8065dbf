from __future__ import annotations

from typing import Any

import pytest

from sync_worker.model.compiled.criteria import Award
from tests.model.factories import make_criteria_model

WHERE = {"where": {"url": {"matches": "*/pricing*"}}}


@pytest.mark.parametrize(
    ("award", "sufficient"),
    [
        ({"tiers": {1: 5, 3: 5}}, True),
        ({"each": 2, "at_most": 10}, True),
        ({"points": 5, "within": "30 days"}, True),
        ({"tiers": {1: 5}, "within": "30 days"}, True),
        ({"tiers": {2: 5}, "within": "30 days"}, False),
        ({"tiers": {1: 5, 2: 5}, "within": "30 days"}, False),
        ({"each": 2, "at_most": 10, "within": "30 days"}, False),
        ({"each": 2, "at_most": 10, "per_day": 1}, False),
        ({"points": 5, "per_day": 1}, True),
        ({"points": 5, **WHERE}, False),
    ],
)
def test_a_number_and_the_date_of_the_last_event_are_sufficient_for_one_event_in_a_window(
    award: dict[str, Any], *, sufficient: bool
) -> None:
    [criterion] = make_criteria_model(views={"event": "page_view", **award}).score_criteria
    assert criterion.can_use_counter is sufficient


def test_steps_that_take_points_and_then_no_more_do_not_raise_the_score() -> None:
    assert not Award(steps=((1, -5), (3, 0))).is_positive


@pytest.mark.parametrize(("within", "most"), [("30 days", 64), ("36 hours", 6), ("1 hour", 4)])
def test_a_window_admits_the_events_of_each_day_that_it_touches(within: str, most: int) -> None:
    [criterion] = make_criteria_model(
        views={"event": "page_view", "each": 1, "at_most": 100, "per_day": 2, "within": within}
    ).score_criteria
    assert criterion.max_events == most
