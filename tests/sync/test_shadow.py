"""The shadow model: its verdicts are kept in the state and compared, and nothing of it reaches HubSpot."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from json import dumps
from pathlib import Path

import pytest
from rich.console import Console
from sqlalchemy import select

from sync_worker.cli.output.score_report import print_report
from sync_worker.errors import ModelError
from sync_worker.insight.backtest import run_backtest
from sync_worker.model.evaluate import evaluate
from sync_worker.reports.html.score_page import render_score_page
from sync_worker.reports.score_report import ScoreReport
from sync_worker.sandbox.base.timestamps import format_iso
from sync_worker.service.reload import build_reloaded
from sync_worker.store import verdicts
from sync_worker.store.schema import shadow_verdicts
from sync_worker.sync.evaluate.evaluate import load_facts
from tests.harness import DAY, NOW, NOW_MS, Harness, make_click, make_contact, make_page_view, parse_cached, small_portal, start_harness

#: Other points, another threshold, and a property and an event that the model does not use.
SHADOW = """
version: 1
name: Challenger
score:
  criteria:
    opens: {event: email_open, points: 4}
    views: {event: page_view, each: 1, at_most: 5}
    city: {when: {city: {is: Lyon}}, points: 9}
  degradation: {kind: none}
  bands: [{name: low, from: 0}, {name: high, from: 9}]
