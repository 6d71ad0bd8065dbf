"""Grade, bands, and qualification."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from sync_worker.model.compiled.model import Model
from sync_worker.model.scoring.mql_order import select_admissions
from tests.model.factories import evaluate_contact, make_event, make_model, score_section

CLICKS = {"clicks": {"event": "email_click", "each": 1, "at_most": 100}}
OPTED_OUT = {"when": {"hs_email_optout": True}}
DEMO_REQUEST = {"event": "form_submission", "where": {"form": "Contact us"}}


def model_with_qualification(**rules: Any) -> Model:
    return make_model(score_section(CLICKS), {"qualification": {"threshold": 36, **rules}})


def model_with_grade(criteria: dict[str, Any], **rest: Any) -> Model:
    return make_model(score_section(CLICKS), {"grade": {"criteria": criteria, **rest}})


def make_clicks(count: int) -> list[dict[str, Any]]:
    return [make_event(id_=str(number), days_ago=1 + number / 100) for number in range(count)]


@pytest.mark.parametrize(
    ("points", "band"), [(-3, "nurture"), (0, "nurture"), (10, "nurture"), (11, "engaged"), (35, "engaged"), (36, "mql")]
)
def test_a_score_below_the_first_band_belongs_to_the_first_band(points: int, band: str) -> None:
    model = make_model(
        {
            "score": {
                "criteria": {**CLICKS, "left": {**OPTED_OUT, "points": -3}},
                "bands": [{"name": "nurture", "from": 0}, {"name": "engaged", "from": 11}, {"name": "mql", "from": 36}],
            }
        }
    )
    assert evaluate_contact(model, {"hs_email_optout": str(points < 0).lower()}, *make_clicks(max(0, points)))["band"] == band


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
def test_a_grade_moves_by_thirds_and_unknown_values_change_nothing(title: str | None, size: str | None, grade: str, known: int) -> None:
    model = model_with_grade(
        {
            "leads": {"when": {"jobtitle": {"seniority_at_least": "manager"}}, "thirds": 3},
            "size": {"when": {"company.numberofemployees": {"at_least": 50}}, "thirds": 1, "otherwise": -5},
        }
    )
    row = evaluate_contact(model, {"jobtitle": title, "company.numberofemployees": size})
    assert (row["grade"], row["grade_known"], row["grade_of"]) == (grade, known, 2)
    assert row["grade_reasons"].startswith(f"{grade} based on {known} of 2 criteria")


def test_the_grade_stays_within_the_scale_and_whole_letters_have_no_sign() -> None:
    up = {f"up{n}": {"when": {"jobtitle": {"is_known": True}}, "thirds": 3} for n in range(5)}
    assert evaluate_contact(model_with_grade(up), {"jobtitle": "x"})["grade"] == "A+"
    assert evaluate_contact(model_with_grade(up, letters="whole"), {"jobtitle": "x"})["grade"] == "A"
    assert evaluate_contact(model_with_grade({"plain": {"when": {"jobtitle": "x"}}}, start="B−"))["grade"] == "B-"


@pytest.mark.parametrize(
    ("title", "grade", "reason"),
    [
        ("Head of Sales", "C", "✓ leads (+3)"),
        ("Clerk", "D-", "✗ leads (−1)"),
        ("n/a", "F", "? leads (−2)"),
        (None, "F", "? leads (−2)"),
        ("Генеральный директор", "F", "? leads (−2)"),
    ],
)
def test_an_unknown_result_can_cost_thirds(title: str | None, grade: str, reason: str) -> None:
    leads = {"when": {"jobtitle": {"seniority_at_least": "manager"}}, "thirds": 3, "otherwise": -1, "unknown": -2}
    row = evaluate_contact(model_with_grade({"leads": leads}), {"jobtitle": title})
    assert (row["grade"], row["grade_reasons"].splitlines()[-1]) == (grade, reason)


def test_an_unknown_of_zero_is_the_default_and_does_not_change_the_hash() -> None:
    leads = {"when": {"jobtitle": {"seniority_at_least": "manager"}}, "thirds": 3}
    plain, zero, costs = (model_with_grade({"leads": leads | extra}).hash for extra in ({}, {"unknown": 0}, {"unknown": -1}))
    assert plain == zero != costs


def test_a_model_without_grade_criteria_has_no_grade_and_compares_none() -> None:
    for model in (
        model_with_qualification(grade_at_least="C"),
        make_model(
            score_section(CLICKS),
            {"grade": {"criteria": {"off": {"when": OPTED_OUT["when"], "enabled": False}}}},
            {"qualification": {"threshold": 36, "grade_at_least": "A"}},
        ),
    ):
        row = evaluate_contact(model, {}, *make_clicks(40))
        assert (row["grade"], row["grade_of"], row["grade_reasons"], row["mql_reason"]) == (None, 0, None, "by_score")


def test_the_grade_is_shown_even_when_nothing_is_known() -> None:
    row = evaluate_contact(
        model_with_grade({"leads": {"label": "manages people", "when": {"jobtitle": {"seniority_at_least": "manager"}}}})
    )
    assert row["grade_reasons"] == "D based on 0 of 1 criteria\nD: the start of every contact\n? manages people"


@pytest.mark.parametrize(
    ("points", "before", "stays"),
    [(36, False, True), (35, False, False), (35, True, True), (30, True, True), (29, True, False), (29, False, False)],
)
def test_an_mql_by_score_enters_at_the_threshold_and_leaves_a_sixth_below(points: int, before: bool, stays: bool) -> None:  # noqa: FBT001 -- from the table
    assert (
        evaluate_contact(model_with_qualification(), None, *make_clicks(points), were_by_score=[1] if before else [])["by_score"] is stays
    )


def test_leave_below_overrides_the_default_bound() -> None:
    assert evaluate_contact(model_with_qualification(leave_below=33), None, *make_clicks(33), were_by_score=[1])["by_score"]
    assert not evaluate_contact(model_with_qualification(leave_below=33), None, *make_clicks(32), were_by_score=[1])["by_score"]


def test_a_high_score_with_a_low_grade_is_not_an_mql() -> None:
    fits = {"grade": {"criteria": {"fits": {"when": {"jobtitle": "buyer"}, "thirds": 3}}}}
    model = make_model(score_section(CLICKS), fits, {"qualification": {"threshold": 36, "grade_at_least": "C"}})
    row = evaluate_contact(model, None, *make_clicks(50))
    assert (row["by_score"], row["mql"], row["mql_reason"]) == (False, False, None)


def test_a_direct_request_needs_no_points_and_is_named_as_the_reason() -> None:
    model = model_with_qualification(direct={"contact_us": DEMO_REQUEST}, grade_at_least="A")
    row = evaluate_contact(model, None, make_event("form_submission", form_name="CONTACT US", days_ago=300))
    assert (row["score"], row["direct"], row["by_score"], row["mql"], row["mql_reason"]) == (0, True, False, True, "contact_us")


def test_a_form_is_identified_by_id_or_name() -> None:
    model = model_with_qualification(direct={"contact_us": {"event": "form_submission", "where": {"form": {"in": ["f-1", "Contact us"]}}}})
    assert evaluate_contact(model, None, make_event("form_submission", form_id="f-1", form_name="Renamed"))["direct"]


def test_a_direct_request_expires_after_valid_for() -> None:
    model = model_with_qualification(direct={"contact_us": {**DEMO_REQUEST, "valid_for": "14 days"}})
    assert evaluate_contact(model, None, make_event("form_submission", form_name="Contact us", days_ago=14))["direct"]
    assert not evaluate_contact(model, None, make_event("form_submission", form_name="Contact us", days_ago=14.001))["direct"]


def test_the_reason_is_the_first_direct_rule_by_name_before_by_score() -> None:
    model = model_with_qualification(direct={"z_demo": {**DEMO_REQUEST, "where": {"form": {"matches": "*us"}}}, "contact_us": DEMO_REQUEST})
    assert (
        evaluate_contact(model, None, make_event("form_submission", form_name="Contact us"), *make_clicks(40))["mql_reason"] == "contact_us"
    )
    assert evaluate_contact(model, None, *make_clicks(40))["mql_reason"] == "by_score"


def test_a_disqualified_contact_is_not_an_mql_and_the_verdict_names_the_rule() -> None:
    model = model_with_qualification(direct={"same_name": DEMO_REQUEST}, disqualifiers={"same_name": OPTED_OUT})
    row = evaluate_contact(model, {"hs_email_optout": "true"}, make_event("form_submission", form_name="Contact us"), *make_clicks(40))
    assert (row["by_score"], row["direct"], row["disqualified"], row["mql"]) == (True, True, True, False)
    assert (row["mql_reason"], row["disqualified_by"]) == (None, "same_name")


@pytest.mark.parametrize(("incomplete", "passes"), [("hold", False), ("pass", True)])
def test_an_incomplete_grade_is_held_or_passes(incomplete: str, passes: bool) -> None:  # noqa: FBT001 -- from the table
    parts = {"grade": {"criteria": {"leads": {"when": {"jobtitle": {"seniority_at_least": "manager"}}}}}}
    rules = {"threshold": 36, "grade_at_least": "C", "known_at_least": 1, "incomplete_grade": incomplete}
    model = make_model(score_section(CLICKS), parts, {"qualification": rules})
    assert evaluate_contact(model, None, *make_clicks(40))["by_score"] is passes
    assert not evaluate_contact(model, {"jobtitle": "Clerk"}, *make_clicks(40))["by_score"]


def test_a_hidden_rule_applies_to_no_contact_and_a_counter_can_replace_it() -> None:
    rules = {"contact_us": DEMO_REQUEST, "any_form": {"event": "form_submission", "valid_for": "30 days"}}
    model = model_with_qualification(direct=rules)
    counted = {"num_conversion_events": "1", "recent_conversion_date": "2026-11-10"}
    assert evaluate_contact(model, counted, hidden=["form_submission"])["mql_reason"] == "any_form"
    assert not evaluate_contact(model, {**counted, "recent_conversion_date": "2026-09-10"}, hidden=["form_submission"])["direct"]
    assert model.invisible_names(frozenset({"form_submission"})) == ("contact_us",)


def test_the_quota_admits_the_best_new_mqls_first() -> None:
    candidates = pl.DataFrame(
        {"contact_id": [1, 2, 3, 4, 5], "score": [40, 50, 40, 40, 40], "grade_rank": [5, 1, 5, 7, 5], "since": [3, 9, 1, 9, None]}
    )
    assert select_admissions(candidates, None).to_list() == [2, 4, 3, 1, 5]
    assert select_admissions(candidates, 3).to_list() == [2, 4, 3]
    assert select_admissions(candidates, 3, admitted_today=2).to_list() == [2]
    assert select_admissions(candidates, 3, admitted_today=9).to_list() == []


def test_an_evaluation_defers_no_contact() -> None:
    model = model_with_qualification(threshold=36)
    assert [evaluate_contact(model, None, *make_clicks(count))["deferred"] for count in (1, 40)] == [False, False]
