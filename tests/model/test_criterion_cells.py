from __future__ import annotations

from typing import Any

import pytest

from sync_worker.model.criterion_cells import build_cells


def make_document(**criterion: Any) -> dict[str, Any]:
    return {"language": "en", "score": {"criteria": {"clicks": {"label": "clicks", **criterion}}, "bands": []}}


@pytest.mark.parametrize(
    ("criterion", "text"),
    [
        ({"points": 5}, "+5"),
        ({"points": -5, "enabled": True}, "−5"),
        ({"points": 0}, "0"),
        ({"points": 5, "enabled": False}, "off"),
        ({"tiers": {1: 5, 3: 10}}, "1: 5, 3: 10"),
        ({"each": 2, "at_most": 10}, "+2 each, at most 10"),
        ({"each": -2}, "−2 each"),
        ({"thirds": 3, "otherwise": -1}, "+3 thirds, else −1"),
        ({"thirds": -3}, "−3 thirds, else 0"),
        ({"importance": "high"}, "high"),
        ({}, "on"),
    ],
)
def test_a_criterion_is_described_by_its_points(criterion: dict[str, Any], text: str) -> None:
    [cell] = build_cells(make_document(**criterion))
    assert (cell.key, cell.label, cell.text, cell.definition) == ("clicks", "clicks", text, {"label": "clicks", **criterion})


def test_bands_and_limits_follow_the_criteria() -> None:
    document = {
        "language": "en",
        "score": {"criteria": {}, "bands": [{"name": "hot", "from": 50}], "degradation": {"kind": "half_life"}},
        "qualification": {"threshold": 50, "leave_below": None, "grade_at_least": "C"},
    }
    cells = [(cell.section, cell.label, cell.text) for cell in build_cells(document)]
    assert cells == [
        ("band", "hot", "from 50"),
        ("limit", "MQL from", "50"),
        ("limit", "MQL from grade", "C"),
        ("limit", "degradation", "half_life"),
    ]
