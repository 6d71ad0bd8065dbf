from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from sync_worker.model.compiled.model import Model
from sync_worker.model.diff import describe_changes
from tests.model.factories import make_model

CLICKS = {"event": "email_click", "points": 1}


def make_banded_model(**bands: int) -> Model:
    score = {"criteria": {"clicks": CLICKS}, "bands": [{"name": name, "from": start} for name, start in bands.items()]}
    return make_model({"score": score})


def make_clicks_model(**criterion: Any) -> Model:
    criteria = {"clicks": {"event": "email_click", **criterion}, "forms": {"event": "form_submission", "points": 1}}
    return make_model({"score": {"criteria": criteria, "bands": [{"name": "low", "from": 0}]}})


@pytest.mark.parametrize(
    ("before", "after", "changes"),
    [
        ({"low": 0, "high": 20}, {"low": 0, "high": 30}, ["band high: from 20 → 30"]),
        ({"low": 0, "high": 30}, {"low": 0, "high": 20}, ["band high: from 30 → 20"]),
        ({"low": 0}, {"low": 0, "high": 20}, ["band high: from nothing → 20"]),
        ({"low": 0, "high": 20}, {"low": 0}, ["band high: from 20 → nothing"]),
        ({"low": 0, "high": 20}, {"low": 0, "high": 20}, []),
    ],
)
def test_a_band_that_starts_elsewhere_is_a_change(before: Mapping[str, int], after: Mapping[str, int], changes: list[str]) -> None:
    assert describe_changes(make_banded_model(**before), make_banded_model(**after)) == changes


@pytest.mark.parametrize(
    ("before", "after", "changes"),
    [
        ({"points": 1}, {"points": 2}, ["clicks 1 → 2"]),
        ({"points": 2}, {"points": 1}, ["clicks 2 → 1"]),
        ({"points": -1}, {"points": -0.5}, ["clicks −1 → −0.5"]),
        ({"points": 1}, {"points": 1, "enabled": False}, ["clicks: switched off"]),
        ({"points": 1, "enabled": False}, {"points": 1}, ["clicks: switched on"]),
        ({"tiers": {1: 1, 3: 2}}, {"tiers": {1: 1, 3: 4}}, ["clicks: tier at 3: 2 → 4"]),
        ({"tiers": {1: 1}}, {"tiers": {1: 1, 3: 4}}, ["clicks: tier at 3: nothing → 4"]),
        ({"points": 1}, {"points": 1, "per_day": 2}, ["clicks: per day: nothing → 2"]),
        ({"points": 1, "per_day": 2}, {"points": 1, "per_day": 1}, ["clicks: per day: 2 → 1"]),
    ],
)
def test_a_change_of_a_criterion_names_what_changed(before: Mapping[str, Any], after: Mapping[str, Any], changes: list[str]) -> None:
    assert describe_changes(make_clicks_model(**before), make_clicks_model(**after)) == changes


@pytest.mark.parametrize(
    ("key", "label", "change"),
    [
        ("clicks", "Clicks in emails", "criterion renamed: Clicks → Clicks in emails"),
        ("email_clicks", "Clicks in emails", "criterion renamed: Clicks → Clicks in emails"),
        ("email_clicks", "Clicks", "criterion renamed: clicks → email_clicks"),
    ],
)
def test_a_renamed_criterion_is_neither_removed_nor_added(key: str, label: str, change: str) -> None:
    def build(key: str, label: str) -> Model:
        return make_model({"score": {"criteria": {key: {**CLICKS, "label": label}}, "bands": [{"name": "low", "from": 0}]}})

    assert describe_changes(build("clicks", "Clicks"), build(key, label)) == [change]


@pytest.mark.parametrize("threshold", [20, 40])
def test_a_band_that_no_longer_starts_at_the_threshold_is_a_change(threshold: int) -> None:
    old, new = (make_model({**make_section(), "qualification": {"threshold": value}}) for value in (30, threshold))
    assert "band high starts at 30, no longer at the threshold" in describe_changes(old, new)


def make_section() -> dict[str, Any]:
    return {"score": {"criteria": {"clicks": CLICKS}, "bands": [{"name": "low", "from": 0}, {"name": "high", "from": 30}]}}
