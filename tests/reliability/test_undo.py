"""What a run replaced can be put back, where nobody has changed it since."""

from __future__ import annotations

from typing import Any

import pytest

from sync_worker.errors import ConfigurationError
from sync_worker.sync.report import RunReport
from tests.harness import MODEL, MQL, World

NAMES = ("lead_score", "lead_score_band", "lead_grade", "lead_mql_reason", "lead_score_reasons", "lead_score_model")


def shown(world: World) -> dict[int, dict[str, str | None]]:
    return {number: {name: world.value(number, name) for name in NAMES} for number in range(1, 7)}


def lists(world: World) -> dict[str, list[int]]:
    return {name: world.members(name) for name in ("MQL", "MQL · direct", "Leads · cold", "Leads · warm")}


def undo(world: World, run: str, **options: Any) -> RunReport:
    with world.worker() as worker:
        return worker.undo(run, **options)


def test_a_backfill_is_undone_to_the_last_value(world: World) -> None:
    before = shown(world)
    run = world.backfill().run_id
    assert shown(world) != before
    report = undo(world, run)
    assert (report.written, shown(world)) == (6, before)


def test_what_was_put_back_stays_until_the_model_wants_something_else(approved: World) -> None:
    before = shown(approved)
    approved.use_model(MODEL.replace("points: 10}", "points: 12}"))
    run = approved.sync().run_id
    undo(approved, run)
    assert shown(approved) == before
    approved.later()
    again = approved.sync()
    assert (again.written, shown(approved)) == (0, before)
    with approved.worker() as worker:
        waiting = worker.status()["waiting"]
    assert {row["id"] for row in waiting["rejected"]} == {str(number) for number in range(1, 7)}
    assert all(run in row["reason"] for row in waiting["rejected"])
    approved.use_model(MODEL)
    assert approved.sync().written == 0
    assert shown(approved) == before


def test_a_dry_run_of_it_writes_nothing_and_says_what_the_real_one_then_does(approved: World) -> None:
    approved.submit("p3@example.com", "demo")
    run = approved.sync().run_id
    before = approved.digest()
    rehearsal = undo(approved, run, dry_run=True)
    assert approved.digest() == before
    assert rehearsal.plan.as_json() == undo(approved, run).plan.as_json()


def test_what_somebody_changed_since_is_left_alone(approved: World) -> None:
    approved.submit("p3@example.com", "demo")
    approved.submit("p4@example.com", "demo")
    run = approved.sync().run_id
    approved.edit(3, lead_score="77")
    undo(approved, run)
    assert (approved.score(3), approved.value(3, "lead_score_band")) == (77, "cold")
    assert approved.score(4) == 0


def test_members_of_lists_go_back_and_stages_stay(approved: World) -> None:
    before = lists(approved)
    approved.submit("p3@example.com", "demo")
    run = approved.sync().run_id
    assert 3 in approved.members("MQL")
    report = undo(approved, run)
    assert lists(approved) == before
    assert approved.value(3, "lifecyclestage") == MQL
    assert report.notes == [
        "1 lifecycle stages stay as they are: HubSpot moves them forward only.",
        "Lists and stages wait for `sync-worker approve` again.",
    ]
    approved.later()
    assert (approved.sync().written, lists(approved)) == (0, before)


def test_who_was_merged_or_deleted_since_is_no_obstacle(approved: World) -> None:
    for number in (3, 4, 5):
        approved.submit(f"p{number}@example.com", "news")
    run = approved.sync().run_id
    approved.archive(3)
    approved.merge(4, 1)
    report = undo(approved, run)
    assert report.rejected == []
    assert approved.score(5) == 10


def test_an_undo_can_be_undone(world: World) -> None:
    run = world.backfill().run_id
    after = shown(world)
    back = undo(world, run).run_id
    undo(world, back)
    assert shown(world) == after


def test_a_run_that_there_never_was_is_named_with_those_that_there_were(scored: World) -> None:
    with pytest.raises(ConfigurationError, match=r"no run nonsense\. The last ones: \w+ \(backfill, 2026-11-20 12:00 UTC\)"):
        undo(scored, "nonsense")
