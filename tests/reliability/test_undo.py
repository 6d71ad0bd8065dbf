"""Undo restores the values that a run replaced, except where they have changed since."""

from __future__ import annotations

from typing import Any

import pytest

from sync_worker.errors import ConfigurationError
from sync_worker.sync.run_report import RunReport
from tests.harness import MODEL, MQL, Harness

NAMES = ("lead_score", "lead_score_band", "lead_grade", "lead_mql_reason", "lead_score_reasons", "lead_score_model")


def property_values(harness: Harness) -> dict[int, dict[str, str | None]]:
    return {number: {name: harness.value(number, name) for name in NAMES} for number in range(1, 7)}


def list_members(harness: Harness) -> dict[str, list[int]]:
    return {name: harness.members(name) for name in ("MQL", "MQL · direct", "Leads · cold", "Leads · warm")}


def undo(harness: Harness, run: str, **options: Any) -> RunReport:
    with harness.worker() as worker:
        return worker.undo(run, **options)


def test_a_backfill_is_undone_to_the_last_value(harness: Harness) -> None:
    before = property_values(harness)
    run = harness.backfill().run_id
    assert property_values(harness) != before
    report = undo(harness, run)
    assert (report.written, property_values(harness)) == (6, before)


def test_restored_values_stay_until_the_model_desires_others(live_harness: Harness) -> None:
    before = property_values(live_harness)
    live_harness.use_model(MODEL.replace("points: 10}", "points: 12}"))
    run = live_harness.sync().run_id
    undo(live_harness, run)
    assert property_values(live_harness) == before
    live_harness.advance()
    again = live_harness.sync()
    assert (again.written, property_values(live_harness)) == (0, before)
    with live_harness.worker() as worker:
        rejected = worker.status().pending.rejected
    assert {id_ for id_, _ in rejected} == set(range(1, 7))
    assert all(run in reason for _, reason in rejected)
    live_harness.use_model(MODEL)
    assert live_harness.sync().written == 0
    assert property_values(live_harness) == before


def test_a_dry_run_writes_nothing_and_has_the_same_plan(live_harness: Harness) -> None:
    live_harness.submit_form("p3@example.com", "demo")
    run = live_harness.sync().run_id
    before = live_harness.digest()
    rehearsal = undo(live_harness, run, dry_run=True)
    assert live_harness.digest() == before
    assert rehearsal.plan.as_json() == undo(live_harness, run).plan.as_json()


def test_values_changed_by_users_since_the_run_are_left_alone(live_harness: Harness) -> None:
    live_harness.submit_form("p3@example.com", "demo")
    live_harness.submit_form("p4@example.com", "demo")
    run = live_harness.sync().run_id
    live_harness.edit_contact(3, lead_score="77")
    undo(live_harness, run)
    assert (live_harness.score(3), live_harness.value(3, "lead_score_band")) == (77, "cold")
    assert live_harness.score(4) == 0


def test_a_contact_that_undo_leaves_alone_is_not_listed_as_rejected(live_harness: Harness) -> None:
    for number in (3, 4):
        live_harness.submit_form(f"p{number}@example.com", "demo")
    run = live_harness.sync().run_id
    live_harness.archive_contact(3)
    assert undo(live_harness, run).written == 1
    with live_harness.worker() as worker:
        assert [id_ for id_, _ in worker.status().pending.rejected] == [4]


def test_list_members_are_restored_and_stages_stay(live_harness: Harness) -> None:
    before = list_members(live_harness)
    live_harness.submit_form("p3@example.com", "demo")
    run = live_harness.sync().run_id
    assert 3 in live_harness.members("MQL")
    report = undo(live_harness, run)
    assert list_members(live_harness) == before
    assert live_harness.value(3, "lifecyclestage") == MQL
    assert report.notes == [
        "Lifecycle stages not restored: 1. HubSpot moves stages forward only.",
        "Lists and stages need a new `sync-worker approve`.",
    ]
    live_harness.advance()
    assert (live_harness.sync().written, list_members(live_harness)) == (0, before)


def test_contacts_merged_or_deleted_since_the_run_are_skipped(live_harness: Harness) -> None:
    for number in (3, 4, 5):
        live_harness.submit_form(f"p{number}@example.com", "news")
    run = live_harness.sync().run_id
    live_harness.archive_contact(3)
    live_harness.merge_contacts(4, 1)
    report = undo(live_harness, run)
    assert report.rejected == []
    assert live_harness.score(5) == 10


def test_an_undo_can_be_undone(harness: Harness) -> None:
    run = harness.backfill().run_id
    after = property_values(harness)
    undo_run = undo(harness, run).run_id
    undo(harness, undo_run)
    assert property_values(harness) == after


def test_an_unknown_run_is_named_with_the_last_runs(backfill_harness: Harness) -> None:
    with pytest.raises(ConfigurationError, match=r"Run nonsense does not exist\. The last runs: \w+ \(backfill, 2026-11-20 12:00 UTC\)"):
        undo(backfill_harness, "nonsense")
