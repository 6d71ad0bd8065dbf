"""Values that HubSpot rejects or returns in another format."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sync_worker.errors import ExitCode
from sync_worker.hubspot.rest.error_responses import InvalidRequest
from sync_worker.sandbox.server import user_actions
from tests.harness import MQL, Harness


def remove_option(harness: Harness, name: str, value: str) -> None:
    """Remove an option as an administrator would."""
    catalog = harness.portal.catalog()
    definition = catalog.get(name)
    assert definition is not None
    catalog.save(replace(definition, options=tuple(option for option in definition.options if option.value != value)))


def test_an_invalid_value_is_listed_and_blocks_no_other_contact(harness: Harness) -> None:
    remove_option(harness, "lead_grade", "C")  # only contact 1 has it
    report = harness.backfill()
    assert (report.written, report.exit_code) == (6, ExitCode.SOME_REJECTED)
    assert report.rejected == [(1, "lead_grade: INVALID_OPTION")]
    assert harness.value(1, "lead_grade") is None
    assert [harness.score(number) for number in range(1, 7)] == [20, 10, 0, 0, 10, 20]


def test_an_invalid_value_does_not_block_the_stage_of_an_mql(harness: Harness) -> None:
    harness.backfill()
    harness.advance()
    remove_option(harness, "lead_grade", "C")
    harness.edit_contact(3, jobtitle="CTO")  # changes the grade to C
    harness.submit_form("p3@example.com", "demo")
    harness.approve()
    report = harness.sync()
    assert ([id_ for id_, _ in report.rejected], report.stages) == ([3], 1)
    assert (harness.value(3, "lead_mql_reason"), harness.value(3, "lifecyclestage")) == ("demo", MQL)
    harness.advance()
    assert harness.sync().plan.contacts == 0


def test_a_rejected_stage_does_not_block_the_other_properties(harness: Harness) -> None:
    harness.backfill()
    remove_option(harness, "lifecyclestage", MQL)
    report = harness.approve()
    assert report.rejected == [(1, "lifecyclestage: INVALID_OPTION"), (2, "lifecyclestage: INVALID_OPTION")]
    assert (report.stages, report.lists["MQL"]["added"]) == (0, 3)
    assert MQL not in {harness.value(number, "lifecyclestage") for number in range(1, 7)}


def test_a_rejected_value_waits_until_another_one_is_desired(harness: Harness) -> None:
    remove_option(harness, "lead_grade", "C")
    harness.backfill()
    second_report = harness.backfill()
    assert (second_report.plan.contacts, second_report.written, second_report.rejected) == (0, 0, [])
    assert (second_report.held_back.contacts, second_report.exit_code) == (1, ExitCode.SOME_REJECTED)
    with harness.worker() as worker:
        pending = worker.status().pending
    assert (pending.contacts, [id_ for id_, _ in pending.rejected]) == (0, [1])
    harness.advance()
    harness.set_hubspot_values(7, kind="companies", numberofemployees="3")  # the grade becomes F
    assert harness.sync().written == 1
    assert harness.value(1, "lead_grade") == "F"
    assert harness.sync().exit_code == ExitCode.DONE


def test_a_rejected_value_is_sent_again_after_setup_even_if_an_administrator_restored_the_option(harness: Harness) -> None:
    grade = harness.portal.catalog().get("lead_grade")
    assert grade is not None
    remove_option(harness, "lead_grade", "C")
    harness.backfill()
    harness.portal.catalog().save(grade)
    harness.setup()
    harness.advance()
    assert harness.sync().exit_code == ExitCode.DONE
    assert harness.value(1, "lead_grade") == "C"


def test_a_number_in_another_format_is_not_a_difference(backfill_harness: Harness) -> None:
    backfill_harness.advance()
    backfill_harness.set_hubspot_values(1, lead_score="20.0")
    report = backfill_harness.sync()
    assert (report.pulled["contacts"], report.plan.contacts) == (6, 0)


def test_a_deleted_managed_property_stops_the_run_with_a_hint(backfill_harness: Harness) -> None:
    backfill_harness.advance()
    backfill_harness.add_click("new", "p3@example.com")
    user_actions.archive_property(backfill_harness.portal, {"name": "lead_score_trend"})
    with pytest.raises(InvalidRequest, match="sync-worker setup"):
        backfill_harness.sync()
    backfill_harness.setup()
    assert backfill_harness.sync().written == 1
    assert backfill_harness.score(3) == 5
