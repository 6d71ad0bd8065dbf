"""MQL blockers."""

from __future__ import annotations

import polars as pl
import pytest

from sync_worker.model.compiled.loader import loads
from sync_worker.model.i18n.translations import LANGUAGES
from sync_worker.model.reasons.blockers import describe_deferral, mql_blockers

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
QUALIFIED = {
    "score": 40,
    "grade_rank": 9,
    "grade_known": 3,
    "grade_of": 4,
    "mql": False,
    "disqualified_by": None,
}


def find_blockers(text: str = MODEL, **changes: object) -> str | None:
    """Return the blockers of a contact that differs in this from one that qualifies and is not an MQL."""
    table = pl.DataFrame([QUALIFIED | changes], schema_overrides={"disqualified_by": pl.String})
    blockers: str | None = mql_blockers(table, loads(text, "model.yaml"))[0]
    return blockers


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"mql": True, "score": 29}, None),
        ({"score": 35}, "score 35 of 36"),
        ({"score": -3}, "score −3 of 36"),
        ({"score": 2, "grade_rank": 4}, "score 2 of 36; grade C−, C needed"),
        ({"score": 2, "disqualified_by": "rival"}, "works for a rival"),
        ({"disqualified_by": "left_us"}, "left us"),
        ({}, ""),
    ],
)
def test_every_blocker_is_named(changes: dict[str, object], expected: str | None) -> None:
    assert find_blockers(**changes) == expected


def test_a_threshold_may_have_decimal_places() -> None:
    text = MODEL.replace("threshold: 36", "threshold: 36.5")
    assert [find_blockers(text, score=score) for score in (-4, 36, 37)] == ["score −4 of 36.5", "score 36 of 36.5", ""]


def test_a_deferred_contact_is_blocked_by_the_daily_quota() -> None:
    assert describe_deferral(loads(MODEL, "model.yaml")) == "qualifies and waits: at most 20 new MQLs a day"


@pytest.mark.parametrize(("incomplete", "expected"), [("hold", "grade based on 1 of 4 criteria, 2 needed"), ("pass", "")])
def test_an_incomplete_grade_is_a_blocker_if_the_model_requires_it(incomplete: str, expected: str) -> None:
    grade = "grade: {criteria: {a: {when: {jobtitle: {is_known: true}}, thirds: 1}, b: {when: {country: {is_known: true}}, thirds: 1}}}"
    text = f"{MODEL}  known_at_least: 2\n  incomplete_grade: {incomplete}\n{grade}\n"
    assert find_blockers(text, grade_known=1, grade_rank=0) == expected


def test_whole_letters_are_compared_and_named_without_their_sign() -> None:
    text = f"{MODEL}grade: {{letters: whole, criteria: {{a: {{when: {{jobtitle: {{is_known: true}}}}}}}}}}\n"
    assert find_blockers(text, grade_rank=4) == ""
    assert find_blockers(text, grade_rank=3) == "grade D, C needed"


@pytest.mark.parametrize("language", LANGUAGES)
def test_blockers_are_in_the_language_of_the_model(language: str) -> None:
    text = find_blockers(f"{MODEL}language: {language}\n", score=2, grade_rank=4)
    assert text is not None
    assert "36" in text
    assert "C−" in text
    assert (text == "score 2 of 36; grade C−, C needed") == (language == "en")
