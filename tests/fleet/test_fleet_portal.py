"""The entry of a portal: its name, its condition, its lane; and when it runs next after an error."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest

from sync_worker.cli.output.console import PlainConsole
from sync_worker.cli.output.fleet.portals import print_fleet_list, print_fleet_status
from sync_worker.errors import ConfigurationError, Unavailable, UnsafePlan
from sync_worker.fleet.database import FleetDatabase, state_schema
from sync_worker.fleet.fleet_portal import Failures, FleetPortal, Lane, LastRun, PortalCondition, RunKind, check_name
from sync_worker.fleet.fleet_status import FleetList, FleetStatus
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


REASON = "HubSpot does not accept the token. Create another one, and replace the file that has it."
PAUSED = replace(
    DONE,
    name="a-customer-in-a-city-with-a-long-name",
    paused_at=NOW,
    pause_reason=REASON,
    settings={"base_url": "http://127.0.0.1:80", "prefix": "other"},
    last=replace(DONE.last, finished_at=NOW, exit_code=3, error=REASON, contacts=1_234_567, mqls=12_345, held_back=17, read_to=NOW),
)
NIGHTLY = replace(PAUSED, name="bolt", paused_at=None, pause_reason=None, next_run=RunKind.REEVALUATION)
STATUS = FleetStatus(portals=[DONE, PAUSED], workers=[], queued=dict.fromkeys(Lane, 0), now=NOW + MINUTE)


def show(print_text: Callable[[PlainConsole], None], *, width: int | None = None) -> list[str]:
    """Return the lines on a terminal of a width, or without a terminal."""
    text = StringIO()
    print_text(PlainConsole(file=text, force_terminal=width is not None, width=width, color_system=None, highlight=False, soft_wrap=True))
    return [line.rstrip() for line in text.getvalue().splitlines()]


def test_the_text_of_the_status_has_one_line_for_each_portal_and_each_reason() -> None:
    heading, first, second, reason, way_out, counts, workers = show(lambda console: print_fleet_status(STATUS, console))
    assert heading.split()[:3] == ["name", "last", "run"]
    assert first.split()[:2] == ["acme", "ok"]
    assert second.split() == [PAUSED.name, "paused", "60", "s", "ago", "60", "s", "1,234,567", "12,345", "17"]
    assert reason == f"  paused   {PAUSED.name}: {REASON} (exit 3)"
    assert way_out.strip() == f"`sync-worker fleet resume {PAUSED.name}` ends the pause"
    assert (counts, workers) == (
        "  fleet    2 portals: 1 paused, 1 ok",
        "  workers  no worker process was seen; `sync-worker fleet serve` starts one",
    )


def test_on_a_terminal_of_80_columns_status_and_list_are_no_wider_and_complete() -> None:
    portals = [DONE, PAUSED, NIGHTLY]
    status = show(lambda console: print_fleet_status(replace(STATUS, portals=portals), console), width=80)
    entries = show(lambda console: print_fleet_list(FleetList(portals=portals), console), width=80)
    assert max(map(len, status + entries)) <= 80
    assert PAUSED.name in "".join(line.split(" ")[0] for line in status)  # in parts below each other
    assert REASON in " ".join(" ".join(status).split())
    assert f"{PAUSED.name} (paused)" in entries
    assert "settings    base_url: http://127.0.0.1:80, prefix: other" in "\n".join(entries)


def test_an_outage_of_many_portals_is_one_reason_and_all_can_be_resumed_at_once() -> None:
    portals = [replace(PAUSED, name=f"portal-{number}") for number in range(300)]
    lines = show(lambda console: print_fleet_status(replace(STATUS, portals=portals), console))
    (reason,) = (line for line in lines if REASON in line)
    assert "portal-0, portal-1, " in reason
    assert "portal-9 and 290 more: " in reason
    assert lines.count("           `sync-worker fleet resume --all` ends the pause") == 1


def test_an_empty_fleet_names_the_command_that_adds_a_portal() -> None:
    texts = [
        show(lambda console: print_fleet_status(replace(STATUS, portals=[]), console)),
        show(lambda console: print_fleet_list(FleetList(portals=[]), console)),
    ]
    assert ["fleet add" in lines[0] for lines in texts] == [True, True]
