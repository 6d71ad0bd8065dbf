from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sync_worker.errors import ConfigurationError, ExitCode, Forbidden
from sync_worker.progress import Progress
from sync_worker.reports.status import next_review
from tests.harness import MODEL, NOW, Harness


def test_the_status_of_an_empty_state_says_so(harness: Harness) -> None:
    with harness.worker() as worker:
        told = worker.status()
    assert (told["portal"], told["contacts"], told["cursors"], told["runs"]) == (None, 0, {}, [])
    assert told["waiting"] == {"contacts": 0, "stages": 0, "lists": {}, "for_a_day_with_room": 0, "why": None, "rejected": []}
    assert (told["model"]["approved_at"], told["model"]["review_due"]) == (None, None)


def test_changes_waiting_for_approval_are_reported_with_the_reason(backfill_harness: Harness) -> None:
    with backfill_harness.worker() as worker:
        told = worker.status()
    assert told["contacts"] == 6
    assert told["waiting"]["contacts"] == 0
    assert told["waiting"]["lists"]["MQL"] == {"add": 3, "remove": 0}
    assert "sync-worker approve" in told["waiting"]["why"]
    assert set(told["cursors"].values()) == {"2026-11-20T12:00:00+00:00"}
    assert told["cursors"].keys() >= {"contacts", "companies", "email_click", "page_view"}


def test_at_work_nothing_waits_and_the_next_review_is_named(live_harness: Harness) -> None:
    with live_harness.worker() as worker:
        told = worker.status()
    assert (told["waiting"]["contacts"], told["waiting"]["lists"], told["waiting"]["why"]) == (0, {}, None)
    assert told["model"]["note"] == "looks right"
    assert told["model"]["approved_at"] == "2026-11-20T12:00:00+00:00"
    assert told["model"]["review_due"] == "2027-01-19T12:00:00+00:00"
    assert {(run["command"], run["exit_code"]) for run in told["runs"]} == {("approve", 0), ("backfill", 0)}


def test_what_was_read_and_not_written_waits(live_harness: Harness) -> None:
    live_harness.add_click("new", "p3@example.com")
    live_harness.sync(dry_run=True)
    live_harness.advance()
    live_harness.deny("POST */batch/update")
    with pytest.raises(Forbidden) as refused:
        live_harness.sync()
    with live_harness.worker() as worker:
        told = worker.status()
    assert told["waiting"]["contacts"] == 1
    assert (told["runs"][0]["error"], told["runs"][0]["exit_code"]) == (str(refused.value), ExitCode.REFUSED)


def test_foreign_list_members_are_not_pending(live_harness: Harness) -> None:
    mql = live_harness.portal.lists.find_by_name("MQL", "0-1")
    assert mql is not None
    mql.add([3], now=0)
    live_harness.backfill()
    with live_harness.worker() as worker:
        assert worker.status()["waiting"]["lists"] == {}


def test_stages_that_wait_for_the_approval_and_mqls_that_wait_for_a_day_with_room_are_counted(backfill_harness: Harness) -> None:
    with backfill_harness.worker() as worker:
        assert worker.status()["waiting"]["stages"] == 2
    backfill_harness.use_model(MODEL.replace("threshold: 20", "threshold: 20\n  new_per_day: 1"))
    backfill_harness.advance()
    backfill_harness.sync()
    with backfill_harness.worker() as worker:
        waiting = worker.status()["waiting"]
    assert (waiting["for_a_day_with_room"], "2 contacts qualify and wait" in waiting["why"]) == (2, True)


def test_a_health_check_fails_when_no_run_has_completed_for_too_long(harness: Harness) -> None:
    hour = timedelta(hours=1)
    with harness.worker() as worker:
        assert worker.status(max_age=hour)["stale"] == "No run has come to its end yet."
        worker.backfill()
        assert worker.status(max_age=hour)["stale"] is None
        harness.advance(50)
        worker.sync(dry_run=True)
        harness.advance(20)
        assert worker.status()["stale"] is None
        assert worker.status(max_age=hour)["stale"] == "The last run that came to its end did so 1:10:00 ago."


def test_a_run_that_is_at_work_is_healthy_however_long_it_takes(harness: Harness) -> None:
    told: list[Any] = []

    class StatusProgress(Progress):
        def advance(self, what: str, number: int) -> None:
            del what, number
            with harness.worker() as other:
                told.append(other.status(max_age=timedelta(0)))

    harness.backfill(progress=StatusProgress())
    assert told
    assert {(each["stale"], each["under_way"] is None) for each in told} == {(None, False)}


@pytest.mark.parametrize(
    ("days", "due"), [(0, 60), (59, 60), (60, 60), (61, 60), (149, 60), (150, 150), (239, 150), (240, 240), (1000, 960)]
)
def test_a_model_review_is_due_after_60_days_and_then_every_90(days: int, due: int) -> None:
    put_to_work = datetime(2026, 1, 1, tzinfo=UTC)
    assert next_review(put_to_work, put_to_work + timedelta(days=days)) == put_to_work + timedelta(days=due)


class TestExplain:
    """Why one contact has its score."""

    @pytest.mark.parametrize("named", ["1", "p1@example.com", "P1@Example.com"])
    def test_every_line_of_the_ledger_and_that_they_add_up(self, live_harness: Harness, named: str) -> None:
        with live_harness.worker() as worker:
            told = worker.explain(named).as_json()
        assert (told["id"], told["score"], told["mql"], told["reason"]) == ("1", 20, True, "by_score")
        assert sum(line["points"] for line in told["ledger"]) == 20
        assert told["adds_up"]
        assert told["lists"] == ["Leads · hot", "MQL · by score", "MQL"]
        assert (told["hubspot_shows_otherwise"], told["lifecycle_stage"]) == ({}, "marketingqualifiedlead")

    def test_the_explanation_is_as_of_the_verdict_or_of_now_where_that_is_outdated(self, backfill_harness: Harness) -> None:
        backfill_harness.advance()
        with backfill_harness.worker() as worker:
            assert worker.explain("1").at == NOW
        backfill_harness.use_model(MODEL.replace("points: 10}", "points: 12}"))
        with backfill_harness.worker() as worker:
            told = worker.explain("2")
        assert told.at == backfill_harness.clock()
        assert told.differences["lead_score"] == {"shown": "10", "should": "12"}

    def test_an_mql_by_score_was_none_at_an_earlier_time(self, backfill_harness: Harness) -> None:
        backfill_harness.use_model(MODEL.replace("leave_below: 16", "leave_below: 10"))
        with backfill_harness.worker() as worker:
            now, before = worker.explain("1"), worker.explain("1", at=NOW - timedelta(days=1, milliseconds=1))
        assert (now.verdict.score, now.verdict.mql) == (20, True)
        assert (before.verdict.score, before.verdict.mql) == (13, False)

    def test_an_unknown_contact_is_named_with_a_hint(self, backfill_harness: Harness) -> None:
        with backfill_harness.worker() as worker, pytest.raises(ConfigurationError, match=r"'nobody@example\.com'.* `sync-worker sync`"):
            worker.explain("nobody@example.com")
