"""The entry of a portal: its name, its condition, its lane; and when it runs next after an error."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from sync_worker.cli.output.fleet.portals import print_fleet_status
from sync_worker.errors import ConfigurationError, Unavailable, UnsafePlan
from sync_worker.fleet.database import FleetDatabase, state_schema
from sync_worker.fleet.fleet_portal import Failures, FleetPortal, Lane, LastRun, PortalCondition, RunKind, check_name
from sync_worker.fleet.fleet_status import FleetStatus
from sync_worker.fleet.schedule import load_degradation, save_degradation, schedule_retry
from sync_worker.settings import Settings

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
PORTAL = FleetPortal(name="acme", token="env:ACME", model="model.yaml", next_run_at=NOW)
DONE = replace(PORTAL, next_run=RunKind.SYNC, last=LastRun(done_at=NOW, seconds=1, contacts=100))
MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize("name", ["Acme", "1st", "a_b", "", "x" * 41, 'a"; DROP SCHEMA fleet'])
def test_a_name_that_is_no_name_of_a_schema_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match="is not a name"):
        check_name(name)


def test_two_names_have_two_schemas() -> None:
    names = ["a", "a-b", "ab", "a-b-", "x" * 40]
    assert len({state_schema(check_name(name)) for name in names}) == len(names)
    assert max(len(state_schema(name)) for name in names) < 64  # PostgreSQL cuts longer names


def test_the_condition_names_what_an_operator_must_know_first() -> None:
    failing = replace(DONE, failures=Failures(number=1, since=NOW))
    paused = replace(failing, paused_at=NOW)
    conditions = [each.condition for each in (PORTAL, DONE, failing, paused, replace(paused, is_running=True))]
    assert conditions == [
        PortalCondition.NEW,
        PortalCondition.OK,
        PortalCondition.FAILING,
        PortalCondition.PAUSED,
        PortalCondition.RUNNING,
    ]


def test_a_failed_backfill_is_repeated_and_a_failed_rescan_waits_while_changes_are_read() -> None:
    settings = Settings(rescan_every_days=7)
    backfill = schedule_retry(PORTAL, settings, Unavailable(), now=NOW, delay=MINUTE)
    assert (backfill.next_run, backfill.next_run_at) == (RunKind.BACKFILL, NOW + MINUTE)
    rescan = replace(DONE, next_run=RunKind.RESCAN)
    failed = schedule_retry(rescan, settings, Unavailable(), now=NOW, delay=MINUTE)
    assert (failed.next_run, failed.rescan_not_before) == (RunKind.SYNC, NOW + timedelta(hours=1))
    refused = schedule_retry(rescan, settings, UnsafePlan(), now=NOW, delay=MINUTE)
    assert refused.rescan_not_before == NOW + timedelta(days=7)


def test_failures_are_counted_across_processes() -> None:
    failures = Failures()
    for number in range(3):
        now = (NOW + number * MINUTE).timestamp()
        state = load_degradation(failures, timedelta(minutes=15), now)
        assert state.add(ConfigurationError()) is None
        failures = save_degradation(state)
    assert failures == Failures(since=NOW, fatal_since=NOW, number=3, fatal_number=3)
    late = load_degradation(failures, timedelta(minutes=15), (NOW + timedelta(minutes=20)).timestamp())
    assert late.add(ConfigurationError()) is not None


@pytest.mark.parametrize(
    ("url", "reason"),
    [(None, "not set"), ("sqlite:///fleet.db", "needs PostgreSQL"), ("nonsense", "not a database URL")],
)
def test_a_wrong_url_of_the_fleet_is_refused_with_an_example(url: str | None, reason: str) -> None:
    with pytest.raises(ConfigurationError, match=reason) as caught:
        FleetDatabase.connect(url)
    assert "postgresql+psycopg://" in str(caught.value)


def test_the_text_of_the_status_has_one_line_for_each_portal(capsys: pytest.CaptureFixture[str]) -> None:
    reason = "HubSpot does not accept the token. " * 10
    paused = replace(
        DONE, name="bolt", paused_at=NOW, pause_reason=reason, last=replace(DONE.last, kind=RunKind.SYNC, finished_at=NOW, exit_code=3)
    )
    print_fleet_status(FleetStatus(portals=[DONE, paused], workers=[], queued=dict.fromkeys(Lane, 0), now=NOW + MINUTE))
    heading, first, second, counts, workers = capsys.readouterr().out.splitlines()
    assert heading.split()[:3] == ["name", "last", "run"]
    assert first.split()[:2] == ["acme", "ok"]
    assert all(part in second for part in ("sync 60 s ago, exit 3", "`sync-worker fleet resume bolt`", reason.strip()))
    assert counts == "  2 portals: 1 paused, 1 ok"
    assert workers == "  no worker process was seen; `sync-worker fleet serve` starts one"