qualification: {threshold: 9, leave_below: 5}
"""


@pytest.fixture
def shadow_harness(tmp_path: Path) -> Iterator[Harness]:
    """Return the small portal with a shadow model; contact 3 lives in Lyon and has opened an email."""
    plain = small_portal()
    contacts = [make_contact(3, city="Lyon") if row["id"] == "3" else row for row in plain.contacts]
    opened = {**make_click("open", "p3@example.com"), "type": "OPEN"}
    portal = small_portal(contacts=contacts, email_events=[*plain.email_events, opened])
    with start_harness(tmp_path, portal, settings={"shadow": tmp_path / "shadow.yaml"}) as harness:
        write_shadow(harness, SHADOW)
        yield harness


def write_shadow(harness: Harness, text: str) -> None:
    (harness.folder / "shadow.yaml").write_text(text, encoding="utf-8")


def load_shadow(harness: Harness) -> dict[int, tuple[int, str, bool, int | None]]:
    """Return score, band, MQL and start of each contact under the shadow model."""
    columns = shadow_verdicts.c
    query = select(columns.contact_id, columns.score, columns.band, columns.mql, columns.mql_since)
    with harness.worker() as worker, worker.store.transaction() as tx:
        return {row[0]: tuple(row[1:]) for row in tx.execute(query)}


def visible_values(harness: Harness, number: int) -> dict[str, str]:
    """Return what a sales rep sees of the worker in a contact."""
    return {name: value for name, value in harness.contact(number).items() if name.startswith(("lead_", "lifecyclestage"))}


def test_the_verdicts_of_the_shadow_model_are_those_of_its_file_and_nothing_of_it_is_in_hubspot(
    shadow_harness: Harness, tmp_path: Path
) -> None:
    shadow_harness.backfill()
    shadow_harness.approve()
    found = load_shadow(shadow_harness)
    assert {id_: row[:3] for id_, row in found.items()} == {
        1: (5, "low", False),
        2: (0, "low", False),
        3: (13, "high", True),
        4: (0, "low", False),
        5: (0, "low", False),
        6: (5, "low", False),
    }
    with shadow_harness.worker() as worker, worker.store.transaction() as tx:
        verdicts.select_all(tx)
        expected = evaluate(
            load_facts(tx, parse_cached(SHADOW, ""), frozenset(), retained=()), parse_cached(SHADOW, ""), shadow_harness.clock()
        )
    assert [(row["score"], row["band"], row["mql"]) for row in expected.table.to_dicts()] == [found[id_][:3] for id_ in sorted(found)]
    assert found[3][3] == NOW_MS

    (tmp_path / "other").mkdir()
    with start_harness(tmp_path / "other") as plain:
        plain.backfill()
        plain.approve()
        for number in range(1, 7):
            assert visible_values(plain, number) == visible_values(shadow_harness, number)
        assert shadow_harness.members("MQL") == plain.members("MQL")


def test_the_shadow_model_follows_new_facts_and_keeps_the_first_time_of_an_mql(shadow_harness: Harness) -> None:
    shadow_harness.backfill()
    shadow_harness.advance()
    shadow_harness.edit_contact(3, city="Paris")
    shadow_harness.edit_contact(2, city="Lyon")
    shadow_harness.sync(dry_run=True)
    assert load_shadow(shadow_harness)[2][0] == 0
    shadow_harness.sync()
    found = load_shadow(shadow_harness)
    assert found[2] == (9, "high", True, shadow_harness.now_ms())
    assert found[3] == (4, "low", False, NOW_MS)


def test_another_shadow_model_re_evaluates_all_contacts_and_writes_nothing(shadow_harness: Harness) -> None:
    shadow_harness.backfill()
    before = shadow_harness.digest()
    shadow_harness.advance()
    write_shadow(shadow_harness, SHADOW.replace("points: 4", "points: 6"))
    assert shadow_harness.sync().evaluated == 0
    found = load_shadow(shadow_harness)
    assert found[3] == (15, "high", True, shadow_harness.now_ms())
    assert len(found) == 6
    assert shadow_harness.digest() == before


def test_an_erased_contact_and_a_shadow_model_that_is_not_set_leave_no_verdict(shadow_harness: Harness) -> None:
    shadow_harness.backfill()
    with shadow_harness.worker() as worker:
        worker.forget("p3@example.com")
    assert sorted(load_shadow(shadow_harness)) == [1, 2, 4, 5, 6]
    del shadow_harness.settings["shadow"]
    shadow_harness.advance(25 * 60)
    shadow_harness.sync()
    assert load_shadow(shadow_harness) == {}


def test_a_shadow_model_that_cannot_be_read_is_named_and_a_reload_keeps_the_earlier_one(shadow_harness: Harness) -> None:
    with shadow_harness.worker() as worker:
        before = worker.shadow
        write_shadow(shadow_harness, "version: 1\nname: [")
        with pytest.raises(ModelError, match=r"Shadow model: shadow\.yaml:2"):
            build_reloaded(worker, lambda: worker.settings)
        assert worker.shadow is before
    with shadow_harness.worker() as worker, pytest.raises(ModelError, match="SYNC_WORKER_SHADOW"):
        worker.check()


def test_an_event_of_the_shadow_model_that_the_portal_lacks_stops_no_run(shadow_harness: Harness) -> None:
    write_shadow(shadow_harness, SHADOW.replace("event: email_open", 'event: "custom:session_started"'))
    notes = shadow_harness.backfill().notes
    assert notes == ["The portal lacks events of the shadow model: custom:session_started."]
    assert load_shadow(shadow_harness)[3] == (9, "high", True, NOW_MS)


def test_the_check_names_what_the_shadow_model_cannot_find_in_the_portal(shadow_harness: Harness) -> None:
    write_shadow(shadow_harness, SHADOW.replace("score:", "properties: {planet: text}\nscore:", 1).replace("city: {is", "planet: {is"))
    with shadow_harness.worker() as worker:
        report = worker.check()
    assert report.shadow is not None
    assert "planet" in " ".join(report.shadow.errors)
    assert not report.model.errors


def test_the_report_compares_the_mqls_and_the_scores_of_both_models(shadow_harness: Harness) -> None:
    shadow_harness.backfill()
    with shadow_harness.worker() as worker:
        report = worker.report(with_details=True)
    shadow = report.shadow
    assert shadow is not None
    assert (shadow.contacts, shadow.both, shadow.only_model, shadow.only_shadow) == (6, 0, 3, 1)
    assert shadow.same_score == sum(row[0] == shadow_harness.score(id_) for id_, row in load_shadow(shadow_harness).items())
    assert shadow.rank_correlation is not None
    assert -1 <= shadow.rank_correlation <= 1
    text, page = print_text(report), render_score_page(report, with_plots=False)
    assert "0 of both, 3 of the model only, 1 of the challenger only" in text
    for shown in (text, page, dumps(report.as_json())):
        assert "p3@example.com" in shown
    hidden = report.hide_names()
    for shown in (print_text(hidden), render_score_page(hidden, with_plots=False), dumps(hidden.as_json())):
        assert "@example.com" not in shown


def test_a_report_evaluates_a_new_shadow_model_and_leaves_its_verdicts_to_the_next_run(shadow_harness: Harness) -> None:
    shadow_harness.backfill()
    before = load_shadow(shadow_harness)
    write_shadow(shadow_harness, SHADOW.replace("points: 4", "points: 6"))
    with shadow_harness.worker() as worker:
        report = worker.report()
    assert report.shadow is not None
    assert [(mql.contact_id, mql.shadow_score) for mql in report.shadow.shadow_mqls] == [(3, 15)]
    assert load_shadow(shadow_harness) == before


def test_the_mqls_of_both_models_are_compared_as_time_goes_by(shadow_harness: Harness) -> None:
    shadow_harness.backfill()
    shadow_harness.approve()
    with shadow_harness.worker() as worker:
        live = worker.compare_live(worker.load_history([worker.model]), timedelta())
    assert live is not None
    assert {name: ratio.total for name, ratio in live.ratios.items()} == {
        "the model": 3,
        "the challenger": 1,
        "both models": 0,
        "the model only": 3,
        "the challenger only": 1,
    }


VIEWS = """
name: Views
score:
  criteria: {views: {event: page_view, points: 5}}
  degradation: {kind: none}
  bands: [{name: low, from: 0}, {name: high, from: 5}]
