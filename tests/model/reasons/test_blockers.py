from __future__ import annotations

import pytest

from sync_worker.model.compiled.loader import loads
from sync_worker.model.reasons.blockers import blockers

MODEL = """
name: hindered
score: {criteria: {clicks: {event: email_click, points: 40}}, bands: [{name: low, from: 0}]}
qualification:
  threshold: 36
  leave_below: 30
  grade_at_least: C
  disqualifiers: {left_us: {when: {hs_email_optout: true}}, rival: {label: works for a rival, when: {hs_email_optout: true}}}
"""
ROW = {"mql": False, "score": 40, "grade_rank": 9, "grade_known": 3, "grade_of": 4, "disqualified_by": None}


@pytest.mark.parametrize(
    ("changes", "was", "said"),
    [
        ({"mql": True}, False, ()),
        ({"score": 35}, False, ("score 35 is below 36",)),
        ({"score": 29}, True, ("score 29 is below 30",)),
        ({"score": 2, "grade_rank": 1}, False, ("score 2 is below 36", "grade D− is below C")),
        ({"score": 2, "disqualified_by": "rival"}, False, ("works for a rival",)),
        ({"disqualified_by": "left_us"}, False, ("left us",)),
    ],
)
def test_every_blocker_is_named(changes: dict[str, object], was: bool, said: tuple[str, ...]) -> None:  # noqa: FBT001 -- a column
    assert blockers({**ROW, **changes}, loads(MODEL, "model.yaml"), was_mql_by_score=was) == said


@pytest.mark.parametrize(("incomplete", "said"), [("hold", ("the grade rests on 1 of 4 criteria, and it takes 2",)), ("pass", ())])
def test_an_incomplete_grade_is_a_blocker_where_the_model_requires_it(incomplete: str, said: tuple[str, ...]) -> None:
    grade = "grade: {criteria: {a: {when: {jobtitle: {is_known: true}}, thirds: 1}, b: {when: {country: {is_known: true}}, thirds: 1}}}"
    model = loads(f"{MODEL}  known_at_least: 2\n  incomplete_grade: {incomplete}\n{grade}\n", "model.yaml")
    assert blockers({**ROW, "grade_known": 1, "grade_rank": 0}, model, was_mql_by_score=False) == said
