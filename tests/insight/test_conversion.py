"""From MQL to opportunity to customer, and the alarms."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import polars as pl
import pytest
from rich.console import Console

from sync_worker.cli.output.outcomes import print_outcomes
from sync_worker.errors import ConfigurationError
from sync_worker.insight.history_gaps import HistoryGaps
from sync_worker.insight.mqls.conversion import OutcomeReport, build_outcome_report
from sync_worker.insight.mqls.mql_cohort import UNKNOWN
from sync_worker.insight.portal_history import (
    CONTACT_COLUMNS,
    DEAL_COLUMNS,
    EVENT_COLUMNS,
    STAGE_COLUMNS,
    VALUE_COLUMNS,
    PortalHistory,
)
from sync_worker.model.compiled.loader import loads
from sync_worker.reports.html.outcome_section import build_outcome_section
from sync_worker.store.facts.feedback import Feedback
from tests.harness import NOW

MODEL = loads(
    """
name: Two criteria
score:
  criteria:
    views: {label: views of pages, event: page_view, each: 10, at_most: 20}
    called: {when: {hs_lead_status: {is: CONNECTED}}, points: 1}
  degradation: {kind: none}
  bands: [{name: cold, from: 0}, {name: warm, from: 10}, {name: hot, from: 20}]
grade: {criteria: {role: {when: {jobtitle: {contains_any: [cto]}}, thirds: 3}}}
qualification: {threshold: 20}
""",
    "model.yaml",
)
OLD = NOW - timedelta(days=300)
DAY = timedelta(days=1)


def make_frame(rows: Sequence[tuple[Any, ...]], schema: Any) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=dict(schema), orient="row")


def make_history(
    mqls: dict[int, datetime],
    deals: dict[int, datetime],
    *,
    views: dict[int, Sequence[datetime]] | None = None,
    contacts: Sequence[int] = (),
    status: dict[int, tuple[datetime, str]] | None = None,
) -> PortalHistory:
    """Return a history of contacts; each deal is won a week after it was made."""
    names = ("email", "associatedcompanyid", "hs_lead_status", "jobtitle")
    status = status or {}
    people = [(id_, OLD, None, f"p{id_}@example.com", None, status.get(id_, (None, None))[1], "CTO") for id_ in sorted({*mqls, *contacts})]
    empty = dict.fromkeys(EVENT_COLUMNS)
    events = [
        tuple({**empty, "contact_id": id_, "event_id": f"{id_}-{at}", "kind": "page_view", "at": at, "filtered": False}.values())
        for id_, times in (views or {}).items()
        for at in times
    ]
    return PortalHistory(
        now=NOW,
        contacts=make_frame(people, {**CONTACT_COLUMNS, **dict.fromkeys(names, pl.String)}),
        events=make_frame(events, EVENT_COLUMNS),
        values=make_frame([("contact", id_, "hs_lead_status", at, value) for id_, (at, value) in status.items()], VALUE_COLUMNS),
        deals=make_frame([(9000 + id_, id_, at, at + 7 * DAY, True, 100.0) for id_, at in deals.items()], DEAL_COLUMNS),
        stages=make_frame([(id_, "marketingqualifiedlead", at) for id_, at in mqls.items()], STAGE_COLUMNS),
    )


def kinds(report: OutcomeReport) -> set[str]:
    return {alarm.kind for alarm in report.alarms}


def test_each_mql_is_evaluated_as_of_the_time_at_which_it_became_one() -> None:
    became = NOW - 120 * DAY
    views = {1: [became - DAY, became - 2 * DAY], 2: [became - DAY, became + DAY]}
    report = build_outcome_report(make_history({1: became, 2: became}, {1: became + 10 * DAY}, views=views), MODEL)
    bands = {group.value: (group.opportunities.count, group.opportunities.total) for group in report.groups["band"]}
    assert bands == {"hot": (1, 1), "warm": (0, 1)}
    assert {group.value for group in report.groups["qualified"]} == {"by score", "not by this model"}
    assert report.days == (10, 10, 10)
    assert (report.all_mqls.customers.count, report.revenue) == (1, 100)


def test_an_opportunity_before_the_mql_counts_in_no_ratio() -> None:
    became = NOW - 120 * DAY
    report = build_outcome_report(make_history({1: became, 2: became}, {1: became - DAY}), MODEL)
    assert (report.earlier, report.all_mqls.opportunities.total) == (1, 1)


def test_an_mql_counts_once_its_horizon_is_over_and_only_what_it_became_within_it() -> None:
    old, young = NOW - 120 * DAY, NOW - 10 * DAY
    history = make_history({1: old, 2: old, 3: young, 4: young}, {1: old + 91 * DAY, 2: old + 90 * DAY, 3: young + DAY})
    report = build_outcome_report(history, MODEL)
    whole = report.all_mqls
    assert (whole.opportunities.count, whole.opportunities.total, whole.young, whole.mqls) == (1, 2, 2, 4)
    assert report.days == (90, 90, 90)
    assert "MQLs that are younger than 90 days count in no ratio: 2." in report.notes
    assert (report.as_json()["mqls"], report.as_json()["too_young"]) == (4, 2)
    assert [(group.opportunities.total, group.young) for group in report.groups["month"]] == [(2, 0), (0, 2)]


def test_many_mqls_are_evaluated_together_without_a_view_of_their_future() -> None:
    became = {number: NOW - 200 * DAY + number * timedelta(hours=1) for number in range(120)}
    views = {number: [at - DAY, at + timedelta(seconds=1)] for number, at in became.items()}
    report = build_outcome_report(make_history(became, {}, views=views), MODEL)
    assert {group.value: group.mqls for group in report.groups["band"]} == {"warm": 120}


def test_an_mql_whose_record_is_younger_than_its_stage_counts_without_a_band_and_is_named() -> None:
    history = make_history({1: OLD - DAY, 2: OLD + DAY}, {1: OLD + DAY})
    report = build_outcome_report(history, MODEL)
    assert (report.all_mqls.opportunities.count, report.all_mqls.mqls) == (1, 2)
    assert {group.value: group.mqls for group in report.groups["band"]} == {"cold": 1, UNKNOWN: 1}
    assert any("younger than their lifecycle stage" in note and note.endswith(": 1.") for note in report.notes)


def test_mqls_whose_events_or_records_are_deleted_are_named() -> None:
    history = make_history({1: OLD + DAY, 2: NOW - 100 * DAY, 3: OLD + DAY}, {})
    kept = replace(history, contacts=history.contacts.filter(pl.col("contact_id") != 3), complete_since=NOW - 110 * DAY)
    report = build_outcome_report(kept, MODEL)
    assert {group.value: group.mqls for group in report.groups["qualified"]} == {UNKNOWN: 1, "not by this model": 1}
    assert report.notes[-2:] == (
        "MQLs that were deleted since count in no ratio: 1.",
        "MQLs without a band and grade, because their events of that time have been deleted (SYNC_WORKER_KEEP_EVENTS_DAYS): 1.",
    )


def test_criteria_without_a_window_are_named_if_events_were_deleted() -> None:
    history = make_history({1: NOW - 100 * DAY}, {})
    gaps = HistoryGaps(deleted_before={"page_view": NOW - 150 * DAY}, unreadable={"deals: createdate": 2})
    notes = " ".join(build_outcome_report(replace(history, gaps=gaps), MODEL).notes)
    assert f"Events before {NOW - 150 * DAY:%Y-%m-%d} have been deleted" in notes
    assert "count fewer events than they did then: views." in notes
    assert "could not be read, and count as missing: deals: createdate (2)." in notes


def test_feedback_is_shown_by_band_grade_and_criterion() -> None:
    became = NOW - 120 * DAY
    history = make_history({1: became, 2: became}, {}, views={1: [became - DAY, became - 2 * DAY], 2: [became - DAY]})
    answers = [Feedback(1, "m", "good_lead", "", 0), Feedback(2, "m", "bad_fit", "#views too easy", 0), Feedback(9, "m", "bad_fit", "", 0)]
    report = build_outcome_report(history, MODEL, answers=answers)
    found = {name: {group.value: group.feedback for group in report.groups[name]} for name in ("band", "grade", "criterion")}
    assert found["band"] == {"hot": {"good_lead": 1}, "warm": {"bad_fit": 1}}
    assert {**found["criterion"], **found["grade"]}.items() >= {"views": {"good_lead": 1, "bad_fit": 1}}.items()
    assert {group.name for group in report.groups["criterion"]} == {"views of pages", "grade: role"}
    assert list(found["grade"].values()) == [{"good_lead": 1, "bad_fit": 1}]
    assert report.as_json()["criteria_in_notes"] == {"views": {"bad_fit": 1}}
    with (console := Console(file=StringIO(), width=200)).capture() as capture:
        print_outcomes(report, console)
    assert "#views: 1 bad fit" in capture.get()
    assert re.search(r"views of pages +2 .* 1 good lead, 1 bad fit", capture.get())


def test_a_value_that_sales_fills_in_after_the_deal_is_not_seen_before_it() -> None:
    became = NOW - 120 * DAY
    history = make_history({1: became}, {1: became + DAY}, status={1: (became + 2 * DAY, "CONNECTED")})
    report = build_outcome_report(history, MODEL)
    assert [group.value for group in report.groups["criterion"]] == ["grade: role"]
    assert report.frozen == ("jobtitle",)


def test_the_order_of_contacts_changes_nothing() -> None:
    became = {number: NOW - (100 + number) * DAY for number in range(1, 30)}
    history = make_history(became, {number: became[number] + 5 * DAY for number in range(1, 12)})
    shuffled = make_history(dict(reversed(became.items())), {number: became[number] + 5 * DAY for number in range(11, 0, -1)})
    assert build_outcome_report(history, MODEL).as_json() == build_outcome_report(shuffled, MODEL).as_json()


def late(number: int) -> datetime:
    return NOW - (250 - number) * DAY


#: An alarm and a history that sets it off.
ALARMS: dict[str, Callable[[], OutcomeReport]] = {
    "too_little_data": lambda: build_outcome_report(make_history({1: NOW - DAY}, {}), MODEL),
    "ratio_falls": lambda: build_outcome_report(
        make_history({n: late(n) for n in range(100)}, {n: late(n) + DAY for n in range(30)}), MODEL
    ),
    "possible_leak": lambda: build_outcome_report(
        make_history(
            {n: late(n) for n in range(60)}, {n: late(n) + DAY for n in range(22)}, status=dict.fromkeys(range(20), (OLD, "CONNECTED"))
        ),
        MODEL,
    ),
    "lower_band_converts_better": lambda: build_outcome_report(
        make_history(
            {1: NOW - DAY},
            dict.fromkeys(range(40), NOW - 50 * DAY),
            contacts=range(80),
            views={n: [OLD + DAY] * 1 if n < 45 else [OLD + DAY, OLD + 2 * DAY] for n in range(80)},
        ),
        MODEL,
    ),
    "above_capacity": lambda: build_outcome_report(make_history(dict.fromkeys(range(20), NOW - DAY), {}), MODEL, capacity=4),
}


@pytest.mark.parametrize(("kind", "build"), ALARMS.items(), ids=ALARMS)
def test_an_alarm_is_a_sentence(kind: str, build: Callable[[], OutcomeReport]) -> None:
    alarms = [alarm for alarm in build().alarms if alarm.kind == kind]
    assert len(alarms) == 1
    assert alarms[0].text.endswith((".", "`."))


def test_a_best_band_with_a_single_contact_is_no_alarm() -> None:
    views = {n: [OLD + DAY] if n else [OLD + DAY, OLD + 2 * DAY] for n in range(101)}
    history = make_history({1: NOW - DAY}, dict.fromkeys(range(1, 26), NOW - 50 * DAY), contacts=range(101), views=views)
    report = build_outcome_report(history, MODEL)
    assert [(group.opportunities.count, group.opportunities.total) for group in report.bands[:2]] == [(0, 1), (25, 100)]
    assert "lower_band_converts_better" not in kinds(report)


def test_months_are_those_of_the_model_and_a_deal_of_two_contacts_counts_once() -> None:
    became = datetime(NOW.year, 3, 31, 23, 30, tzinfo=UTC)
    history = make_history({1: became, 2: became}, {1: became + DAY})
    both = replace(history, deals=pl.concat([history.deals, history.deals.with_columns(contact_id=pl.lit(2, dtype=pl.Int64))]))
    berlin = replace(MODEL, document=MODEL.document.model_copy(update={"time_zone": "Europe/Berlin"}))
    report = build_outcome_report(both, berlin)
    assert [group.value for group in report.groups["month"]] == [f"{NOW.year}-04"]
    assert report.all_mqls.customers.count == 2
    assert report.revenue == 100


def test_mqls_after_the_last_read_are_no_flow_of_the_weeks_before() -> None:
    history = make_history({**dict.fromkeys(range(8), NOW - 20 * DAY), **dict.fromkeys(range(10, 30), NOW - DAY)}, {})
    report = build_outcome_report(replace(history, outcomes_read_at=NOW - 5 * DAY), MODEL, capacity=2)
    assert "above_capacity" not in kinds(report)


def test_a_steady_ratio_is_no_alarm() -> None:
    history = make_history({n: late(n) for n in range(100)}, {n: late(n) + DAY for n in range(0, 100, 3)})
    assert kinds(build_outcome_report(history, MODEL, capacity=50)) == set()


def test_a_portal_without_mqls_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match="No contact in the state has become an MQL"):
        build_outcome_report(make_history({}, {}, contacts=[1]), MODEL)


def test_the_figures_are_those_of_the_last_read() -> None:
    history = replace(make_history({1: NOW - 120 * DAY}, {1: NOW - 110 * DAY}), outcomes_read_at=NOW - 5 * DAY)
    report = build_outcome_report(history, MODEL)
    assert report.at == NOW - 5 * DAY
    assert f"As of {report.at:%Y-%m-%d}" in build_outcome_section(report).text
