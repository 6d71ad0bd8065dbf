from __future__ import annotations

from typing import Any

import pytest

from sync_worker.errors import ModelError
from sync_worker.model.compiled.model import Model
from tests.model.factories import make_criteria_model, make_model, score_section


def make_fit_model(condition: dict[str, Any]) -> Model:
    criteria = score_section({"clicks": {"event": "email_click", "points": 1}})
    return make_model(criteria, {"grade": {"criteria": {"fit": {"when": condition, "thirds": 1}}}})


@pytest.mark.parametrize("name", ["account.name", "deal.amount"])
def test_a_condition_on_another_object_names_the_objects_that_it_can_be_on(name: str) -> None:
    owner = name.split(".", maxsplit=1)[0]
    with pytest.raises(ModelError, match=f"contact and its company can be part of a condition, .* not those of {owner}"):
        make_fit_model({name: {"is": "x"}})


@pytest.mark.parametrize("bounds", [[1, "2026-01-31"], ["2026-01-31", 1]])
def test_bounds_of_different_types_have_no_order_but_a_wrong_type(bounds: list[Any]) -> None:
    with pytest.raises(ModelError, match="expected a number") as error:
        make_fit_model({"num_conversion_events": {"between": bounds}})
    assert "above the second" not in str(error.value)


def test_the_cap_of_positive_points_is_not_negative() -> None:
    with pytest.raises(ModelError, match="the cap of positive points must be positive"):
        make_criteria_model(clicks={"event": "email_click", "each": 5, "at_most": -1})


def test_an_error_lists_keys_as_they_are_written_in_the_file() -> None:
    section = {"criteria": {"clicks": {"event": "email_click", "points": 1}}, "bands": [{"name": "low", "from": 0, "end": 9}]}
    with pytest.raises(ModelError, match=r"unknown key; expected name(,| or) from\b"):
        make_model({"score": section})
