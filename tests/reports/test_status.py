from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sync_worker.errors import ConfigurationError, ExitCode, Forbidden
from sync_worker.progress import Progress
from sync_worker.reports.status import next_review
from tests.harness import MODEL, NOW, World


def test_before_anything_was_done_the_status_says_so(world: World) -> None:
    with world.worker() as worker:
        told = worker.status()
    assert (told["portal"], told["contacts"], told["cursors"], told["runs"]) == (None, 0, {}, [])
    assert told["waiting"] == {"contacts": 0, "stages": 0, "lists": {}, "for_a_day_with_room": 0, "why": None, "rejected": []}
    assert (told["model"]["approved_at"], told["model"]["review_due"]) == (None, None)


def test_what_waits_for_the_approval_is_told_with_the_reason(scored: World) -> None:
    with scored.worker() as worker:
        told = worker.status()
    assert told["contacts"] == 6
    assert told["waiting"]["contacts"] == 0
    assert told["waiting"]["lists"]["MQL"] == {"add": 3, "remove": 0}
    assert "sync-worker approve" in told["waiting"]["why"]
    assert set(told["cursors"].values()) == {"2026-11-20T12:00:00+00:00"}
    assert told["cursors"].keys() >= {"contacts", "companies", "email_click", "page_view"}


def test_at_work_nothing_waits_and_the_next_review_is_named(approved: World) -> None:
    with approved.worker() as worker:
        told = worker.status()
    assert (told["waiting"]["contacts"], told["waiting"]["lists"], told["waiting"]["why"]) == (0, {}, None)
    assert told["model"]["note"] == "looks right"
    assert told["model"]["approved_at"] == "2026-11-20T12:00:00+00:00"
    assert told["model"]["review_due"] == "2027-01-19T12:00:00+00:00"
    assert {(run["command"], run["exit_code"]) for run in told["runs"]} == {("approve", 0), ("backfill", 0)}


def test_what_was_read_and_not_written_waits(approved: World) -> None:
    approved.click("new", "p3@example.com")
    approved.sync(dry_run=True)
    approved.later()
    approved.forbid("POST */batch/update")
    with pytest.raises(Forbidden) as refused:
        approved.sync()
    with approved.worker() as worker:
        told = worker.status()
    assert told["waiting"]["contacts"] == 1
    assert (told["runs"][0]["error"], told["runs"][0]["exit_code"]) == (str(refused.value), ExitCode.REFUSED)


def test_members_that_others_put_into_a_list_wait_for_nothing(approved: World) -> None:
    mql = approved.portal.lists.find_by_name("MQL", "0-1")
    assert mql is not None
    mql.add([3], now=0)
    approved.backfill()
    with approved.worker() as worker:
        assert worker.status()["waiting"]["lists"] == {}


def test_stages_that_wait_for_the_approval_and_mqls_that_wait_for_a_day_with_room_are_counted(scored: World) -> None:
    with scored.worker() as worker:
        assert worker.status()["waiting"]["stages"] == 2
    scored.use_model(MODEL.replace("threshold: 20", "threshold: 20\n  new_per_day: 1"))
    scored.later()
    scored.sync()
    with scored.worker() as worker:
        waiting = worker.status()["waiting"]
    assert (waiting["for_a_day_with_room"], "2 contacts qualify and wait" in waiting["why"]) == (2, True)


def test_a_health_check_is_told_when_nothing_has_come_to_its_end_for_too_long(world: World) -> None:
    hour = timedelta(hours=1)
    with world.worker() as worker:
        assert worker.status(max_age=hour)["stale"] == "No run has come to its end yet."
        worker.backfill()
        assert worker.status(max_age=hour)["stale"] is None
        world.later(50)
        worker.sync(dry_run=True)
        world.later(20)
        assert worker.status()["stale"] is None
        assert worker.status(max_age=hour)["stale"] == "The last run that came to its end did so 1:10:00 ago."


def test_a_run_that_is_at_work_is_healthy_however_long_it_takes(world: World) -> None:
    told: list[Any] = []

    class Look(Progress):
        def advance(self, what: str, number: int) -> None:
            del what, number
            with world.worker() as other:
                told.append(other.status(max_age=timedelta(0)))

    world.backfill(progress=Look())
    assert told
    assert {(each["stale"], each["under_way"] is None) for each in told} == {(None, False)}


@pytest.mark.parametrize(
    ("days", "due"), [(0, 60), (59, 60), (60, 60), (61, 60), (149, 60), (150, 150), (239, 150), (240, 240), (1000, 960)]
)
def test_a_model_is_looked_at_after_60_days_and_then_every_90(days: int, due: int) -> None:
    put_to_work = datetime(2026, 1, 1, tzinfo=UTC)
    assert next_review(put_to_work, put_to_work + timedelta(days=days)) == put_to_work + timedelta(days=due)


class TestExplain:
    """Why one contact has its score."""

    @pytest.mark.parametrize("named", ["1", "p1@example.com", "P1@Example.com"])
    def test_every_line_of_the_ledger_and_that_they_add_up(self, approved: World, named: str) -> None:
        with approved.worker() as worker:
            told = worker.explain(named).as_json()
        assert (told["id"], told["score"], told["mql"], told["reason"]) == ("1", 20, True, "by_score")
        assert sum(line["points"] for line in told["ledger"]) == 20
        assert told["adds_up"]
        assert told["lists"] == ["Leads · hot", "MQL · by score", "MQL"]
        assert (told["hubspot_shows_otherwise"], told["lifecycle_stage"]) == ({}, "marketingqualifiedlead")

    def test_it_is_judged_as_of_its_verdict_and_anew_where_that_no_longer_stands(self, scored: World) -> None:
        scored.later()
        with scored.worker() as worker:
            assert worker.explain("1").at == NOW
        scored.use_model(MODEL.replace("points: 10}", "points: 12}"))
        with scored.worker() as worker:
            told = worker.explain("2")
        assert told.at == scored.clock()
        assert told.differences["lead_score"] == {"shown": "10", "should": "12"}

    def test_who_became_an_mql_by_score_later_was_none_before(self, scored: World) -> None:
        scored.use_model(MODEL.replace("leave_below: 16", "leave_below: 10"))
        with scored.worker() as worker:
            now, before = worker.explain("1"), worker.explain("1", at=NOW - timedelta(days=1, milliseconds=1))
        assert (now.verdict["score"], now.verdict["mql"]) == (20, True)
        assert (before.verdict["score"], before.verdict["mql"]) == (13, False)

    def test_who_was_never_read_is_named_with_the_way_out(self, scored: World) -> None:
        with scored.worker() as worker, pytest.raises(ConfigurationError, match=r"'nobody@example\.com'.* `sync-worker sync`"):
            worker.explain("nobody@example.com")
