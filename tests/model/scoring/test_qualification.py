"""Grade, bands, and who is an MQL."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from sync_worker.model.compiled.model import Model
from sync_worker.model.scoring.mql_quota import select_admissions
from tests.model.factories import an_event, model_of, score, verdict

CLICKS = {"clicks": {"event": "email_click", "each": 1, "at_most": 100}}
OPTED_OUT = {"when": {"hs_email_optout": True}}
ASKED = {"event": "form_submission", "where": {"form": "Contact us"}}


def qualifying(**rules: Any) -> Model:
    return model_of(score(CLICKS), {"qualification": {"threshold": 36, **rules}})


def grading(criteria: dict[str, Any], **rest: Any) -> Model:
    return model_of(score(CLICKS), {"grade": {"criteria": criteria, **rest}})


def clicks(count: int) -> list[dict[str, Any]]:
    return [an_event(id_=str(number), days_ago=1 + number / 100) for number in range(count)]


@pytest.mark.parametrize(
    ("points", "band"), [(-3, "nurture"), (0, "nurture"), (10, "nurture"), (11, "engaged"), (35, "engaged"), (36, "mql")]
)
def test_bands_have_lower_bounds_and_below_the_first_is_the_first(points: int, band: str) -> None:
    model = model_of(
        {
            "score": {
                "criteria": {**CLICKS, "left": {**OPTED_OUT, "points": -3}},
                "bands": [{"name": "nurture", "from": 0}, {"name": "engaged", "from": 11}, {"name": "mql", "from": 36}],
            }
        }
    )
    assert verdict(model, {"hs_email_optout": str(points < 0).lower()}, *clicks(max(0, points)))["band"] == band


@pytest.mark.parametrize(
    ("title", "size", "grade", "known"),
    [
        ("Head of Sales", "200", "C+", 2),
        ("Head of Sales", None, "C", 1),
        ("Clerk", "200", "D+", 2),
        (None, None, "D", 0),
        ("Clerk", "3", "F", 2),
        ("Other", "a few", "D", 0),
    ],
)
def test_a_grade_moves_by_thirds_and_what_is_unknown_moves_nothing(title: str | None, size: str | None, grade: str, known: int) -> None:
    model = grading(
        {
            "leads": {"when": {"jobtitle": {"seniority_at_least": "manager"}}, "thirds": 3},
            "size": {"when": {"company.numberofemployees": {"at_least": 50}}, "thirds": 1, "otherwise": -5},
        }
    )
    row = verdict(model, {"jobtitle": title, "company.numberofemployees": size})
    assert (row["grade"], row["grade_known"], row["grade_of"]) == (grade, known, 2)
    assert row["grade_reasons"].startswith(f"{grade} on {known} of 2 criteria")


def test_the_ends_of_the_scale_clamp_and_whole_letters_drop_the_sign() -> None:
    up = {f"up{n}": {"when": {"jobtitle": {"is_known": True}}, "thirds": 3} for n in range(5)}
    assert verdict(grading(up), {"jobtitle": "x"})["grade"] == "A+"
    assert verdict(grading(up, letters="whole"), {"jobtitle": "x"})["grade"] == "A"
    assert verdict(grading({}, start="B−"))["grade"] == "B-"


def test_the_grade_is_shown_even_when_nothing_is_known() -> None:
    row = verdict(grading({"leads": {"label": "leads people", "when": {"jobtitle": {"seniority_at_least": "manager"}}}}))
    assert row["grade_reasons"] == "D on 0 of 1 criteria\n? leads people"


@pytest.mark.parametrize(
    ("points", "before", "stays"),
    [(36, False, True), (35, False, False), (35, True, True), (30, True, True), (29, True, False), (29, False, False)],
)
def test_an_mql_by_score_enters_at_the_threshold_and_leaves_a_sixth_below(points: int, before: bool, stays: bool) -> None:  # noqa: FBT001 -- from the table
    assert verdict(qualifying(), None, *clicks(points), were_by_score=[1] if before else [])["by_score"] is stays


def test_the_bound_for_leaving_is_the_models_if_it_names_one() -> None:
    assert verdict(qualifying(leave_below=33), None, *clicks(33), were_by_score=[1])["by_score"]
    assert not verdict(qualifying(leave_below=33), None, *clicks(32), were_by_score=[1])["by_score"]


def test_a_high_score_without_the_grade_is_no_mql() -> None:
    row = verdict(qualifying(grade_at_least="C"), None, *clicks(50))
    assert (row["by_score"], row["mql"], row["mql_reason"]) == (False, False, None)


def test_a_direct_request_needs_no_points_and_is_named_as_the_reason() -> None:
    model = qualifying(direct={"contact_us": ASKED}, grade_at_least="A")
    row = verdict(model, None, an_event("form_submission", form_name="CONTACT US", days_ago=300))
    assert (row["score"], row["direct"], row["by_score"], row["mql"], row["mql_reason"]) == (0, True, False, True, "contact_us")


def test_a_form_is_known_by_its_id_too() -> None:
    model = qualifying(direct={"contact_us": {"event": "form_submission", "where": {"form": {"in": ["f-1", "Contact us"]}}}})
    assert verdict(model, None, an_event("form_submission", form_id="f-1", form_name="Renamed"))["direct"]
    assert model.form_names == {"f-1", "Contact us"}


def test_a_request_that_the_model_lets_expire_does() -> None:
    model = qualifying(direct={"contact_us": {**ASKED, "valid_for": "14 days"}})
    assert verdict(model, None, an_event("form_submission", form_name="Contact us", days_ago=14))["direct"]
    assert not verdict(model, None, an_event("form_submission", form_name="Contact us", days_ago=14.001))["direct"]


def test_of_several_reasons_the_direct_one_is_named_and_of_those_the_first_by_name() -> None:
    model = qualifying(direct={"z_demo": {**ASKED, "where": {"form": {"matches": "*us"}}}, "contact_us": ASKED})
    assert verdict(model, None, an_event("form_submission", form_name="Contact us"), *clicks(40))["mql_reason"] == "contact_us"
    assert verdict(model, None, *clicks(40))["mql_reason"] == "by_score"


def test_who_is_disqualified_is_no_mql_and_the_verdict_says_by_what() -> None:
    model = qualifying(direct={"same_name": ASKED}, disqualifiers={"same_name": OPTED_OUT})
    row = verdict(model, {"hs_email_optout": "true"}, an_event("form_submission", form_name="Contact us"), *clicks(40))
    assert (row["by_score"], row["direct"], row["disqualified"], row["mql"]) == (True, True, True, False)
    assert (row["mql_reason"], row["disqualified_by"]) == (None, "same_name")


@pytest.mark.parametrize(("incomplete", "passes"), [("hold", False), ("pass", True)])
def test_an_incomplete_grade_holds_back_or_lets_pass(incomplete: str, passes: bool) -> None:  # noqa: FBT001 -- from the table
    parts = {"grade": {"criteria": {"leads": {"when": {"jobtitle": {"seniority_at_least": "manager"}}}}}}
    rules = {"threshold": 36, "grade_at_least": "C", "known_at_least": 1, "incomplete_grade": incomplete}
    model = model_of(score(CLICKS), parts, {"qualification": rules})
    assert verdict(model, None, *clicks(40))["by_score"] is passes
    assert not verdict(model, {"jobtitle": "Clerk"}, *clicks(40))["by_score"]


def test_a_rule_that_cannot_be_seen_holds_for_nobody_and_a_counter_can_stand_in() -> None:
    rules = {"contact_us": ASKED, "any_form": {"event": "form_submission", "valid_for": "30 days"}}
    model = qualifying(direct=rules)
    counted = {"num_conversion_events": "1", "recent_conversion_date": "2026-11-10"}
    assert verdict(model, counted, hidden=["form_submission"])["mql_reason"] == "any_form"
    assert not verdict(model, {**counted, "recent_conversion_date": "2026-09-10"}, hidden=["form_submission"])["direct"]
    assert model.invisible_names(frozenset({"form_submission"})) == ("contact_us",)


def test_of_too_many_new_mqls_the_best_go_first() -> None:
    candidates = pl.DataFrame(
        {"contact_id": [1, 2, 3, 4, 5], "score": [40, 50, 40, 40, 40], "grade_rank": [5, 1, 5, 7, 5], "since": [3, 9, 1, 9, None]}
    )
    assert select_admissions(candidates, None).to_list() == [2, 4, 3, 1, 5]
    assert select_admissions(candidates, 3).to_list() == [2, 4, 3]
    assert select_admissions(candidates, 3, admitted_today=2).to_list() == [2]
    assert select_admissions(candidates, 3, admitted_today=9).to_list() == []
