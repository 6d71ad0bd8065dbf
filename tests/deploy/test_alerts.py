"""Each symptom of the runbook fires exactly its alert; a day without faults fires none. promtool evaluates the rules."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.exposition import generate_latest

from sync_worker.hubspot.client import connect
from sync_worker.hubspot.rest.retry import RetryPolicy
from sync_worker.service.cycle_runner import CycleRunner
from sync_worker.service.cycle_schedule import CycleSchedule
from sync_worker.service.dead_man import DeadManSwitch
from sync_worker.service.degraded_state import DegradedState
from sync_worker.service.failure_cause import CAUSES
from sync_worker.service.health import Health
from sync_worker.service.metrics import ServiceMetrics
from sync_worker.store import leases
from sync_worker.store.writes.held_back import HeldBack, HeldBackGroup
from sync_worker.sync.run_report import RunReport
from tests.deploy.alert_scenarios import (
    RULES,
    STEP,
    TARGET,
    Scenario,
    format_labels,
    grow,
    hold,
    load_queries,
    load_rules,
    read_samples,
    repeat,
    write_tests,
)
from tests.harness import Harness, connect_without_search_limit, start_harness
from tests.service_factories import NOW, make_figures

ROOT = Path(__file__).parents[2]
FLEET_RULES = RULES.with_name("fleet-alerts.yaml")
RUNBOOK = (ROOT / "deploy" / "runbook.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", RUNBOOK, re.MULTILINE | re.DOTALL))
PROMTOOL = shutil.which("promtool")
needs_promtool = pytest.mark.skipif(PROMTOOL is None, reason="promtool is missing; Debian's package prometheus has it")


def make_metrics(**figures: Any) -> ServiceMetrics:
    metrics = ServiceMetrics(lambda: NOW)
    metrics.set_figures(make_figures(**figures))
    return metrics


def run_promtool(folder: Path, scenarios: list[Scenario]) -> None:
    file = folder / "tests.yaml"
    write_tests(file, scenarios)
    done = subprocess.run([PROMTOOL or "promtool", "test", "rules", str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def slug(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def test_each_alert_names_a_section_of_the_runbook_that_names_the_alert() -> None:
    sections = {slug(heading): body for heading, body in SECTIONS.items()}
    for rule in load_rules():
        path, _, anchor = rule["annotations"]["runbook"].partition("#")
        assert path == "deploy/runbook.md"
        assert f"`{rule['alert']}`" in sections[anchor].split("**Symptom:**")[0], rule["alert"]


def test_each_symptom_of_the_runbook_has_its_alert_its_cause_and_a_command() -> None:
    names = {rule["alert"] for rules in (RULES, FLEET_RULES) for rule in load_rules(rules)}
    for heading, body in SECTIONS.items():
        if "**Symptom:**" in body:
            alert = re.search(r"\*\*Alert:\*\* (.*?)\.\n", body)
            assert alert, heading
            assert set(re.findall(r"`(SyncWorker\w+)`", alert[1])) <= names
            assert "`" in body.split("**Symptom:**", 1)[1], heading


def test_each_cause_of_a_failure_has_an_alert() -> None:
    matchers = [matcher for rule in load_rules() for matcher in re.findall(r'cause=~?"([^"]+)"', rule["expr"])]
    assert sorted(cause for matcher in matchers for cause in matcher.split("|")) == sorted(CAUSES)


def test_each_metric_of_the_rules_and_the_dashboard_exists() -> None:
    metrics = make_metrics(held_back=HELD_BACK)
    metrics.add_report(make_quiet_report(0))
    with connect(token="pat-na1-x") as hubspot:
        hubspot.metrics.count_reply("GET /crm/lists", 200)
        metrics.watch(lambda: hubspot)
        known = set(re.findall(r"^\w+", generate_latest(metrics.registry).decode(), re.MULTILINE))
    queries = load_queries("sync-worker.json")
    used = {name for text in [*(rule["expr"] for rule in load_rules()), *queries] for name in re.findall(r"sync_worker_\w+", text)}
    assert used <= known


SANDBOX_CAUSES = {"token", "scope", "hubspot", "missing_object", "plan_refused", "other_worker", "bug"}  # injected below
CAUSE_ALERTS = {
    "token": "SyncWorkerTokenRefused",
    "scope": "SyncWorkerScopeMissing",
    "plan_refused": "SyncWorkerPlanRefused",
    "clock": "SyncWorkerClockWrong",
    "model": "SyncWorkerObjectMissing",
    "missing_object": "SyncWorkerObjectMissing",
    "daily_limit": "SyncWorkerDailyLimitUsedUp",
    "other_worker": "SyncWorkerOtherWorker",
    "database": "SyncWorkerDatabaseUnavailable",
    "state": "SyncWorkerStateUnusable",
    "resources": "SyncWorkerMachineExhausted",
    "import_pending": "SyncWorkerImportPending",
    "bug": "SyncWorkerCrashed",
    "hubspot": "SyncWorkerHubSpotUnavailable",
}


def fail_with(cause: str) -> dict[str, str]:
    metrics = make_metrics()
    metrics.set_failure(cause, 20)
    return hold(read_samples(metrics), fresh=False)


def change(**figures: Any) -> dict[str, str]:
    return hold(read_samples(make_metrics(**figures)))


def pause() -> dict[str, str]:
    metrics = make_metrics()
    metrics.set_paused(paused=True)
    return hold(read_samples(metrics), fresh=False)


def refuse_reload() -> dict[str, str]:
    metrics = make_metrics()
    metrics.set_reload(successful=False)
    return hold(read_samples(metrics))


def delay_mqls() -> dict[str, str]:
    metrics = make_metrics()
    metrics.add_report(RunReport(run_id="1", command="sync", dry_run=False, model="abc", freshness=[4_000.0]))
    samples = read_samples(metrics)
    late = {name: grow(value) for name, value in samples.items() if "freshness" in name}
    return {**hold(samples), **late}


def limit_rate() -> dict[str, str]:
    calls = {"sync_worker_requests_total": 100, "sync_worker_rate_limited_total": 20}
    return {**change(), **{f"{name}{format_labels(TARGET)}": grow(step) for name, step in calls.items()}}


def double_mqls() -> dict[str, str]:
    doubled = f"sync_worker_mqls{format_labels(TARGET)}"
    return {**change(), doubled: f"{repeat(100, 24)} {repeat(250, 6)}"}


def stop() -> dict[str, str]:
    return {f"up{format_labels(TARGET)}": f"{repeat(1, 1)} {repeat(0)}"}


WAITS = {"held back": 7, "hand-offs": 3, "left out": 7, "stale": 4, "paused": 25, "late MQLs": 7, "doubled MQLs": 25}  # hours
HELD_BACK = HeldBack(4, (HeldBackGroup("properties", "locked", 4, 0, None),))
SYMPTOMS: dict[str, tuple[Callable[[], dict[str, str]], str]] = {
    **{cause: (partial(fail_with, cause), alert) for cause, alert in CAUSE_ALERTS.items() if cause not in SANDBOX_CAUSES},
    "held back": (partial(change, held_back=HELD_BACK), "SyncWorkerContactsHeldBack"),
    "hand-offs": (partial(change, hand_offs_waiting=3), "SyncWorkerHandOffsWait"),
    "left out": (partial(change, left_out=1), "SyncWorkerDataLeftOut"),
    "review": (partial(change, review_overdue_days=2), "SyncWorkerReviewOverdue"),
    "stale": (lambda: hold(read_samples(make_metrics()), fresh=False), "SyncWorkerStale"),
    "paused": (pause, "SyncWorkerPaused"),
    "reload": (refuse_reload, "SyncWorkerReloadRefused"),
    "late MQLs": (delay_mqls, "SyncWorkerMqlsLate"),
    "429": (limit_rate, "SyncWorkerRateLimited"),
    "doubled MQLs": (double_mqls, "SyncWorkerMqlsUnusual"),
    "down": (stop, "SyncWorkerDown"),
}


def test_each_alert_has_a_symptom_here() -> None:
    injected = {alert for _, alert in (*SYMPTOMS.values(), *SANDBOX_SYMPTOMS.values()) if alert}
    assert injected == {rule["alert"] for rule in load_rules()}


@needs_promtool
def test_each_symptom_fires_exactly_its_alert(tmp_path: Path) -> None:
    scenarios = [
        Scenario(
            name=name,
            series=build(),
            alerts=[alert],
            eval_hours=[WAITS.get(name, 2)],
            labels={"job": "sync-worker"} if name == "down" else TARGET,
        )
        for name, (build, alert) in SYMPTOMS.items()
    ]
    run_promtool(tmp_path, scenarios)


@needs_promtool
def test_a_day_without_faults_fires_no_alert(tmp_path: Path) -> None:
    """Replay a day of cycles of five minutes, the nightly re-evaluation, and a full scan of two hours."""
    now = [NOW]
    metrics = ServiceMetrics(lambda: now[0])
    metrics.set_figures(make_figures())
    scrapes: list[dict[str, float]] = []
    last_done = 0.0
    for cycle in range(24 * 60 // STEP + 1):
        now[0] = NOW + timedelta(minutes=STEP * cycle)
        is_scan = 100 <= cycle < 124
        if not is_scan:
            last_done = STEP * 60.0 * cycle
            metrics.add_outcome("sync", "done")
            metrics.add_report(make_quiet_report(cycle))
        # promtool's clock starts in 1970.
        metrics.set_figures(make_figures(mqls=100 + cycle // 20, last_done=datetime.fromtimestamp(last_done, UTC)))
        scrapes.append({**read_samples(metrics), f"up{format_labels(TARGET)}": 1})
    series = {name: " ".join(f"{scrape.get(name, 0):g}" for scrape in scrapes) for name in scrapes[-1]}
    run_promtool(tmp_path, [Scenario(name="quiet", series=series, eval_hours=range(1, 25))])


def make_quiet_report(cycle: int) -> RunReport:
    report = RunReport(run_id=str(cycle), command="sync", dry_run=False, model="abc", evaluated=10, written=5)
    report.pulled["contacts"] = 10
    report.steps.seconds["read"] = 1.0
    report.freshness = [200.0] if cycle % 10 == 0 else []
    return report


# Faults of the sandbox.


@pytest.fixture(scope="module")
def harness(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harness]:
    with start_harness(tmp_path_factory.mktemp("alerts")) as started:
        started.backfill()
        started.connect_hubspot = partial(connect_without_search_limit, retry_policy=RetryPolicy(max_attempts=1))
        yield started


def run_cycle(harness: Harness) -> dict[str, float]:
    """Run one cycle of the service in this process; return its metrics."""
    metrics = ServiceMetrics(harness.clock)
    with harness.worker() as worker:
        runner = CycleRunner(
            worker=worker,
            degradation=DegradedState(patience=timedelta(minutes=15), uptime=lambda: 0.0),
            health=Health(clock=harness.clock, uptime=lambda: 0.0, cycle=timedelta(minutes=5)),
            metrics=metrics,
            dead_man=DeadManSwitch(None),
            schedule=CycleSchedule(clock=harness.clock, fixed=None, max_daily_share=0.1),
        )
        runner.run("sync", lambda each: each.sync())
    return read_samples(metrics)


def inject(harness: Harness, **fault: Any) -> dict[str, float]:
    harness.inject_fault("*", **fault)
    try:
        return run_cycle(harness)
    finally:
        harness.clear_faults()


def refuse_plan(harness: Harness) -> dict[str, float]:
    harness.settings["max_new_mqls"] = 0
    harness.create_contact(email="new@example.com")
    harness.submit_form("new@example.com", "demo")
    try:
        return run_cycle(harness)
    finally:
        del harness.settings["max_new_mqls"]


def hold_lease(harness: Harness) -> dict[str, float]:
    with harness.worker() as worker, worker.store.transaction() as tx:
        leases.acquire(tx, "other", holder="other:1", process="other|1|x", now=harness.now_ms(), expires_at=harness.now_ms() + 10**6)
    try:
        return run_cycle(harness)
    finally:
        with harness.worker() as worker, worker.store.transaction() as tx:
            leases.release(tx, "other")


def raise_bug(harness: Harness) -> dict[str, float]:
    harness.connect_hubspot, connect = lambda **_: {}["bug"], harness.connect_hubspot
    try:
        return run_cycle(harness)
    finally:
        harness.connect_hubspot = connect


SANDBOX_SYMPTOMS: dict[str, tuple[Callable[[Harness], dict[str, float]], str | None]] = {
    "no fault": (run_cycle, None),
    "401": (partial(inject, status=401, body="json"), "SyncWorkerTokenRefused"),
    "403": (partial(inject, status=403, body="json"), "SyncWorkerScopeMissing"),
    "502": (partial(inject, status=502), "SyncWorkerHubSpotUnavailable"),
    "400": (partial(inject, status=400, body="json"), "SyncWorkerObjectMissing"),
    "plan": (refuse_plan, "SyncWorkerPlanRefused"),
    "lease": (hold_lease, "SyncWorkerOtherWorker"),
    "bug": (raise_bug, "SyncWorkerCrashed"),
}


@needs_promtool
def test_each_fault_of_the_sandbox_fires_exactly_its_alert(harness: Harness, tmp_path: Path) -> None:
    scenarios = []
    for name, (cause, alert) in SANDBOX_SYMPTOMS.items():
        harness.advance(5)
        scenarios.append(Scenario(name=name, series=hold(cause(harness), fresh=alert is None), alerts=[alert] if alert else []))
    run_promtool(tmp_path, scenarios)
