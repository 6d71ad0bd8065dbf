"""Backtests and thresholds: figures by what happened afterward, loud about models that do not predict."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from sync_worker.cli.output.backtest_page import write_page
from sync_worker.errors import ConfigurationError
from sync_worker.insight.backtest import Backtest, run_backtest
from sync_worker.insight.metrics import ResampledScores
from sync_worker.insight.portal_history import DEAL_COLUMNS
from sync_worker.insight.threshold import advise_threshold
from sync_worker.model.compiled.loader import loads
from tests.insight.history_factory import AS_OF, HORIZON, MODEL, TEXT, build_deals, build_events, make_history

WRONG = loads(TEXT.replace("tiers: {1: 1, 5: 2}", "each: -1").replace("Current", "Wrong"), "wrong.yaml")
UNGRADED = loads(TEXT.replace("  grade_at_least: C\n", ""), "ungraded.yaml")


CROWD = """
    known: {when: {jobtitle: {is_known: true}}, points: 3}
    views: {event: page_view, each: 1, at_most: 9}
    forms: {event: form_submission, each: 5, at_most: 50}"""
CROWDED_TEXT = re.sub(r"\n    views: .*", CROWD, TEXT).replace("  grade_at_least: C\n", "")
CROWDED = loads(CROWDED_TEXT, "crowded.yaml")
NEGATIVE = loads(CROWDED_TEXT.replace("points: 3", "points: -6"), "negative.yaml")
FORMS = loads(
    re.sub(r"views: .*", "forms: {event: form_submission, each: 9, at_most: 90}", TEXT).replace("  grade_at_least: C\n", ""), "forms.yaml"
)
BLIND = loads(re.sub(r"event: \w+", "event: webinar", TEXT).replace("  grade_at_least: C\n", ""), "blind.yaml")


@pytest.fixture(scope="module")
def backtest() -> Backtest:
    return run_backtest(make_history(), {"current": MODEL, "wrong": WRONG}, [AS_OF], HORIZON)


def test_models_are_compared_with_the_interval_of_the_difference(backtest: Backtest) -> None:
    (difference,) = backtest.dates[0].differences
    assert difference.difference.auc.low > 0
    assert difference.verdict.startswith("“current” is better than “wrong”")


def test_a_model_whose_high_scores_convert_less_is_named_first(backtest: Backtest) -> None:
    assert any("wrong, score: WORSE THAN CHANCE" in warning for warning in backtest.warnings)
    assert not any("current, score" in warning for warning in backtest.warnings)
    assert any("current, grade: NO BETTER THAN CHANCE" in warning for warning in backtest.warnings)


def test_each_criterion_has_its_lift_next_to_its_points(backtest: Backtest) -> None:
    criteria = {criterion.key: criterion for criterion in backtest.dates[0].models[0].criteria}
    assert (criteria["views"].points, criteria["clicks"].contacts) == ("3", 0)
    assert criteria["clicks"].lift is None
    assert (criteria["views"].lift or 0) > 1


def test_the_bands_count_every_contact_and_outcome(backtest: Backtest) -> None:
    date = backtest.dates[0]
    bands = date.models[0].calibration
    assert sum(band.contacts for band in bands) == date.contacts
    assert round(sum(band.contacts * band.observed.value for band in bands if band.contacts)) == date.outcomes


def test_a_rate_is_expected_only_from_a_date_whose_horizon_was_over() -> None:
    history = replace(make_history(), now=AS_OF + HORIZON + timedelta(days=60))
    late = build_deals([(7_000 + id_, id_, AS_OF + timedelta(days=50)) for id_ in range(1, 900, 9)])
    dates = [AS_OF, AS_OF + timedelta(days=20), AS_OF + timedelta(days=40)]
    found = run_backtest(replace(history, deals=pl.concat([history.deals, late])), {"current": UNGRADED}, dates, HORIZON)
    first, *others = ([band.expected for band in date.models[0].calibration] for date in found.dates)
    assert others == [
        [None] * len(first),
        [band.observed.value if band.contacts else None for band in found.dates[0].models[0].calibration],
    ]


def test_a_model_whose_data_is_not_here_gives_no_figure() -> None:
    with pytest.raises(ConfigurationError, match="No contact meets a criterion of the model blind"):
        run_backtest(make_history(), {"current": MODEL, "blind": BLIND}, [AS_OF], HORIZON)
    with pytest.raises(ConfigurationError, match="gives no contact a point"):
        advise_threshold(make_history(), BLIND, at=AS_OF, horizon=HORIZON, precision=0.1)


def test_a_contact_that_was_an_opportunity_already_does_not_count() -> None:
    history = make_history()
    earlier = replace(history, deals=pl.concat([history.deals, build_deals([(5_000, 1, AS_OF - timedelta(days=1))])]))
    found = run_backtest(earlier, {"current": MODEL}, [AS_OF], HORIZON)
    assert found.dates[0].contacts == history.contacts.height - 1


def test_the_page_needs_no_other_file_and_has_text_for_every_plot(backtest: Backtest, tmp_path: Path) -> None:
    write_page(backtest, tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert not re.search(r"(?:src|href)=(?![\"']?#)|https?://|@import", page)
    assert page.count("<svg") == page.count("<title id") == page.count("<desc id") == 3
    assert page.count("<table") >= page.count("<svg")
    assert "WORSE THAN CHANCE" in page
    assert all(figure.split("[")[0] in page for figure in (str(model.score.auc) for model in backtest.dates[0].models))


def test_the_lowest_threshold_with_the_precision_is_advised_with_its_contacts() -> None:
    advice = advise_threshold(make_history(), UNGRADED, at=AS_OF, horizon=HORIZON, precision=0.5)
    assert advice.precision.value >= 0.5
    assert advice.precision.low < advice.precision.value < advice.precision.high
    assert advice.threshold > 0
    assert len(advice.contacts) == advice.as_json()["contacts_today"]
    assert next(iter(advice.contacts.values())).endswith("@example.com")  # type: ignore[union-attr]


def test_a_threshold_is_never_one_that_the_model_language_refuses() -> None:
    advice = advise_threshold(make_history(), NEGATIVE, at=AS_OF, horizon=HORIZON, precision=0.01)
    assert advice.threshold > 0


def test_a_smaller_capacity_needs_a_higher_threshold() -> None:
    thresholds = [advise_threshold(make_history(), UNGRADED, at=AS_OF, horizon=HORIZON, weekly=n).threshold for n in (1000, 15)]
    assert thresholds[0] < thresholds[1]


def test_a_capacity_that_no_threshold_meets_is_refused_with_the_smallest_flow() -> None:
    with pytest.raises(ConfigurationError, match=r"gives more than 0\.01 new contacts per week: the highest one, \d+, gives \d"):
        advise_threshold(make_history(), UNGRADED, at=AS_OF, horizon=HORIZON, weekly=0.01)


def test_the_threshold_of_a_capacity_is_above_each_one_that_exceeds_it() -> None:
    """All contacts have had three points for long, so that a threshold of three has no new contacts, and all present ones."""
    recent = build_events([(id_, f"r{id_}", "form_submission", -25, None) for id_ in range(1, 201)])
    history = make_history()
    busy = replace(history, events=pl.concat([history.events, recent]))
    advice = advise_threshold(busy, CROWDED, at=AS_OF, horizon=HORIZON, weekly=10)
    assert (advice.threshold, advice.weekly.value) == (15, 9.75)
    with pytest.raises(ConfigurationError, match="gives more than 2 new contacts"):
        advise_threshold(busy, CROWDED, at=AS_OF, horizon=HORIZON, weekly=2)


def test_a_contact_that_becomes_an_opportunity_within_the_week_was_new_in_it() -> None:
    history = make_history()
    forms = build_events([(id_, f"r{id_}", "form_submission", -25, None) for id_ in range(1, 61)])
    deals = build_deals([(8_000 + id_, id_, AS_OF + timedelta(days=29)) for id_ in range(1, 61)])
    quick = replace(history, events=pl.concat([history.events, forms]), deals=pl.concat([history.deals, deals]))
    advice = advise_threshold(quick, FORMS, at=AS_OF, horizon=HORIZON, precision=0.5)
    earlier = history.events.filter(pl.col("kind") == "form_submission")["contact_id"]
    assert advice.threshold == 9
    assert advice.weekly.value == len(set(range(1, 61)) - set(history.deals["contact_id"]) - set(earlier)) / 4


def test_a_precision_that_no_threshold_has_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="No threshold that at least 20 contacts reach gives a precision"):
        advise_threshold(make_history(), UNGRADED, at=AS_OF, horizon=HORIZON, precision=0.99)


@pytest.mark.parametrize("history", [make_history(contacts=90), make_history(contacts=110)], ids=["few contacts", "few outcomes"])
def test_too_little_data_gives_no_threshold(history: object) -> None:
    few = replace(history, deals=history.deals.head(12))  # type: ignore[attr-defined,type-var]
    with pytest.raises(ConfigurationError, match="Too little data for a threshold"):
        advise_threshold(few, UNGRADED, at=AS_OF, horizon=HORIZON, precision=0.3)


def test_outcomes_that_are_all_alike_are_refused() -> None:
    history = make_history()
    nothing = replace(history, deals=pl.DataFrame(schema=dict(DEAL_COLUMNS)))
    with pytest.raises(ConfigurationError, match="no deal"):
        run_backtest(nothing, {"current": MODEL}, [AS_OF], HORIZON)
    every = replace(history, deals=build_deals([(id_, id_, AS_OF + timedelta(days=1)) for id_ in history.contacts["contact_id"]]))
    with pytest.raises(ConfigurationError, match="Every one of the 900 contacts"):
        run_backtest(every, {"current": MODEL}, [AS_OF], HORIZON)


def test_a_date_whose_events_are_deleted_is_refused() -> None:
    kept = replace(make_history(), complete_since=AS_OF + timedelta(days=1))
    with pytest.raises(ConfigurationError, match="have been deleted"):
        run_backtest(kept, {"current": MODEL}, [AS_OF], HORIZON)


def test_contacts_that_cannot_be_mqls_by_score_are_neither_counted_nor_listed() -> None:
    history = make_history()
    rules = "  disqualifiers: {students: {when: {jobtitle: {contains_any: [student]}}}}\n"
    strict = loads(TEXT.replace("  grade_at_least: C\n", rules), "strict.yaml")
    advice = advise_threshold(history, strict, at=AS_OF, horizon=HORIZON, precision=0.2)
    students = set(history.contacts.filter(pl.col("jobtitle") == "Student")["contact_id"])
    assert advice.contacts
    assert not students & set(advice.contacts)
    assert not set(history.deals["contact_id"]) & set(advice.contacts)


def test_without_contacts_that_could_be_mqls_the_grade_and_disqualifiers_that_exclude_them_are_named() -> None:
    rules = "  grade_at_least: A\n  disqualifiers: {students: {when: {jobtitle: {contains_any: [student]}}}}\n"
    strict = loads(TEXT.replace("  grade_at_least: C\n", rules), "strict.yaml")
    reasons = r"Of 900 contacts, \d+ have a grade below A \(most of them [B-F][+-]?\), \d+ are disqualified \(most by students\)\."
    with pytest.raises(ConfigurationError, match=reasons):
        advise_threshold(make_history(), strict, at=AS_OF, horizon=HORIZON, precision=0.2)


def test_a_rate_of_few_contacts_has_a_wide_interval() -> None:
    one = ResampledScores({"score": pl.Series([1, 0])}, pl.Series([True, False]))
    precision, _ = one.cut("score", 1)
    assert (precision.value, precision.total) == (1, 1)
    assert precision.low < 0.3


def test_a_young_portal_has_the_weeks_that_it_is_old() -> None:
    history = make_history()
    young = replace(history, events=history.events.clear(), contacts=history.contacts.with_columns(created_at=AS_OF - timedelta(hours=1)))
    scored = loads(
        TEXT.replace(
            "  criteria:\n    views", "  criteria:\n    known: {when: {jobtitle: {is_known: true}}, points: 3}\n    views", 1
        ).replace("  grade_at_least: C\n", ""),
        "m.yaml",
    )
    end = replace(young, now=AS_OF + timedelta(days=14), deals=history.deals.head(60))
    advice = advise_threshold(end, scored, at=AS_OF, horizon=timedelta(days=13), precision=0.01)
    assert 2 <= advice.weeks < 2.1
    assert "weeks before this date" in str(advice.note)
