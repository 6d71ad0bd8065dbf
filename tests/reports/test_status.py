from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from sync_worker.errors import ConfigurationError, ExitCode, Forbidden, NotFound
from sync_worker.progress import Progress
from sync_worker.reports.status import WorkerStatus
from tests.harness import MODEL, NOW, Harness


def test_the_status_of_an_empty_state_is_empty(harness: Harness) -> None:
    with harness.worker() as worker:
        status = worker.status()
    assert (status.portal_id, status.contacts, status.cursors, status.runs) == (None, 0, {}, [])
    assert status.pending.as_json() == {
        "contacts": 0,
        "stages": 0,
        "lists": {},
        "for_a_day_with_room": 0,
        "why": None,
        "held_back": {"contacts": 0, "groups": []},
        "rejected": [],
    }
    assert (status.model.approved_at, status.model.review_due) == (None, None)


def test_changes_waiting_for_approval_are_reported_with_the_reason(backfill_harness: Harness) -> None:
    with backfill_harness.worker() as worker:
        status = worker.status()
    assert status.contacts == 6
    assert status.pending.contacts == 0
    assert status.pending.lists["MQL"] == {"add": 3, "remove": 0}
    assert "sync-worker approve" in str(status.pending.reason)
    assert set(status.cursors.values()) == {"2026-11-20T12:00:00+00:00"}
    assert status.cursors.keys() >= {"contacts", "companies", "email_click", "page_view"}


def test_after_the_approval_nothing_is_pending_and_a_review_is_due(live_harness: Harness) -> None:
    with live_harness.worker() as worker:
        status = worker.status()
    assert (status.pending.contacts, status.pending.lists, status.pending.reason) == (0, {}, None)
    assert status.model.note == "looks right"
    assert status.model.approved_at == datetime(2026, 11, 20, 12, tzinfo=UTC)
    assert status.model.review_due == datetime(2027, 1, 19, 12, tzinfo=UTC)
    assert {(run.command, run.exit_code) for run in status.runs} == {("approve", 0), ("backfill", 0)}


def test_changes_that_were_not_written_are_pending(live_harness: Harness) -> None:
    live_harness.add_click("new", "p3@example.com")
    live_harness.sync(dry_run=True)
    live_harness.advance()
    live_harness.inject_fault("POST */batch/update", "withdraw_scope", name="crm.objects.contacts.write")
    with pytest.raises(Forbidden) as refused:
        live_harness.sync()
    with live_harness.worker() as worker:
        status = worker.status()
    assert status.pending.contacts == 1
    assert (status.runs[0].error, status.runs[0].exit_code) == (str(refused.value), ExitCode.REFUSED)


def test_foreign_list_members_are_not_pending(live_harness: Harness) -> None:
    mql = live_harness.portal.lists.find_by_name("MQL", "0-1")
    assert mql is not None
    mql.add([3], now=0)
    live_harness.backfill()
    with live_harness.worker() as worker:
        assert worker.status().pending.lists == {}


def test_stages_before_the_approval_and_mqls_above_the_daily_limit_are_counted(backfill_harness: Harness) -> None:
    with backfill_harness.worker() as worker:
        assert worker.status().pending.stages == 2
    backfill_harness.use_model(MODEL.replace("threshold: 20", "threshold: 20\n  new_per_day: 1"))
    backfill_harness.advance()
    backfill_harness.sync()
    with backfill_harness.worker() as worker:
        pending = worker.status().pending
    assert (pending.above_mql_quota, "the daily limit of new MQLs (2)" in str(pending.reason)) == (2, True)


def test_a_contact_that_no_longer_qualifies_does_not_wait_for_the_daily_limit(backfill_harness: Harness) -> None:
    limited = MODEL.replace("threshold: 20", "threshold: 20\n  new_per_day: 1")
    backfill_harness.use_model(limited)
    backfill_harness.advance()
    backfill_harness.sync()
    backfill_harness.use_model(limited.replace("threshold: 20", "threshold: 90").replace("is: Demo", "is: Other"))
    backfill_harness.advance()
    backfill_harness.sync()
    with backfill_harness.worker() as worker:
        waiting = worker.status().pending.above_mql_quota
    assert waiting == 0


