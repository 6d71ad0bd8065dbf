"""Setup, backfill, dry run, approval and sync: the contents of the portal after each command."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest

from sync_worker.errors import ConfigurationError, ExitCode, ReportRequired
from sync_worker.sync.portal.setup import SetupPlan
from sync_worker.sync.run_report import RunReport
from tests.harness import MODEL, MQL, Harness, small_portal, start_harness

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


def list_members(harness: Harness) -> dict[str, list[int]]:
    return {name: harness.members(name) for name in LISTS}


def contact_scores(harness: Harness) -> dict[int, int]:
    return {number: harness.score(number) for number in SCORES}


def contact_stages(harness: Harness) -> list[str | None]:
    return [harness.value(number, "lifecyclestage") for number in SCORES]


def has_no_changes(report: RunReport) -> bool:
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


STAGES_BEFORE = ["lead", "subscriber", None, None, "salesqualifiedlead", "lead"]


@pytest.mark.parametrize("api_version", ["v3", "2026-09"])
def test_setup_backfill_approval_and_sync_over_either_api_version(tmp_path: Path, api_version: Literal["v3", "2026-09"]) -> None:
    with start_harness(tmp_path, api_version=api_version) as harness:
        first = harness.backfill()
        assert (first.evaluated, first.plan.contacts, first.written, first.exit_code) == (6, 6, 6, ExitCode.DONE)
        assert contact_scores(harness) == SCORES
        assert (list_members(harness), contact_stages(harness)) == (EMPTY, STAGES_BEFORE)
        assert harness.approve().stages == 2
        assert (list_members(harness), contact_stages(harness)) == (LISTS, [MQL, MQL, None, None, "salesqualifiedlead", "lead"])
        assert has_no_changes(harness.backfill())
        assert has_no_changes(harness.sync())


def test_a_contact_shows_score_grade_and_reasons(backfill_harness: Harness) -> None:
    values = {name: value for name, value in backfill_harness.contact(1).items() if name.startswith("lead_")}
    assert values.pop("lead_score_model").startswith("Small · ")
    assert values == {
        "lead_score": "20",
        "lead_score_band": "hot",
        "lead_grade": "C",
        "lead_score_trend": "rising",
        "lead_mql_reason": "by_score",
        "lead_score_reasons": "20 of 30 points\n"
        "+10 for 2 clicks in 2 marketing emails, last on 19 Nov\n+10 for 5 views of 1 page, last on 19 Nov",
        "lead_grade_reasons": "C based on 1 of 2 criteria\nD: the start of every contact\n✓ size (+3)\n? role",
    }
    assert backfill_harness.value(2, "lead_mql_reason") == "demo"
    assert backfill_harness.value(3, "lead_mql_reason") is None


def test_a_second_run_over_an_unchanged_portal_writes_nothing(backfill_harness: Harness) -> None:
    before, written = backfill_harness.digest(), len(backfill_harness.portal.recent_changes(10**6))
    second_backfill, sync = backfill_harness.backfill(), backfill_harness.sync()
    assert [report.written + report.plan.contacts + report.evaluated for report in (second_backfill, sync)] == [0, 0]
    assert second_backfill.pulled["contacts"] == 6
    assert (backfill_harness.digest(), len(backfill_harness.portal.recent_changes(10**6))) == (before, written)


@pytest.mark.parametrize("command", ["backfill", "sync"])
def test_a_dry_run_writes_nothing_and_shows_what_the_real_run_then_writes(harness: Harness, command: Literal["backfill", "sync"]) -> None:
    before = harness.digest()
    preview = getattr(harness, command)(dry_run=True)
    assert (harness.digest(), harness.contacts_written()) == (before, set())
    assert (preview.written, preview.dry_run) == (0, True)
    real = getattr(harness, command)()
    assert preview.plan.as_json() == real.plan.as_json()
    assert preview.withheld == real.withheld
    assert real.written == preview.plan.contacts == 6


def test_a_dry_run_after_approval_includes_lists_and_stages(live_harness: Harness) -> None:
    live_harness.submit_form("p3@example.com", "demo")
    live_harness.opt_out(1)
    before = live_harness.digest()
    preview = live_harness.sync(dry_run=True)
    assert live_harness.digest() == before
    real = live_harness.sync()
    assert real.plan.as_json() == preview.plan.as_json()
    assert (real.plan.stages, real.lists["MQL"]) == (1, {"added": 1, "removed": 1})


def test_a_dry_run_leaves_the_state_so_that_a_second_one_shows_the_same(harness: Harness) -> None:
    assert harness.backfill(dry_run=True).plan.as_json() == harness.backfill(dry_run=True).plan.as_json()


def test_before_approval_no_list_and_no_stage_is_changed_and_the_run_says_so(backfill_harness: Harness) -> None:
    backfill_harness.advance()
    backfill_harness.submit_form("p3@example.com", "demo")
    report = backfill_harness.sync()
    assert (list_members(backfill_harness), contact_stages(backfill_harness)) == (EMPTY, STAGES_BEFORE)
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
    assert all("lifecyclestage" not in sample.properties for sample in report.plan.samples)


def test_an_approval_holds_for_one_model_only(live_harness: Harness) -> None:
    live_harness.use_model(MODEL.replace("points: 10}", "points: 12}"))
    with live_harness.worker() as worker:
        worker.setup()
    report = live_harness.sync()
    assert (report.approved, report.evaluated) == (False, 6)
    assert live_harness.score(2) == 12
    assert list_members(live_harness) == LISTS


def test_a_contact_that_is_no_longer_an_mql_leaves_the_lists_and_keeps_its_stage(live_harness: Harness) -> None:
    live_harness.opt_out(1)
    live_harness.sync()
    assert [name for name, members in list_members(live_harness).items() if 1 in members] == ["Leads · warm"]
    assert live_harness.value(1, "lifecyclestage") == MQL
    assert live_harness.value(1, "lead_mql_reason") is None
    assert has_no_changes(live_harness.sync())


def test_a_stage_is_set_once_and_a_manual_reset_is_respected(live_harness: Harness) -> None:
    live_harness.set_hubspot_values(1, lifecyclestage="lead")
    assert live_harness.sync().plan.stages == 0
    assert live_harness.value(1, "lifecyclestage") == "lead"


def test_foreign_members_are_kept_and_ours_are_restored(live_harness: Harness) -> None:
    cold_list = live_harness.portal.lists.find_by_name("Leads · cold", "0-1")
    assert cold_list is not None
    cold_list.add([1], now=0)
    cold_list.remove([3])
    live_harness.backfill()
    assert live_harness.members("Leads · cold") == [1, 3, 4]
    assert has_no_changes(live_harness.backfill())


def test_foreign_members_are_removed_if_the_model_requires_it(tmp_path: Path) -> None:
    with start_harness(tmp_path, model=MODEL.replace("threshold: 20", "threshold: 20\n  foreign_members: remove")) as harness:
        harness.backfill()
        harness.approve()
        cold_list = harness.portal.lists.find_by_name("Leads · cold", "0-1")
        assert cold_list is not None
        cold_list.add([1], now=0)
        harness.backfill()
        assert harness.members("Leads · cold") == [3, 4]


RENAMED_BAND_MODEL = MODEL.replace("name: warm", "name: tepid")


def test_the_list_of_a_removed_band_loses_the_members_that_the_worker_added(live_harness: Harness) -> None:
    old_list = live_harness.portal.lists.find_by_name("Leads · warm", "0-1")
    assert old_list is not None
    assert live_harness.members("Leads · warm") == [2, 5]
    old_list.add([4], now=0)  # a user added this contact
    live_harness.use_model(RENAMED_BAND_MODEL)
    live_harness.setup()
    assert live_harness.sync().withheld["Leads · warm"] == 2
    assert live_harness.approve().lists["Leads · warm"] == {"added": 0, "removed": 2}
    assert (live_harness.members("Leads · warm"), live_harness.members("Leads · tepid")) == ([4], [2, 5])
    live_harness.advance()
    assert live_harness.backfill().lists == {}
    assert live_harness.members("Leads · warm") == [4]


def test_the_list_of_a_removed_band_may_be_deleted_and_the_band_may_return(live_harness: Harness) -> None:
    old_list = live_harness.portal.lists.find_by_name("Leads · warm", "0-1")
    assert old_list is not None
    old_list.deleted_at = 1
    live_harness.use_model(RENAMED_BAND_MODEL)
    live_harness.setup()
    live_harness.approve()
    live_harness.use_model(MODEL)
    live_harness.setup()
    live_harness.advance()
    live_harness.sync()
    live_harness.approve()
    assert (live_harness.members("Leads · warm"), live_harness.members("Leads · tepid")) == ([2, 5], [])


def test_setup_creates_what_is_missing_and_repairs_what_was_changed(tmp_path: Path) -> None:
    with start_harness(tmp_path, ready=False) as harness, harness.worker() as worker:
        planned = worker.setup(dry_run=True)
        assert "lead_score" not in harness.portal.catalog()
        assert worker.setup() == planned
        assert [(step.action, step.kind) for step in planned.steps] == [("create", "group")] + [("create", "property")] * 11 + [
            ("create", "list")
        ] * 6
        assert worker.setup() == SetupPlan(steps=[], conflicts=[])
        bent = harness.portal.catalog().get("lead_score")
        assert bent is not None
        harness.portal.catalog().save(replace(bent, label="Points"))
        assert [(step.action, step.name, step.reason) for step in worker.setup().steps] == [("update", "lead_score", "label")]
        assert worker.setup().steps == []


def test_the_test_harness_sets_up_a_portal_as_setup_does(harness: Harness) -> None:
    with harness.worker() as worker:
        assert worker.setup() == SetupPlan(steps=[], conflicts=[])


def test_without_setup_a_run_says_what_to_do(tmp_path: Path) -> None:
    with start_harness(tmp_path, ready=False) as harness:
        with pytest.raises(ConfigurationError, match=r"lead_score.* Run `sync-worker setup` first"):
            harness.backfill()
        assert harness.contacts_written() == set()


def test_a_portal_without_contacts_needs_no_changes(tmp_path: Path) -> None:
    empty = small_portal(contacts=[], companies=[], email_events=[], events=[], forms=[], submissions=[])
    with start_harness(tmp_path, empty) as harness:
        assert has_no_changes(harness.backfill())
        with pytest.raises(ReportRequired, match="contains no contact"):
            harness.approve()
        harness.approve_unseen()
        assert has_no_changes(harness.sync())


def test_the_report_is_valid_json_without_email_addresses(backfill_harness: Harness) -> None:
    backfill_harness.advance()
    backfill_harness.add_click("new", "p3@example.com")
    done = backfill_harness.sync()
    report = done.anonymous_json()
    assert json.loads(json.dumps(done.as_json())) == done.as_json()
    assert (report["pulled"], report["evaluated"], report["changed"], report["written"], report["unchanged"]) == (6, 1, 1, 1, 0)
    assert report["requests_in_all"] == sum(report["requests"].values()) > 0
    assert report["cursor"]["before"]["contacts"] < report["cursor"]["after"]["contacts"]
    assert "@" not in json.dumps(report)


def test_a_plan_lists_its_first_changes(backfill_harness: Harness) -> None:
    backfill_harness.advance()
    backfill_harness.add_click("new", "p3@example.com")
    plan = backfill_harness.sync(dry_run=True).plan.as_json()
    assert plan["contacts"] == 1
    assert plan["samples"][0]["id"] == "3"
    assert plan["samples"][0]["changes"]["lead_score"] == {"from": "0", "to": "5"}
    assert plan["properties"] == {"lead_mql_blockers": 1, "lead_score": 1, "lead_score_reasons": 1, "lead_score_trend": 1}
