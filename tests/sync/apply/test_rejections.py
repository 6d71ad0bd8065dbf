"""Values that HubSpot does not take, and values that it takes otherwise than they were sent."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sync_worker.errors import ExitCode
from sync_worker.hubspot.rest.error_responses import InvalidRequest
from sync_worker.sandbox.server import user_actions
from tests.harness import MQL, World


def without_option(world: World, name: str, value: str) -> None:
    """Let an administrator take an option away."""
    catalog = world.portal.catalog()
    definition = catalog.get(name)
    assert definition is not None
    catalog.save(replace(definition, options=tuple(option for option in definition.options if option.value != value)))


def test_one_bad_value_is_listed_and_does_not_stop_the_others(world: World) -> None:
    without_option(world, "lead_grade", "C")  # contact 1 has it, and nobody else
    report = world.backfill()
    assert (report.written, report.exit_code) == (6, ExitCode.SOME_REJECTED)
    ((number, reason),) = report.rejected
    assert number == 1
    assert "lead_grade" in reason or "allowed options" in reason
    assert world.value(1, "lead_grade") is None
    assert [world.score(number) for number in range(1, 7)] == [20, 10, 0, 0, 10, 20]


def test_a_bad_value_does_not_keep_an_mql_from_its_stage(world: World) -> None:
    world.backfill()
    world.later()
    without_option(world, "lead_grade", "C")
    world.edit(3, jobtitle="CTO")  # who becomes a C
    world.submit("p3@example.com", "demo")
    world.approve()
    report = world.sync()
    assert ([id_ for id_, _ in report.rejected], report.stages) == ([3], 1)
    assert (world.value(3, "lead_mql_reason"), world.value(3, "lifecyclestage")) == ("demo", MQL)
    world.later()
    assert world.sync().plan.contacts == 0


def test_a_stage_that_hubspot_does_not_take_keeps_back_itself_alone(world: World) -> None:
    catalog = world.portal.catalog()
    world.backfill()
    without_option(world, "lifecyclestage", MQL)
    report = world.approve()
    assert (report.stages, len(report.rejected) > 0, report.lists["MQL"]["added"]) == (0, True, 3)
    assert MQL not in {world.value(number, "lifecyclestage") for number in range(1, 7)}
    assert catalog.get("lifecyclestage") is not None


def test_what_was_refused_waits_until_something_else_is_desired(world: World) -> None:
    without_option(world, "lead_grade", "C")
    world.backfill()
    again = world.backfill()
    assert (again.plan.contacts, again.written, again.exit_code) == (0, 0, ExitCode.DONE)
    with world.worker() as worker:
        waiting = worker.status()["waiting"]
    assert (waiting["contacts"], [each["id"] for each in waiting["rejected"]]) == (0, ["1"])
    world.later()
    world.note(7, kind="companies", numberofemployees="3")  # the grade becomes F
    assert world.sync().written == 1
    assert world.value(1, "lead_grade") == "F"


def test_a_number_that_hubspot_writes_otherwise_is_the_same_number(scored: World) -> None:
    scored.later()
    scored.note(1, lead_score="20.0")
    report = scored.sync()
    assert (report.pulled["contacts"], report.plan.contacts) == (6, 0)


def test_a_property_of_ours_that_was_deleted_stops_the_run_with_the_way_out(scored: World) -> None:
    scored.later()
    scored.click("new", "p3@example.com")
    user_actions.archive_property(scored.portal, {"name": "lead_score_trend"})
    with pytest.raises(InvalidRequest, match="sync-worker setup"):
        scored.sync()
    scored.setup()
    assert scored.sync().written == 1
    assert scored.score(3) == 5
