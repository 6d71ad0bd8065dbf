"""Half a day of the service against the sandbox, with a moved clock: calls of an idle cycle, and the time from form to MQL."""

from __future__ import annotations

import logging
import random
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from statistics import mean

import structlog

from sync_worker.service.cycle_runner import CycleRunner
from sync_worker.service.cycle_schedule import CycleSchedule
from sync_worker.service.dead_man import DeadManSwitch
from sync_worker.service.degraded_state import DegradedState
from sync_worker.service.health import Health
from sync_worker.service.metrics import ServiceMetrics
from sync_worker.sync.run_report import RunReport
from tests.harness import Harness, start_harness

HOURS = 12  # from 13 o'clock in the portal, so eight hours of day and four of night
INDEX_LAG_SECONDS = 10.0


@dataclass(kw_only=True)
class SimulatedService:
    """A service whose cycles take as long as they really take, and whose waits take no time."""

    harness: Harness
    runner: CycleRunner
    reports: list[RunReport] = field(default_factory=list)
    submitted_at: dict[int, datetime] = field(default_factory=dict)  # by contact
    freshness: list[float] = field(default_factory=list)  # seconds

    def run(self, until: datetime, forms: list[datetime]) -> None:
        """Run cycles until a time; a new contact submits a form at each of the given times."""
        clock = self.harness.clock
        while clock() < until:
            started, real_start = clock(), time.monotonic()
            self.runner.run("sync", lambda worker: worker.sync())
            clock.advance(time.monotonic() - real_start)
            self._measure()
            following = max(started + self.runner.choose_interval(), clock())
            while forms and forms[0] <= following:
                self._submit(forms.pop(0))
            clock.advance((following - clock()).total_seconds())

    def _submit(self, at: datetime) -> None:
        clock = self.harness.clock
        clock.advance(max(0.0, (at - clock()).total_seconds()))
        email = f"form-{len(self.submitted_at)}@example.com"
        self.submitted_at[self.harness.create_contact(email=email)] = clock()
        self.harness.submit_form(email, "demo")

    def _measure(self) -> None:
        for mql in self.reports[-1].new_mqls:
            self.freshness.append((self.harness.clock() - self.submitted_at[mql.contact_id]).total_seconds())


@contextmanager
def simulate_service(*, fixed: timedelta | None = None) -> Iterator[SimulatedService]:
    """Yield a service on a portal whose model is approved; `fixed` replaces the adaptive interval."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    with tempfile.TemporaryDirectory() as folder, start_harness(Path(folder), index_lag_s=INDEX_LAG_SECONDS) as harness:
        harness.backfill()
        harness.approve()
        harness.advance(10)
        reports: list[RunReport] = []
        schedule = CycleSchedule(clock=harness.clock, fixed=fixed, max_daily_share=0.1)

        def add_report(report: RunReport) -> None:
            reports.append(report)
            schedule.add(report)

        with harness.worker() as worker:
            runner = CycleRunner(
                worker=replace(worker, on_report=add_report),
                degradation=DegradedState(patience=timedelta(minutes=15), uptime=lambda: 0.0),
                health=Health(clock=harness.clock, uptime=lambda: 0.0, cycle=timedelta(minutes=1)),
                metrics=ServiceMetrics(harness.clock),
                dead_man=DeadManSwitch(None),
                schedule=schedule,
            )
            yield SimulatedService(harness=harness, runner=runner, reports=reports)


def print_idle_calls() -> None:
    """Print the calls of an idle cycle, with the hourly and the two-hourly reads."""
    with simulate_service() as service:
        service.run(service.harness.clock() + timedelta(hours=HOURS), [])
    calls = [sum(report.requests.values()) for report in service.reports]
    print(f"{HOURS} idle hours: {len(calls)} cycles, {mean(calls):.1f} calls each (aim 8), at most {max(calls)}", flush=True)


def print_freshness() -> None:
    """Print the time from a submitted form to the MQL in HubSpot's list, with the adaptive interval and with five minutes."""
    for name, fixed in (("adaptive", None), ("five minutes", timedelta(minutes=5))):
        with simulate_service(fixed=fixed) as service:
            start = service.harness.clock()
            draw = random.Random(5)  # noqa: S311 -- the same forms for both
            forms = sorted(start + timedelta(seconds=draw.uniform(0, HOURS * 3600 - 600)) for _ in range(100))
            service.run(start + timedelta(hours=HOURS), forms)
        ordered = sorted(service.freshness)
        p50, p95 = (ordered[len(ordered) * percent // 100] for percent in (50, 95))
        print(f"form to MQL, {name:12}: p50 {p50:.0f} s, p95 {p95:.0f} s, {len(ordered)} of 100 forms", flush=True)
