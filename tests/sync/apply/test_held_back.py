"""Rejections that pass: they are tried again, reported until HubSpot shows the values, and block nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sync_worker.errors import ExitCode
from sync_worker.hubspot.client import HubSpot
from sync_worker.hubspot.rest.retry import RetryPolicy
from sync_worker.sandbox.base.config import Switches
from sync_worker.sandbox.server import user_actions
from sync_worker.store.facts import contacts
from sync_worker.sync.apply.apply import Outcome
from sync_worker.sync.run_report import RunReport
from tests.harness import MQL, Harness, connect_without_search_limit, start_harness
from tests.reliability.fault_matrix import SkippingClock

WRITE, CHANGE_MEMBERS = "POST */batch/update", "PUT */memberships/*"
NOT_EXECUTED = {"fault": "edit", "part": "request", "remove": True}


def connect_without_waits(**options: Any) -> HubSpot:
    return connect_without_search_limit(clock=SkippingClock(), **options)


@pytest.fixture(params=[True, False], ids=["partial success", "whole batch rejected"])
def harness(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Harness]:
    """Return the small portal; a batch with a rejected contact is written in part, or not at all."""
    with start_harness(tmp_path, switches=Switches(update_trace_ids=request.param)) as harness:
        harness.connect_hubspot = connect_without_waits
        yield harness


def add_rule(harness: Harness, stage: str) -> None:
    """Require a city of contacts in a lifecycle stage."""
    rule = {"propertyName": "city", "ruleType": "REQUIRED", "when": {"lifecyclestage": [stage]}}
    user_actions.replace_validation_rules(harness.portal, {"rules": [rule]})


def remove_rules(harness: Harness) -> None:
    user_actions.replace_validation_rules(harness.portal, {"rules": []})


def count_writes(report: RunReport) -> int:
    return sum(number for endpoint, number in report.requests.items() if endpoint.endswith("batch/update"))


def find_groups(report: RunReport) -> list[tuple[str, int, str]]:
    return [(group.part, group.contacts, group.reason) for group in report.held_back.groups]


def test_a_locked_batch_is_written_by_a_later_run_and_stops_nothing_else(harness: Harness) -> None:
    harness.approve_unseen()
    harness.inject_fault(WRITE, "locked", times=RetryPolicy().max_attempts)
    report = harness.backfill()
    assert (report.exit_code, report.written, {id_ for id_, _ in report.rejected}) == (ExitCode.SOME_REJECTED, 0, {*range(1, 7)})
    assert all("LOCKED" in reason for _, reason in report.rejected)
    assert harness.members("MQL")
    harness.advance(10)
    report = harness.sync()
    assert (report.exit_code, report.written) == (ExitCode.DONE, 6)


@pytest.mark.parametrize("category", ["INTERNAL_ERROR", "RATE_LIMITS", "LOCKED", "SOMETHING_NEW"])
def test_a_temporary_error_of_one_contact_is_retried_within_the_run(harness: Harness, category: str) -> None:
    harness.inject_fault(WRITE, "partial", name=category, times=2)
    report = harness.backfill()
    assert (report.written, report.rejected, report.exit_code) == (6, [], ExitCode.DONE)
    assert [harness.score(number) for number in range(1, 7)] == [20, 10, 0, 0, 10, 20]


def test_a_contact_that_hubspot_does_not_confirm_is_written_again(harness: Harness) -> None:
    harness.inject_fault(WRITE, "edit", path="results[0]", remove=True, times=1)
    report = harness.backfill()
    assert (report.written, report.rejected, report.exit_code) == (6, [], ExitCode.DONE)


def test_a_contact_that_is_never_confirmed_is_held_back_by_every_run_until_it_is(harness: Harness) -> None:
    harness.inject_fault(WRITE, **{**NOT_EXECUTED, "path": "inputs[0]"})
    harness.backfill()
    held = [number for number in range(1, 7) if harness.value(number, "lead_score") is None]
    assert len(held) == 1
    for _ in range(3):
        harness.advance(30)
        report = harness.sync()
        assert (report.held_back.contacts, report.exit_code) == (len(held), ExitCode.SOME_REJECTED)
        assert "did not confirm" in find_groups(report)[0][2]
    harness.clear_faults()
    harness.advance(60)
    report = harness.sync()
    assert (report.written, report.held_back.contacts, report.exit_code) == (len(held), 0, ExitCode.DONE)


def test_a_rule_of_the_portal_blocks_only_its_contacts_and_is_reported_until_they_are_written(harness: Harness) -> None:
    add_rule(harness, "lead")  # contacts 1 and 6
    report = harness.backfill()
    assert (report.written, report.exit_code) == (4, ExitCode.SOME_REJECTED)
    assert find_groups(report) == [("properties", 2, "city: MISSING_CONDITIONAL_REQUIRED_PROPERTY")]
    with harness.worker() as worker:
        status = worker.status()
    assert (status.pending.contacts, status.pending.held_back.contacts, [id_ for id_, _ in status.pending.rejected]) == (0, 2, [1, 6])
    assert status.as_json()["waiting"]["held_back"]["groups"][0]["retried"] is True
    harness.advance()
    again = harness.sync()
    assert (again.written, again.held_back.contacts, again.exit_code) == (0, 2, ExitCode.SOME_REJECTED)
    harness.advance(1)
    waits = harness.sync()  # the third try is due in 5 minutes
    assert (count_writes(waits), waits.held_back.contacts, waits.exit_code) == (0, 2, ExitCode.SOME_REJECTED)
    harness.edit_contact(6, city="Bonn")
    corrected = harness.sync()
    assert (corrected.written, corrected.held_back.contacts, harness.score(6)) == (1, 1, 20)
    remove_rules(harness)
    full = harness.backfill()
    assert (full.written, full.held_back.contacts, full.exit_code) == (1, 0, ExitCode.DONE)
    assert harness.score(1) == 20


def test_a_dry_run_reports_what_is_held_back_and_changes_nothing(harness: Harness) -> None:
    add_rule(harness, "lead")
    harness.backfill()
    harness.advance()
    harness.sync()
    preview = harness.backfill(dry_run=True)
    assert (preview.plan.contacts, preview.held_back.contacts, preview.exit_code) == (2, 2, ExitCode.SOME_REJECTED)
    assert count_writes(harness.sync()) == 0


def test_a_rule_about_the_stage_blocks_neither_the_score_nor_the_lists(harness: Harness) -> None:
    harness.backfill()
    add_rule(harness, MQL)
    harness.advance()
    report = harness.approve()
    assert (report.stages, report.lists["MQL"]["added"], report.exit_code) == (0, 3, ExitCode.SOME_REJECTED)
    assert find_groups(report) == [("stage", 2, "city: MISSING_CONDITIONAL_REQUIRED_PROPERTY")]
    harness.submit_form("p1@example.com")
    harness.advance(60)
    report = harness.sync()
    assert (report.written, report.stages, harness.score(1) > 20) == (1, 0, True)
    assert find_groups(report) == [("stage", 2, "city: MISSING_CONDITIONAL_REQUIRED_PROPERTY")]
    remove_rules(harness)
    report = harness.backfill()
    assert (report.stages, report.exit_code) == (2, ExitCode.DONE)


def test_a_rule_about_a_value_of_ours_blocks_only_that_property(harness: Harness) -> None:
    rule = {"propertyName": "lead_score", "ruleType": "MAX_NUMBER", "ruleArguments": ["15"]}
    user_actions.replace_validation_rules(harness.portal, {"rules": [rule]})
    report = harness.backfill()
    assert find_groups(report) == [("properties", 2, "lead_score: INVALID_NUMBER_RANGE")]
    assert [harness.value(number, "lead_score") for number in (1, 2, 6)] == [None, "10", None]
    assert harness.value(1, "lead_score_band") == "hot"
    remove_rules(harness)
    harness.advance()
    assert (harness.sync().exit_code, harness.score(1), harness.score(6)) == (ExitCode.DONE, 20, 20)


def test_an_invalid_value_stays_held_back_when_another_property_changes(harness: Harness) -> None:
    catalog = harness.portal.catalog()
    grade = catalog.get("lead_grade")
    assert grade is not None
    catalog.save(replace(grade, options=tuple(option for option in grade.options if option.value != "C")))  # only contact 1 has it
    harness.backfill()
    harness.advance()
    harness.submit_form("p1@example.com")
    report = harness.sync()
    assert (report.written, count_writes(report), harness.score(1) > 20) == (1, 1, True)  # the invalid grade is not sent again
    assert find_groups(report) == [("properties", 1, "lead_grade: INVALID_OPTION")]


def test_contacts_that_are_tried_again_do_not_make_a_plan_unsafe(harness: Harness) -> None:
    harness.settings |= {"judged_from_contacts": 1, "max_new_mqls_share": 1.0}
    harness.deny(WRITE)
    assert harness.backfill().held_back.contacts == 6
    harness.advance()
    assert harness.sync().held_back.contacts == 6
    harness.clear_faults()
    harness.advance(60)
    report = harness.sync()  # all contacts change
    assert (report.written, report.exit_code) == (6, ExitCode.DONE)


class TestListMembers:
    """Additions and removals are accounted for by id."""

    def test_a_member_that_hubspot_does_not_name_is_looked_up(self, harness: Harness) -> None:
        harness.backfill()
        harness.inject_fault(CHANGE_MEMBERS, "edit", path="recordsIdsAdded", remove=True)
        report = harness.approve()
        assert (report.lists["MQL"]["added"], harness.members("MQL"), report.exit_code) == (3, [1, 2, 5], ExitCode.DONE)

    def test_an_addition_that_is_lost_is_sent_again_within_the_run(self, harness: Harness) -> None:
        harness.backfill()
        harness.inject_fault(CHANGE_MEMBERS, **{**NOT_EXECUTED, "path": "recordIdsToAdd[0]", "times": 1})
        report = harness.approve()
        assert ({name: counts["added"] for name, counts in report.lists.items()}["MQL"], report.exit_code) == (3, ExitCode.DONE)
        assert harness.members("MQL") == [1, 2, 5]

    def test_an_addition_that_is_always_lost_is_held_back_and_tried_by_later_runs(self, harness: Harness) -> None:
        harness.backfill()
        harness.inject_fault(CHANGE_MEMBERS, **{**NOT_EXECUTED, "path": "recordIdsToAdd[*]"})
        report = harness.approve()
        assert harness.members("MQL") == []
        assert report.exit_code == ExitCode.SOME_REJECTED
        assert ("list:mql", 3, "list “MQL”: HubSpot reported success, but did not confirm the change.") in find_groups(report)
        assert harness.value(1, "lifecyclestage") == MQL
        harness.clear_faults()
        harness.advance()
        report = harness.sync()
        assert (harness.members("MQL"), report.held_back.contacts, report.exit_code) == ([1, 2, 5], 0, ExitCode.DONE)

    def test_a_removal_that_is_lost_is_sent_again(self, harness: Harness) -> None:
        harness.backfill()
        harness.approve()
        harness.advance()
        harness.opt_out(1)
        harness.inject_fault(CHANGE_MEMBERS, **{**NOT_EXECUTED, "path": "recordIdsToRemove[0]"})
        report = harness.sync()
        assert (1 in harness.members("MQL"), report.exit_code) == (True, ExitCode.SOME_REJECTED)
        harness.clear_faults()
        harness.advance()
        assert harness.sync().exit_code == ExitCode.DONE
        assert harness.members("MQL") == [2, 5]

    def test_a_removal_that_hubspot_calls_missing_does_not_delete_the_contact(self, harness: Harness) -> None:
        harness.backfill()
        harness.approve()
        harness.advance()
        harness.opt_out(1)
        missing = {"recordsIdsAdded": [], "recordIdRemoved": [], "recordIdsMissing": ["1"]}
        harness.inject_fault(CHANGE_MEMBERS, "answer", status=200, body=missing, when="after", contains='ToRemove":["1"')
        report = harness.sync()
        assert (report.lists["MQL"]["removed"], report.exit_code) == (1, ExitCode.DONE)
        with harness.worker() as worker, worker.store.transaction() as tx:
            assert contacts.count(tx) == 6


def test_an_outcome_starts_without_contacts() -> None:
    assert (Outcome().written, Outcome().stages, Outcome().deleted) == (0, 0, 0)
