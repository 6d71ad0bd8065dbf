"""MQL blockers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sync_worker.model.compiled.loader import loads
from sync_worker.model.reasons.blockers import blockers
from sync_worker.model.scoring.verdict import Verdict

MODEL = """
name: blocked
score: {criteria: {clicks: {event: email_click, points: 40}}, bands: [{name: low, from: 0}]}
qualification:
  threshold: 36
  leave_below: 30
  grade_at_least: C
  new_per_day: 20
  disqualifiers: {left_us: {when: {hs_email_optout: true}}, rival: {label: works for a rival, when: {hs_email_optout: true}}}
"""
VERDICT = Verdict(
    contact_id=1,
    score=40,
    band="low",
    grade="B",
    grade_rank=9,
    grade_known=3,
    grade_of=4,
    mql=False,
    deferred=False,
    retained=False,
    by_score=False,
    direct=False,
    disqualified=False,
    mql_reason=None,
    disqualified_by=None,
    trend="steady",
    score_reasons="",
    grade_reasons="",
)


@pytest.mark.parametrize(
    ("changes", "was", "expected"),
    [
        ({"mql": True}, False, ()),
        ({"score": 35}, False, ("score 35 is below 36",)),
        ({"score": 29}, True, ("score 29 is below 30",)),
        ({"score": 2, "grade_rank": 1}, False, ("score 2 is below 36", "grade D− is below C")),
        ({"score": 2, "disqualified_by": "rival"}, False, ("works for a rival",)),
        ({"disqualified_by": "left_us"}, False, ("left us",)),
        ({"deferred": True}, False, ("it qualifies and waits: at most 20 new MQLs a day",)),
    ],
)
def test_every_blocker_is_named(changes: dict[str, Any], was: bool, expected: tuple[str, ...]) -> None:  # noqa: FBT001 -- a column
    assert blockers(replace(VERDICT, **changes), loads(MODEL, "model.yaml"), was_mql_by_score=was) == expected


@pytest.mark.parametrize(
    ("incomplete", "expected"), [("hold", ("the grade is based on 1 of 4 criteria; at least 2 are required",)), ("pass", ())]
)
def test_an_incomplete_grade_is_a_blocker_if_the_model_requires_it(incomplete: str, expected: tuple[str, ...]) -> None:
    grade = "grade: {criteria: {a: {when: {jobtitle: {is_known: true}}, thirds: 1}, b: {when: {country: {is_known: true}}, thirds: 1}}}"
    model = loads(f"{MODEL}  known_at_least: 2\n  incomplete_grade: {incomplete}\n{grade}\n", "model.yaml")
    assert blockers(replace(VERDICT, grade_known=1, grade_rank=0), model, was_mql_by_score=False) == expected


def test_whole_letters_are_compared_and_named_without_their_sign() -> None:
    model = loads(f"{MODEL}grade: {{letters: whole, criteria: {{a: {{when: {{jobtitle: {{is_known: true}}}}}}}}}}\n", "model.yaml")
    assert blockers(replace(VERDICT, grade_rank=4), model, was_mql_by_score=False) == ()
    assert blockers(replace(VERDICT, grade_rank=3), model, was_mql_by_score=False) == ("grade D is below C",)
