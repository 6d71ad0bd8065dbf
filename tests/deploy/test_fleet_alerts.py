"""Each symptom of a fleet fires exactly its alert, and a quiet fleet fires none. promtool evaluates the rules."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest
from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from sync_worker.fleet.fleet_portal import Failures, FleetPortal, Lane, LastRun, RunKind
from sync_worker.fleet.fleet_status import FleetStatus, FleetWorker
from sync_worker.fleet.metrics import FleetMetrics
from tests.deploy.alert_scenarios import STEP, Scenario, format_labels, grow, load_queries, load_rules, repeat, write_tests

ROOT: Final = Path(__file__).parents[2]
RULES: Final = ROOT / "deploy" / "prometheus" / "fleet-alerts.yaml"
RUNBOOK: Final = (ROOT / "deploy" / "runbook.md").read_text(encoding="utf-8")
PROMTOOL: Final = shutil.which("promtool")
JOB: Final = {"job": "sync-worker-fleet"}
TARGETS: Final = [{**JOB, "instance": f"worker-{number}:9736"} for number in (1, 2)]
NOW: Final = datetime(2026, 11, 20, 12, tzinfo=UTC)
ACME: Final = FleetPortal(
    name="acme", token="env:ACME", model="model.yaml", next_run_at=NOW, next_run=RunKind.SYNC, lane=Lane.SHORT, last=LastRun(done_at=NOW)
)
WORKER: Final = FleetWorker(place="host:1", version="1", short_runs=4, long_runs=1, started_at=NOW, seen_at=NOW)
LAST_DONE: Final = "sync_worker_fleet_portal_last_done_timestamp_seconds"


def make_metrics(portal: FleetPortal, *, at: datetime = NOW) -> FleetMetrics:
    metrics = FleetMetrics()
    metrics.set_status(FleetStatus(portals=[portal], workers=[WORKER], queued=dict.fromkeys(Lane, 0), now=at))
    return metrics


def lose_database() -> FleetMetrics:
    metrics = make_metrics(ACME)
    metrics.miss_status()
    return metrics


def read_series(metrics: FleetMetrics, *, fresh: bool = True, up: float = 1) -> dict[str, str]:
    """Return the series of both processes; with `fresh`, the last good run of the portal is always a moment ago."""
    found = {}
    for family in text_string_to_metric_families(generate_latest(metrics.registry).decode()):
        for sample in family.samples:
            for target in TARGETS:
                done = grow(STEP * 60) if fresh else repeat(60)
                found[sample.name + format_labels({**sample.labels, **target})] = done if sample.name == LAST_DONE else repeat(sample.value)
    return found | {f"up{format_labels(target)}": repeat(up) for target in TARGETS}


FAILING: Final = replace(ACME, last=LastRun(done_at=NOW, cause="token"), failures=Failures(number=3))
GIVEN_UP: Final = replace(FAILING, paused_at=NOW, pause_reason="the token is refused")
PAUSED: Final = replace(ACME, paused_at=NOW, pause_reason="paused by an operator")
BEHIND: Final = replace(ACME, next_run_at=NOW - timedelta(minutes=11))
PORTAL: Final = {**JOB, "portal": "acme"}
SYMPTOMS: Final[Mapping[str, tuple[dict[str, str], str | None, int, dict[str, str]]]] = {
    "quiet": (read_series(make_metrics(ACME)), None, 24, {}),
    "down": (read_series(make_metrics(ACME), up=0), "SyncWorkerFleetDown", 2, JOB),
    "database": (read_series(lose_database(), fresh=False), "SyncWorkerFleetDatabaseUnavailable", 6, JOB),
    "token": (read_series(make_metrics(FAILING), fresh=False), "SyncWorkerFleetPortalFails", 6, {**PORTAL, "cause": "token"}),
    "given up": (read_series(make_metrics(GIVEN_UP), fresh=False), "SyncWorkerFleetPortalFails", 6, {**PORTAL, "cause": "token"}),
    "paused": (read_series(make_metrics(PAUSED), fresh=False), None, 24, {}),
    "stale": (read_series(make_metrics(ACME), fresh=False), "SyncWorkerFleetPortalStale", 4, PORTAL),
    "behind": (read_series(make_metrics(BEHIND), fresh=False), "SyncWorkerFleetRunsWait", 6, {**JOB, "lane": "short"}),
    "held back": (
        read_series(make_metrics(replace(ACME, last=LastRun(done_at=NOW, held_back=4)))),
        "SyncWorkerFleetContactsHeldBack",
        7,
        PORTAL,
    ),
}


def test_each_alert_of_the_fleet_has_a_symptom_here_and_a_section_of_the_runbook_that_names_it() -> None:
    rules = load_rules(RULES)
    assert {rule["alert"] for rule in rules} == {alert for _, alert, _, _ in SYMPTOMS.values() if alert}
    headings = re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", RUNBOOK, re.MULTILINE | re.DOTALL)
    sections = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-"): body for heading, body in headings}
    for rule in rules:
        assert f"`{rule['alert']}`" in sections[rule["annotations"]["runbook"].partition("#")[2]], rule["alert"]


def test_each_metric_of_the_rules_and_the_dashboard_of_the_fleet_exists() -> None:
    queries = [*(rule["expr"] for rule in load_rules(RULES)), *load_queries("sync-worker-fleet.json")]
    used: set[str] = {name for query in queries for name in re.findall(r"sync_worker_\w+", query)}
    held_back = replace(ACME, last=LastRun(held_back=1))
    shown = b"".join(generate_latest(make_metrics(portal).registry) for portal in (FAILING, held_back))
    assert used <= set(re.findall(r"^\w+", shown.decode(), re.MULTILINE))


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is missing; Debian's package prometheus has it")
def test_each_symptom_of_a_fleet_fires_exactly_its_alert(tmp_path: Path) -> None:
    scenarios = [
        Scenario(name=name, series=series, alerts=[alert] if alert else [], eval_hours=[hours], labels=labels)
        for name, (series, alert, hours, labels) in SYMPTOMS.items()
    ]
    write_tests(tmp_path / "tests.yaml", scenarios, RULES)
    done = subprocess.run([PROMTOOL or "promtool", "test", "rules", tmp_path / "tests.yaml"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
