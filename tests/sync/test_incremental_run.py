"""Incremental runs: changes in the portal between two runs and their effect on the next run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Literal

import pytest

from sync_worker.errors import ExitCode
from sync_worker.sandbox.base.config import Switches
from sync_worker.sandbox.server import user_actions
from tests.harness import DAY, MODEL, MQL, NOW_MS, Harness, make_click, make_contact, small_portal, start_harness


def contacts_changed_by(harness: Harness, action: Callable[[], object]) -> set[int]:
    """Apply an action and sync; return the ids of the contacts whose properties changed."""
    harness.advance()
    action()
    before = {number: dict(harness.contact(number)) for number in range(1, 7)}
    report = harness.sync()
    assert report.evaluated == report.written
    assert not harness.sync().evaluated
    return {number for number, properties in before.items() if harness.contact(number) != properties}


@pytest.mark.parametrize(
    ("event", "score"),
    [
        (lambda harness: harness.add_click("new", "P3@Example.com"), 5),
        (lambda harness: harness.add_page_view("new", 3), 2),
        (lambda harness: harness.submit_form("p3@example.com"), 10),
        (lambda harness: harness.opt_out(3), -10),
        (lambda harness: harness.add_page_view("new", 3, "https://x.com/careers/cto"), -1),
    ],
    ids=["a click", "a page view", "a form", "an opt-out", "a careers page"],
)
def test_an_event_of_one_contact_changes_only_that_contact(backfill_harness: Harness, event: Callable[[Harness], None], score: int) -> None:
    assert contacts_changed_by(backfill_harness, lambda: event(backfill_harness)) == {3}
    assert backfill_harness.score(3) == score


def test_a_changed_company_has_its_contacts_evaluated_again(backfill_harness: Harness) -> None:
    assert contacts_changed_by(
        backfill_harness, lambda: backfill_harness.set_hubspot_values(7, kind="companies", numberofemployees="3")
    ) == {1}
    assert backfill_harness.value(1, "lead_grade") == "F"
    assert backfill_harness.value(1, "lead_mql_reason") is None


def test_a_contact_that_moves_to_another_company_is_evaluated_with_that_company(backfill_harness: Harness) -> None:
    assert contacts_changed_by(backfill_harness, lambda: backfill_harness.set_hubspot_values(6, associatedcompanyid="7")) == {6}
    assert backfill_harness.value(6, "lead_grade") == "B"


def test_a_new_contact_is_scored_with_earlier_events_of_its_email(backfill_harness: Harness) -> None:
    backfill_harness.advance()
    backfill_harness.add_click("early", "new@example.com")
    assert backfill_harness.sync().evaluated == 0
    backfill_harness.advance(60)
    new = backfill_harness.create_contact(email="New@example.com")
    assert backfill_harness.sync().written == 1
    assert backfill_harness.score(new) == 5


def test_a_second_email_adds_its_events(backfill_harness: Harness) -> None:
    backfill_harness.advance()
    backfill_harness.add_click("other", "other@example.com")
    backfill_harness.sync()
    backfill_harness.advance()
    backfill_harness.set_hubspot_values(3, hs_additional_emails="other@example.com")
    backfill_harness.sync()
    assert backfill_harness.score(3) == 5


def test_the_echo_of_our_own_write_causes_no_evaluation(backfill_harness: Harness) -> None:
    echo = backfill_harness.sync()
    assert (echo.pulled["contacts"], echo.evaluated, echo.written) == (6, 0, 0)


def test_a_managed_value_changed_by_a_user_is_restored(backfill_harness: Harness) -> None:
    backfill_harness.advance()
    backfill_harness.edit_contact(3, lead_score="99")
    report = backfill_harness.sync()
    assert (report.evaluated, report.written, backfill_harness.score(3)) == (0, 1, 0)


def test_search_lag_loses_no_change_and_reverts_none(tmp_path: Path) -> None:
    with start_harness(tmp_path, index_lag_s=120) as harness:
        harness.backfill()
        harness.approve()
        harness.advance(1)
        harness.set_hubspot_values(6, associatedcompanyid="7")
        for _ in range(4):
            harness.sync()
            harness.advance(2)
        assert harness.value(6, "lead_grade") == "B"
        assert 6 in harness.members("MQL · by score")
        assert harness.sync().written == 0


def test_an_event_that_hubspot_replaced_no_longer_counts(backfill_harness: Harness) -> None:
    backfill_harness.advance()
    backfill_harness.add_click("old", "p3@example.com")
    backfill_harness.sync()
    assert backfill_harness.score(3) == 5
    replaced = make_click(
        "old", "p3@example.com", backfill_harness.now_ms(), obsoletedBy={"id": "better", "created": backfill_harness.now_ms()}
    )
    user_actions.add_email_event(backfill_harness.portal, replaced)
    backfill_harness.sync()
    assert backfill_harness.score(3) == 0


def test_events_of_more_than_one_page_are_all_read(tmp_path: Path) -> None:
    clicks = [make_click(f"{n}-{n % 6 + 1}", f"p{n % 6 + 1}@example.com", NOW_MS - DAY - 7 * n) for n in range(2_500)]
    with start_harness(tmp_path, replace(small_portal(), email_events=clicks)) as harness:
        assert harness.backfill().pulled["email_click"] == 2_500


def test_every_contact_is_evaluated_once_a_day_and_only_differences_are_written(live_harness: Harness) -> None:
    live_harness.advance(24 * 60)
    report = live_harness.sync()
    assert (report.evaluated, report.written) == (6, 0)
    assert live_harness.sync().evaluated == 0


def test_score_decay_is_written_by_the_daily_evaluation(tmp_path: Path) -> None:
    decay_model = MODEL.replace("degradation: {kind: none}", "degradation: {kind: inactivity, grace: 30 days, every: 30 days, lose: 10 %}")
    with start_harness(tmp_path, model=decay_model) as harness:
        harness.backfill()
        harness.clock.advance(timedelta(days=100).total_seconds())
        report = harness.sync()
        assert report.evaluated == 6
        assert harness.score(1) == 16
        assert harness.sync().written == 0


@pytest.mark.parametrize("reply", ["forbidden", "empty"])
def test_a_portal_without_event_occurrences_falls_back_to_counters_and_names_hidden_criteria(
    tmp_path: Path, reply: Literal["forbidden", "empty"]
) -> None:
    with start_harness(tmp_path, tier="starter", switches=Switches(hidden_occurrences=reply)) as harness:
        report = harness.backfill()
        assert report.not_visible == ("careers",)
        assert report.notes == (
            ["HubSpot counts page views and shows none of them, so its counters count instead."] if reply == "empty" else []
        )
        assert [harness.score(number) for number in (1, 2, 3, 6)] == [20, 10, 0, 20]
        assert "GET /events/event-occurrences/2026-09/event-types" not in report.requests
        assert harness.sync().written == 0


class TestDeleted:
    """Contacts that were deleted or merged between two runs."""

    def test_a_deleted_contact_leaves_the_lists_and_is_not_written(self, live_harness: Harness) -> None:
        live_harness.archive_contact(1)
        live_harness.advance(24 * 60)
        live_harness.opt_out(5)
        report = live_harness.backfill()
        assert (report.exit_code, report.rejected) == (ExitCode.DONE, [])
        assert live_harness.members("MQL") == [2]
        with live_harness.worker() as worker:
            assert worker.status().contacts == 5
        assert live_harness.backfill().written == 0

    def test_a_contact_missing_from_a_full_scan_is_deleted(self, backfill_harness: Harness) -> None:
        backfill_harness.archive_contact(3)
        assert backfill_harness.sync().evaluated == 0
        backfill_harness.backfill()
        with backfill_harness.worker() as worker:
            assert (worker.status().contacts, worker.report().distribution.contacts) == (5, 5)

    def test_a_contact_deleted_just_before_the_write_is_no_error(self, live_harness: Harness) -> None:
        live_harness.add_click("new", "p1@example.com")
        live_harness.archive_contact(1)
        report = live_harness.sync()
        assert (report.exit_code, report.written, report.rejected) == (ExitCode.DONE, 0, [])
        assert live_harness.sync().plan.contacts == 0

    def test_a_restored_contact_is_scored_and_listed_again(self, live_harness: Harness) -> None:
        live_harness.archive_contact(1)
        live_harness.backfill()
        live_harness.advance()
        del live_harness.portal.contacts.records.archived[0]
        live_harness.backfill()
        assert live_harness.members("MQL · by score") == [1]
        assert live_harness.backfill().written == 0

    def test_merged_contacts_are_one_contact(self, live_harness: Harness) -> None:
        new = live_harness.merge_contacts(1, 3)
        report = live_harness.sync()
        assert (report.exit_code, report.rejected) == (ExitCode.DONE, [])
        assert live_harness.score(new) == 20
        assert live_harness.members("MQL · by score") == [new]
        assert live_harness.members("Leads · cold") == [4]
        assert new in live_harness.members("Leads · hot")
        assert live_harness.sync().written == 0
        assert not live_harness.sync().plan.lists

    def test_the_survivor_of_a_merge_has_the_events_of_both(self, live_harness: Harness) -> None:
        new = live_harness.merge_contacts(2, 1)
        live_harness.sync()
        assert live_harness.score(new) == 30
        assert live_harness.value(new, "lead_mql_reason") == "demo"
        assert live_harness.value(new, "lifecyclestage") == MQL

    def test_memberships_inherited_in_a_merge_are_removed_when_the_verdict_does_not_support_them(self, live_harness: Harness) -> None:
        new = live_harness.merge_contacts(3, 1)
        live_harness.opt_out(new)
        live_harness.sync()
        assert live_harness.members("MQL") == [2, 5]
        live_harness.backfill()
        assert live_harness.members("MQL") == [2, 5]

    def test_a_merge_found_only_by_a_full_scan_has_the_same_outcome(self, live_harness: Harness) -> None:
        new = live_harness.merge_contacts(1, 3)
        live_harness.advance(60)
        live_harness.backfill()
        live_harness.backfill()
        assert live_harness.members("MQL · by score") == [new]
        with live_harness.worker() as worker:
            assert worker.status().contacts == 5


def test_a_model_with_more_requirements_triggers_a_full_scan(backfill_harness: Harness) -> None:
    backfill_harness.edit_contact(3, city="Bonn")
    backfill_harness.advance(60)
    backfill_harness.sync()
    backfill_harness.advance(60)
    backfill_harness.use_model(MODEL.replace("  degradation:", "    bonn: {when: {city: {is: Bonn}}, points: 3}\n  degradation:"))
    report = backfill_harness.sync()
    assert (report.pulled["contacts"], backfill_harness.score(3)) == (6, 3)


def test_properties_required_again_are_read_again(backfill_harness: Harness) -> None:
    city_model = MODEL.replace("  degradation:", "    bonn: {when: {city: {is: Bonn}}, points: 3}\n  degradation:")
    backfill_harness.use_model(city_model)
    backfill_harness.sync()
    backfill_harness.use_model(MODEL)
    backfill_harness.advance(60)
    backfill_harness.edit_contact(3, city="Bonn")
    for _ in range(2):
        backfill_harness.sync()
        backfill_harness.advance(60)
    backfill_harness.use_model(city_model)
    backfill_harness.sync()
    assert backfill_harness.score(3) == 3


def test_another_prefix_is_another_set_of_properties(backfill_harness: Harness) -> None:
    backfill_harness.settings["property_prefix"] = "fit"
    backfill_harness.setup()
    report = backfill_harness.sync()
    assert (report.exit_code, report.written) == (ExitCode.DONE, 6)
    assert backfill_harness.value(1, "fit_score") == "20"
    assert backfill_harness.sync().written == 0


def test_hundreds_of_contacts_with_the_same_lastmodifieddate_are_all_read(tmp_path: Path) -> None:
    data = small_portal(contacts=[make_contact(number) for number in range(1, 451)], companies=[], email_events=[], events=[])
    with start_harness(tmp_path, data) as harness:
        harness.backfill()
        harness.advance(60)
        for number in range(1, 451):
            harness.edit_contact(number, jobtitle="CTO")
        report = harness.sync()
        assert (report.pulled["contacts"], report.written) == (450, 450)
