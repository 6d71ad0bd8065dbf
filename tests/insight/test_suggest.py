"""Suggestions: what makes contacts convert is found, what does not is left out, and nothing is promised that later contacts do not show."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from io import StringIO

import numpy as np
import polars as pl
import pytest
from rich.console import Console

from sync_worker.cli.output.suggestion import print_suggestion
from sync_worker.errors import ConfigurationError
from sync_worker.insight.cohort import build_cohort
from sync_worker.insight.portal_history import PortalHistory
from sync_worker.insight.suggest.candidate_matrix import CandidateMatrix, Column
from sync_worker.insight.suggest.candidates import Candidate
from sync_worker.insight.suggest.model_draft import Cuts, ModelDraft, SuggestedGrade
from sync_worker.insight.suggest.portal_survey import find_specs
from sync_worker.insight.suggest.size_choice import choose_size
from sync_worker.insight.suggest.sparse_fit import fit_path
from sync_worker.insight.suggest.suggest import Suggester
from sync_worker.insight.suggest.suggestion import Suggestion
from sync_worker.insight.suggest.whole_points import SuggestedCriterion
from sync_worker.model.compiled.loader import loads
from tests.insight.history_factory import AS_OF, HORIZON, MODEL, TEXT, build_deals, build_events, make_history


def suggest(history: PortalHistory, criteria: int = 8) -> Suggestion:
    specs = find_specs(["jobtitle", "city", "lifecyclestage"], MODEL, {})
    return Suggester(cohort=build_cohort(history, AS_OF, HORIZON), model=MODEL, text=TEXT, specs=specs, criteria=criteria).suggest()


@pytest.fixture(scope="module")
def suggestion() -> Suggestion:
    return suggest(make_history())


def test_the_criteria_that_make_contacts_convert_are_found(suggestion: Suggestion) -> None:
    added = {change.key for change in suggestion.changes if change.change == "+"}
    assert {"page_views", "form_submissions", "jobtitle_engineer"} <= added
    assert suggestion.criteria <= 4
    assert suggestion.difference.auc.low > 0
    assert suggestion.verdict.startswith("Better than the current model")
    assert suggestion.suggested.auc.value > suggestion.boosting_auc - 0.02


def test_the_suggestion_is_a_valid_model_whose_engagement_never_costs_points(suggestion: Suggestion) -> None:
    model = loads(suggestion.model or "", "suggested.yaml")
    assert all(line.is_positive for line in model.score_criteria if line.event)
    assert all(line.nominal_points % 1_000_000 == 0 for line in model.score_criteria)
    assert model.bands[-1].from_ == model.document.qualification.threshold


def test_the_figures_are_those_of_the_suggested_model_itself(suggestion: Suggestion) -> None:
    cohort = build_cohort(make_history(), AS_OF, HORIZON)
    scores = cohort.score(loads(suggestion.model or "", "suggested.yaml")).slice(suggestion.fitted.contacts)
    hot = scores.filter(pl.col("band") == "hot")
    assert suggestion.calibration[-1].contacts == hot.height
    assert suggestion.calibration[-1].observed.value == pytest.approx(hot["converted"].mean())


def test_each_line_of_the_diff_has_a_reason(suggestion: Suggestion) -> None:
    assert all(change.reason for change in suggestion.changes)
    removed = {change.key: change for change in suggestion.changes if change.change == "-"}
    assert "no contact" in removed["clicks"].reason


def test_a_current_grade_that_does_not_help_is_removed(suggestion: Suggestion) -> None:
    assert not suggestion.grade_proposed
    assert "grade" in {change.key for change in suggestion.changes}


def test_no_property_is_suggested_where_fit_carries_nothing() -> None:
    found = suggest(make_history(fit_matters=False))
    assert not any(change.key.startswith(("jobtitle", "grade ")) for change in found.changes if change.change == "+")
    assert not found.grade_proposed


def test_shuffled_outcomes_give_no_suggestion() -> None:
    found = suggest(make_history(shuffle_outcomes=True))
    assert found.model is None
    assert found.suggested.auc.value == pytest.approx(0.5, abs=0.02)
    assert found.verdict.startswith("No better than chance")
    with (console := Console(file=StringIO(), width=80)).capture() as capture:
        print_suggestion(found, None, console)
    assert re.findall(r"^(suggested|rejected|current|difference)\b", capture.get(), re.MULTILINE) == ["current"]


def test_weak_causes_that_only_all_contacts_of_the_fit_show_are_suggested_without_a_grade() -> None:
    history = make_history(contacts=780)
    caused = history.deals.filter(pl.col("contact_id") % 2 == 0)["contact_id"]
    by_chance = history.contacts.filter(pl.col("contact_id") % 5 == 0)["contact_id"]
    converted = sorted({*caused, *by_chance})
    found = suggest(replace(history, deals=build_deals([(id_, id_, AS_OF + timedelta(days=1)) for id_ in converted])))
    assert found.suggested.auc.low > 0.5
    assert (found.criteria, found.grade_proposed) == (2, False)
    assert "too few contacts to check a grade" in found.grade_reason


def test_a_value_that_only_converted_contacts_have_is_a_possible_leak() -> None:
    found = suggest(make_history(leak=True))
    assert found.leaks == ["city"]
    assert found.without_leaks is not None
    assert found.without_leaks.auc.value < found.suggested.auc.value
    assert "form_submissions" in found.without_leaks_criteria


def test_the_order_of_contacts_and_events_changes_nothing(suggestion: Suggestion) -> None:
    history = make_history()
    mixed = replace(
        history,
        contacts=history.contacts.sample(fraction=1, shuffle=True, seed=1),
        events=history.events.sample(fraction=1, shuffle=True, seed=2),
    )
    assert suggest(mixed).as_json() == suggestion.as_json()


def test_what_happens_later_changes_nothing_as_of_the_past(suggestion: Suggestion) -> None:
    history = make_history()
    later = replace(
        history,
        now=history.now + timedelta(days=30),
        events=pl.concat(
            [history.events, build_events([(1, "later", "page_view", -40, None), (2, "form", "form_submission", -41, "New")])]
        ),
        deals=pl.concat([history.deals, build_deals([(9_999, 5, AS_OF + HORIZON + timedelta(days=1))])]),
    )
    assert suggest(later).as_json() == suggestion.as_json()


def test_the_model_does_not_depend_on_contacts_after_the_fit(suggestion: Suggestion) -> None:
    history = make_history()
    is_later = pl.col("contact_id") > 600
    later = replace(
        history,
        contacts=history.contacts.with_columns(jobtitle=pl.when(is_later).then(pl.lit("Zoo keeper")).otherwise("jobtitle")),
        events=history.events.with_columns(url=pl.when(is_later).then(pl.lit("https://www.example.com/new")).otherwise("url")),
    )
    found = suggest(later)
    assert found.model == suggestion.model
    assert found.candidates == suggestion.candidates


def test_a_value_that_only_lowers_the_rate_is_suggested_as_its_opposite() -> None:
    history = make_history()
    titles = pl.when(pl.col("contact_id") % 7 == 0).then(None).otherwise("jobtitle")
    people = history.contacts.with_columns(jobtitle=titles)
    fewer = people.filter(pl.col("jobtitle").fill_null("") != "Student", pl.col("contact_id") % 2 == 0)
    deals = build_deals([(id_, id_, AS_OF + timedelta(days=1)) for id_ in fewer["contact_id"]])
    found = suggest(replace(history, contacts=people, deals=deals))
    (line,) = (change for change in found.changes if change.change == "+")
    assert (line.key, line.text) == ("not_jobtitle_student", "not jobtitle: Student: +5")
    assert line.other_rate == 0
    assert found.suggested.auc.low > 0.5


def test_a_criterion_that_only_the_trial_accepts_is_not_suggested() -> None:
    """The form raises the rate from 30 % to 50 % among the first contacts, and to 35 % among the others."""
    history = make_history()
    demo = set(history.events.filter(pl.col("kind") == "form_submission")["contact_id"])
    counts: dict[float, float] = {}
    deals = []
    for id_ in history.contacts["contact_id"]:
        rate = 0.3 if id_ not in demo else 0.5 if id_ <= 400 else 0.35
        counts[rate] = counts.get(rate, 0) + rate
        if counts[rate] >= 1:
            counts[rate] -= 1
            deals.append((id_, id_, AS_OF + timedelta(days=10)))
    assert suggest(replace(history, deals=build_deals(deals))).model is None


def test_a_grade_on_a_custom_property_declares_it() -> None:
    def on(name: str) -> SuggestedCriterion:
        body = {"when": {name: {"is": "a"}}}
        return SuggestedCriterion(candidate=Candidate(key=name, label=name, source=name, body=body, is_engagement=False), tiers={1: 2})

    types = {"plan_x": "text", "size_x": "number", "unused_x": "text"}
    grade = SuggestedGrade(
        criteria=[replace(on("size_x"), candidate=replace(on("size_x").candidate, body={"when": {"size_x": {"at_least": 5}}}))],
        at_least="C",
    )
    cuts = Cuts(threshold=2, bands={"cold": 0, "warm": 1, "hot": 2})
    model = ModelDraft(text=TEXT, criteria=[on("plan_x")], properties=types, cuts=cuts, grade=grade).build("draft")
    assert set(model.document.properties) == {"plan_x", "size_x"}


def test_the_size_is_chosen_by_contacts_that_the_trial_has_not_seen() -> None:
    matrix = make_matrix()
    size, trial = choose_size(matrix, inner=600, rows=900, criteria=8)
    fits = fit_path(matrix.head(600), criteria=8)
    assert (size, trial.chosen) == (8, fits[-1].chosen)
    assert trial.weights == pytest.approx(fits[-1].weights)
    reversed_later = replace(matrix, converted=np.concatenate([matrix.converted[:600], ~matrix.converted[600:]]))
    size, trial = choose_size(reversed_later, inner=600, rows=900, criteria=8)
    assert (size, trial.chosen) == (0, ())


def make_matrix() -> CandidateMatrix:
    """Return a matrix of 900 contacts and two columns that make them convert more often."""
    random = np.random.default_rng(5)
    bits = (random.random((900, 2)) < 0.4).astype(np.float32)
    converted = random.random(900) < 0.1 + 0.4 * bits[:, 0] + 0.3 * bits[:, 1]
    candidates = [
        Candidate(key=key, label=key, source=key, body={"event": key}, is_engagement=True) for key in ("page_view", "email_click")
    ]
    return CandidateMatrix(columns=tuple(Column(candidate=each) for each in candidates), bits=bits, converted=converted)


def test_too_little_data_is_a_sentence_and_no_figure() -> None:
    with pytest.raises(ConfigurationError, match="Too little data for a suggestion"):
        suggest(make_history(contacts=120))