qualification: {threshold: 5}
"""


def test_a_backtest_shows_what_became_of_the_mqls_of_both_models(tmp_path: Path) -> None:
    """1 to 60 have viewed a page, 40 to 100 live in Lyon, and 40 to 70 get a deal ten days later."""
    contacts = [make_contact(number, city="Lyon" if 40 <= number <= 100 else "Paris") for number in range(1, 121)]
    made = {"createdate": format_iso(NOW_MS + 10 * DAY), "pipeline": "default", "dealstage": "qualifiedtobuy"}
    deals = [{"id": str(900 + number), "properties": made, "contactIds": [str(number)]} for number in range(40, 71)]
    views = [make_page_view(number, number) for number in range(1, 61)]
    portal = small_portal(contacts=contacts, deals=deals, events=views, email_events=[], submissions=[])
    with start_harness(tmp_path, portal, model=VIEWS, settings={"shadow": tmp_path / "shadow.yaml"}) as harness:
        write_shadow(harness, SHADOW.replace("views: {event: page_view, each: 1, at_most: 5}", ""))
        harness.backfill()
        harness.approve()
        harness.advance(40 * 24 * 60)
        with harness.worker() as worker:
            worker.outcomes()
            models = {"model": worker.model, "challenger": worker.shadow}
            history = worker.load_past([model for model in models.values() if model])
            result = run_backtest(history, {name: model for name, model in models.items() if model}, [NOW], timedelta(days=30))
            live = worker.compare_live(history, timedelta(days=30))
    assert live is not None
    assert {name: (ratio.count, ratio.total) for name, ratio in live.ratios.items()} == {
        "the model": (21, 60),
        "the challenger": (31, 61),
        "both models": (21, 21),
        "the model only": (0, 39),
        "the challenger only": (10, 40),
    }
    assert (live.young, live.is_too_little) == (0, False)
    (date,) = result.dates
    assert (date.contacts, date.outcomes, [model.mqls for model in date.models]) == (120, 31, [60, 61])
    assert date.differences[0].verdict.startswith("“model” is worse than “challenger”")


def print_text(report: ScoreReport) -> str:
    console = Console(record=True, width=110, file=StringIO())
    print_report(report, console)
    return console.export_text()