def test_a_health_check_fails_when_no_run_has_completed_for_too_long(harness: Harness) -> None:
    hour = timedelta(hours=1)
    with harness.worker() as worker:
        assert worker.status(max_age=hour).stale == "No sync or backfill has finished yet."
        worker.backfill()
        assert worker.status(max_age=hour).stale is None
        harness.advance(50)
        worker.sync(dry_run=True)
        harness.advance(20)
        assert worker.status().stale is None
        assert worker.status(max_age=hour).stale == "The last sync or backfill finished 1:10:00 ago."


def test_a_first_backfill_that_an_error_ended_is_not_done_and_the_next_one_is_not_refused(harness: Harness) -> None:
    harness.settings |= {"judged_from_contacts": 2, "max_new_mqls_share": 1.0}
    harness.inject_fault("GET */objects/*/contacts", status=404, body="json")
    with pytest.raises(NotFound):
        harness.backfill()
    with harness.worker() as worker:
        status = worker.status(max_age=timedelta(hours=1))
    assert status.stale == "No sync or backfill has finished yet."
    assert [(run.done, run.exit_code) for run in status.runs] == [(False, ExitCode.REFUSED)]
    harness.clear_faults()
    assert harness.backfill().written == 6
    with harness.worker() as worker:
        assert worker.status(max_age=timedelta(hours=1)).stale is None


def test_an_active_run_is_healthy_regardless_of_its_duration(harness: Harness) -> None:
    statuses: list[WorkerStatus] = []

    class StatusProgress(Progress):
        def advance(self, what: str, number: int) -> None:
            del what, number
            with harness.worker() as other:
                statuses.append(other.status(max_age=timedelta(0)))

    harness.backfill(progress=StatusProgress())
    assert statuses
    assert {(each.stale, each.active_run is None) for each in statuses} == {(None, False)}


class TestExplain:
    """The explanation of one contact."""

    @pytest.mark.parametrize("email_or_id", ["1", "p1@example.com", "P1@Example.com"])
    def test_the_ledger_adds_up_to_the_score(self, live_harness: Harness, email_or_id: str) -> None:
        with live_harness.worker() as worker:
            explained = worker.explain(email_or_id).as_json()
        assert (explained["id"], explained["score"], explained["mql"], explained["reason"]) == ("1", 20, True, "by_score")
        assert sum(line["points"] for line in explained["ledger"]) == 20
        assert explained["adds_up"]
        assert explained["lists"] == ["Leads · hot", "MQL · by score", "MQL"]
        assert (explained["hubspot_shows_otherwise"], explained["lifecycle_stage"]) == ({}, "marketingqualifiedlead")

    def test_the_default_time_is_that_of_the_verdict_or_now_if_outdated(self, backfill_harness: Harness) -> None:
        backfill_harness.advance()
        with backfill_harness.worker() as worker:
            assert worker.explain("1").at == NOW
        backfill_harness.use_model(MODEL.replace("points: 10}", "points: 12}"))
        with backfill_harness.worker() as worker:
            explained = worker.explain("2")
        assert explained.at == backfill_harness.clock()
        assert explained.differences["lead_score"] == {"shown": "10", "should": "12"}

    def test_an_mql_by_score_was_not_an_mql_earlier(self, backfill_harness: Harness) -> None:
        backfill_harness.use_model(MODEL.replace("leave_below: 16", "leave_below: 10"))
        with backfill_harness.worker() as worker:
            now, before = worker.explain("1"), worker.explain("1", at=NOW - timedelta(days=1, milliseconds=1))
        assert (now.verdict.score, now.verdict.mql) == (20, True)
        assert (before.verdict.score, before.verdict.mql) == (13, False)

    def test_what_hubspot_shows_now_is_not_shown_as_of_another_time(self, live_harness: Harness) -> None:
        with live_harness.worker() as worker:
            before, later = (worker.explain("1", at=NOW + shift).as_json() for shift in (-timedelta(days=1), timedelta(days=400)))
        for explained in (before, later):
            assert (explained["hubspot_shows_otherwise"], explained["lists"], explained["lifecycle_stage"]) == ({}, [], None)
        assert before["mql_since"] is None
        assert (before["notes"], len(later["notes"])) == ([], 1)

    def test_an_unknown_contact_is_named_with_a_hint(self, backfill_harness: Harness) -> None:
        with backfill_harness.worker() as worker, pytest.raises(ConfigurationError, match=r"'nobody@example\.com'.* `sync-worker sync`"):
            worker.explain("nobody@example.com")
