"""The page for a person: complete, in each language, and equal to the ledger."""

from __future__ import annotations

from pathlib import Path

import pytest

from sync_worker.cli.output.person_report import write_person_report
from sync_worker.errors import ConfigurationError
from sync_worker.model.i18n.translations import LANGUAGES, load_translation
from sync_worker.store.facts import deals, feedback, property_values, stage_dates
from sync_worker.store.facts.feedback import FeedbackAnswer
from sync_worker.store.facts.property_values import PropertyValueRow
from tests.harness import DAY, NOW_MS, Harness


def test_the_page_has_the_ledger_all_data_and_what_would_change_it_in_each_language(backfill_harness: Harness, tmp_path: Path) -> None:
    with backfill_harness.worker() as worker:
        explained = worker.explain("1")
        for language in LANGUAGES:
            report = worker.report_to_person("p1@example.com", language=language)
            assert [points for _, points in report.ledger] == [line.points for line in explained.verdict.ledger]
            assert sum(points for _, points in report.ledger) == explained.verdict.score
            assert {name for name, _ in report.data} >= {"email", "company.numberofemployees", "lifecyclestage"}
            assert len(report.activities) == 7
            assert report.result == load_translation(language).person.sales
            assert len(report.changes) > 1
            write_person_report(report, tmp_path / f"{language}.html")
            page = (tmp_path / f"{language}.html").read_text(encoding="utf-8")
            assert f'<html lang="{language}">' in page
            assert "p1@example.com" in page


def test_a_person_who_is_no_mql_sees_why(backfill_harness: Harness) -> None:
    with backfill_harness.worker() as worker:
        report = worker.report_to_person("4")
        assert worker.explain("4").mql_blockers[0] in report.result


def test_only_rules_that_can_give_points_could_add_points(backfill_harness: Harness) -> None:
    with backfill_harness.worker() as worker:
        report = worker.report_to_person("1", language="en")
    assert "These rules could add points: forms." in report.changes


def test_an_unknown_language_or_contact_is_an_error(backfill_harness: Harness) -> None:
    with backfill_harness.worker() as worker:
        with pytest.raises(ConfigurationError, match="not a language"):
            worker.report_to_person("1", language="xx")
        with pytest.raises(ConfigurationError, match="not in the state"):
            worker.report_to_person("unknown@example.com")


def test_the_page_has_earlier_values_feedback_and_deals_in_each_language(backfill_harness: Harness) -> None:
    with backfill_harness.worker() as worker:
        with worker.store.transaction() as tx:
            value = PropertyValueRow("contact", 1, "jobtitle", NOW_MS - DAY, "Intern")
            property_values.save(tx, "contact", [1], "jobtitle", [value, value._replace(at=NOW_MS, value=None)], read_at=NOW_MS)
            stage_dates.save(tx, [stage_dates.StageDate(1, "marketingqualifiedlead", NOW_MS), stage_dates.StageDate(1, "created", NOW_MS)])
            deal = deals.DealRow(7, NOW_MS, NOW_MS - DAY, None, None, NOW_MS, won=True, amount=None)
            deals.save(tx, [deal], {7: [1]})
            feedback.save(tx, [FeedbackAnswer(1, NOW_MS, "good_lead", "Called back")], model="m", at=NOW_MS)
        pages = {language: worker.report_to_person("1", language=language) for language in LANGUAGES}
    for language, report in pages.items():
        texts, labels = load_translation(language).person, load_translation(language).labels
        assert [(name, value) for _, name, value in report.history] == [("jobtitle", "Intern"), ("jobtitle", texts.no_value)]
        data = dict(report.data)
        assert {texts.record, texts.created, texts.stage.format(stage="marketingqualifiedlead")} <= data.keys()
        assert data[texts.deal.format(id=7)].count("2026") == 2
        assert data[labels.properties.feedback.label.format(prefix=labels.default_prefix)] == labels.feedback["good_lead"]
        assert "Called back" in data.values()
        assert len(data) == len(report.data) == len(report.as_json()["data"])  # type: ignore[arg-type]  # no name hides another
        assert {"degradation", "floor", "rounding"}.isdisjoint(rule for rule, _ in report.ledger) == (language != "en")
    # A row that is equal in two languages is of HubSpot or of the contact, and not of the page.
    own = [name for name, _ in pages["en"].data if all(name in dict(page.data) for page in pages.values())]
    assert all("." in name or name == name.lower() for name in own)
