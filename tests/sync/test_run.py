"""Backfill, dry run, second run, approval: what a portal shows after each."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest

from sync_worker.errors import ConfigurationError, ExitCode
from sync_worker.sync.report import RunReport
from tests.harness import MODEL, MQL, World, a_world, small_portal

LISTS = {
    "MQL": [1, 2, 5],
    "MQL · direct": [2, 5],
    "MQL · by score": [1],
    "Leads · cold": [3, 4],
    "Leads · warm": [2, 5],
    "Leads · hot": [1, 6],
}
EMPTY: dict[str, list[int]] = {name: [] for name in LISTS}
SCORES = {1: 20, 2: 10, 3: 0, 4: 0, 5: 10, 6: 20}


def lists(world: World) -> dict[str, list[int]]:
    return {name: world.members(name) for name in LISTS}


def scores(world: World) -> dict[int, int]:
    return {number: world.score(number) for number in SCORES}


def stages(world: World) -> list[str | None]:
    return [world.value(number, "lifecyclestage") for number in SCORES]


def nothing_to_do(report: RunReport) -> bool:
    plan = report.plan
    return (plan.contacts, plan.stages, plan.lists, report.written, report.stages, report.lists, report.withheld) == (
        0,
        0,
        {},
        0,
        0,
        {},
        {},
    )


BEFORE = ["lead", "subscriber", None, None, "salesqualifiedlead", "lead"]


@pytest.mark.parametrize("api_version", ["v3", "2026-09"])
def test_the_whole_story_over_either_version_of_the_api(tmp_path: Path, api_version: Literal["v3", "2026-09"]) -> None:
    with a_world(tmp_path, api_version=api_version) as world:
        first = world.backfill()
        assert (first.evaluated, first.plan.contacts, first.written, first.exit_code) == (6, 6, 6, ExitCode.DONE)
        assert scores(world) == SCORES
        assert (lists(world), stages(world)) == (EMPTY, BEFORE)
        assert world.approve().stages == 2
        assert (lists(world), stages(world)) == (LISTS, [MQL, MQL, None, None, "salesqualifiedlead", "lead"])
        assert nothing_to_do(world.backfill())
        assert nothing_to_do(world.sync())


def test_a_contact_shows_what_a_rep_must_know(scored: World) -> None:
    shown = {name: value for name, value in scored.contact(1).items() if name.startswith("lead_")}
    assert shown.pop("lead_score_model").startswith("Small · ")
    assert shown == {
        "lead_score": "20",
        "lead_score_band": "hot",
        "lead_grade": "C",
        "lead_score_trend": "rising",
        "lead_mql_reason": "by_score",
        "lead_score_reasons": "+10 clicked 2 marketing e-mails, last on 19 Nov\n+10 viewed 5 pages, last on 19 Nov",
        "lead_grade_reasons": "C on 1 of 2 criteria\n✓ size (+3)\n? role",
    }
    assert scored.value(2, "lead_mql_reason") == "demo"
    assert scored.value(3, "lead_mql_reason") is None


def test_a_second_run_over_an_unchanged_portal_writes_nothing(scored: World) -> None:
    before, written = scored.digest(), len(scored.portal.recent_changes(10**6))
    again, cycle = scored.backfill(), scored.sync()
    assert [report.written + report.plan.contacts + report.evaluated for report in (again, cycle)] == [0, 0]
    assert again.pulled["contacts"] == 6
    assert (scored.digest(), len(scored.portal.recent_changes(10**6))) == (before, written)


@pytest.mark.parametrize("command", ["backfill", "sync"])
def test_a_dry_run_writes_nothing_and_shows_what_the_real_run_then_writes(world: World, command: Literal["backfill", "sync"]) -> None:
    before = world.digest()
    rehearsal = getattr(world, command)(dry_run=True)
    assert (world.digest(), world.written_to()) == (before, set())
    assert (rehearsal.written, rehearsal.dry_run) == (0, True)
    real = getattr(world, command)()
    assert rehearsal.plan.as_json() == real.plan.as_json()
    assert rehearsal.withheld == real.withheld
    assert real.written == rehearsal.plan.contacts == 6


def test_a_dry_run_at_work_shows_lists_and_stages_too(approved: World) -> None:
    approved.submit("p3@example.com", "demo")
    approved.opt_out(1)
    before = approved.digest()
    rehearsal = approved.sync(dry_run=True)
    assert approved.digest() == before
    real = approved.sync()
    assert real.plan.as_json() == rehearsal.plan.as_json()
    assert (real.plan.stages, real.lists["MQL"]) == (1, {"added": 1, "removed": 1})


def test_a_dry_run_leaves_the_state_so_that_a_second_one_shows_the_same(world: World) -> None:
    assert world.backfill(dry_run=True).plan.as_json() == world.backfill(dry_run=True).plan.as_json()


def test_until_somebody_approved_no_list_and_no_stage_is_touched_and_the_run_says_so(scored: World) -> None:
    scored.later()
    scored.submit("p3@example.com", "demo")
    report = scored.sync()
    assert (lists(scored), stages(scored)) == (EMPTY, BEFORE)
    assert not report.approved
    assert report.withheld == {
        "MQL": 4,
        "MQL · direct": 3,
        "MQL · by score": 1,
        "Leads · cold": 1,
        "Leads · warm": 3,
        "Leads · hot": 2,
        "stages": 3,
    }
    assert all("lifecyclestage" not in sample["changes"] for sample in report.plan.samples)


def test_an_approval_holds_for_one_model_only(approved: World) -> None:
    approved.use_model(MODEL.replace("points: 10}", "points: 12}"))
    with approved.worker() as worker:
        worker.setup()
    report = approved.sync()
    assert (report.approved, report.evaluated) == (False, 6)
    assert approved.score(2) == 12
    assert lists(approved) == LISTS


def test_who_stops_being_an_mql_leaves_the_lists_and_keeps_the_stage(approved: World) -> None:
    approved.opt_out(1)
    approved.sync()
    assert [name for name, members in lists(approved).items() if 1 in members] == ["Leads · warm"]
    assert approved.value(1, "lifecyclestage") == MQL
    assert approved.value(1, "lead_mql_reason") is None
    assert nothing_to_do(approved.sync())


def test_a_stage_is_given_once_and_who_takes_it_back_is_respected(approved: World) -> None:
    approved.note(1, lifecyclestage="lead")
    assert approved.sync().plan.stages == 0
    assert approved.value(1, "lifecyclestage") == "lead"


def test_members_that_somebody_else_put_there_are_kept_and_ours_come_back(approved: World) -> None:
    cold = approved.portal.lists.find_by_name("Leads · cold", "0-1")
    assert cold is not None
    cold.add([1], now=0)
    cold.remove([3])
    approved.backfill()
    assert approved.members("Leads · cold") == [1, 3, 4]
    assert nothing_to_do(approved.backfill())


def test_members_that_somebody_else_put_there_are_removed_where_the_model_says_so(tmp_path: Path) -> None:
    with a_world(tmp_path, model=MODEL.replace("threshold: 20", "threshold: 20\n  foreign_members: remove")) as world:
        world.backfill()
        world.approve()
        cold = world.portal.lists.find_by_name("Leads · cold", "0-1")
        assert cold is not None
        cold.add([1], now=0)
        world.backfill()
        assert world.members("Leads · cold") == [3, 4]


RENAMED = MODEL.replace("name: warm", "name: tepid")


def test_the_list_of_a_band_that_is_no_more_is_emptied_of_whom_the_worker_put_there(approved: World) -> None:
    old = approved.portal.lists.find_by_name("Leads · warm", "0-1")
    assert old is not None
    assert approved.members("Leads · warm") == [2, 5]
    old.add([4], now=0)  # by somebody, who has a use for the list
    approved.use_model(RENAMED)
    approved.setup()
    assert approved.sync().withheld["Leads · warm"] == 2
    assert approved.approve().lists["Leads · warm"] == {"added": 0, "removed": 2}
    assert (approved.members("Leads · warm"), approved.members("Leads · tepid")) == ([4], [2, 5])
    approved.later()
    assert approved.backfill().lists == {}
    assert approved.members("Leads · warm") == [4]


def test_the_list_of_a_band_that_is_no_more_may_be_deleted_and_the_band_may_come_back(approved: World) -> None:
    old = approved.portal.lists.find_by_name("Leads · warm", "0-1")
    assert old is not None
    old.deleted_at = 1
    approved.use_model(RENAMED)
    approved.setup()
    approved.approve()
    approved.use_model(MODEL)
    approved.setup()
    approved.later()
    approved.sync()
    approved.approve()
    assert (approved.members("Leads · warm"), approved.members("Leads · tepid")) == ([2, 5], [])


def test_setup_makes_what_is_missing_and_mends_what_is_bent(tmp_path: Path) -> None:
    with a_world(tmp_path, ready=False) as world, world.worker() as worker:
        planned = worker.setup(dry_run=True)
        assert "lead_score" not in world.portal.catalog()
        assert worker.setup() == planned
        assert [(step["action"], step["what"]) for step in planned] == [("create", "group")] + [("create", "property")] * 8 + [
            ("create", "list")
        ] * 6
        assert worker.setup() == []
        bent = world.portal.catalog().get("lead_score")
        assert bent is not None
        world.portal.catalog().save(replace(bent, label="Points"))
        assert [(step["action"], step["name"], step["why"]) for step in worker.setup()] == [("mend", "lead_score", "label")]
        assert worker.setup() == []


def test_the_portals_of_these_tests_are_set_up_as_setup_does_it(world: World) -> None:
    with world.worker() as worker:
        assert worker.setup() == []


def test_without_setup_a_run_says_what_to_do(tmp_path: Path) -> None:
    with a_world(tmp_path, ready=False) as world:
        with pytest.raises(ConfigurationError, match=r"lead_score.* Run `sync-worker setup` first"):
            world.backfill()
        assert world.written_to() == set()


def test_a_portal_without_anybody_is_done_at_once(tmp_path: Path) -> None:
    empty = small_portal(contacts=[], companies=[], email_events=[], events=[], forms=[], submissions=[])
    with a_world(tmp_path, empty) as world:
        assert nothing_to_do(world.backfill())
        assert nothing_to_do(world.approve())
        assert nothing_to_do(world.sync())


def test_the_report_can_be_read_by_programs_and_holds_no_address(scored: World) -> None:
    scored.later()
    scored.click("new", "p3@example.com")
    report = scored.sync().as_json()
    assert json.loads(json.dumps(report)) == report
    assert (report["pulled"], report["evaluated"], report["changed"], report["written"], report["unchanged"]) == (6, 1, 1, 1, 0)
    assert report["requests_in_all"] == sum(report["requests"].values()) > 0
    assert report["cursor"]["before"]["contacts"] < report["cursor"]["after"]["contacts"]
    assert "@" not in json.dumps(report)


def test_a_plan_spells_out_its_first_changes(scored: World) -> None:
    scored.later()
    scored.click("new", "p3@example.com")
    plan = scored.sync(dry_run=True).plan.as_json()
    assert plan["contacts"] == 1
    assert plan["samples"][0]["id"] == "3"
    assert plan["samples"][0]["changes"]["lead_score"] == {"from": "0", "to": "5"}
    assert plan["properties"] == {"lead_score": 1, "lead_score_reasons": 1, "lead_score_trend": 1}
