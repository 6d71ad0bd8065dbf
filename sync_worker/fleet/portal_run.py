"""One run of one portal: its settings, its worker, its result in the table."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from threading import Event, Lock
from typing import Final

import structlog

from sync_worker import log as log_format
from sync_worker.errors import ConfigurationError, ExitCode, StateBusy, SyncWorkerError
from sync_worker.fleet.fleet_portal import FleetPortal, RunKind
from sync_worker.fleet.model_cache import ModelCache
from sync_worker.fleet.portal_settings import build_portal_settings
from sync_worker.fleet.registry import Registry
from sync_worker.fleet.schedule import load_degradation, restore_schedule, save_degradation, schedule_next, schedule_retry
from sync_worker.service.cycle_runner import START, CycleRunner
from sync_worker.service.cycle_schedule import LONG, CycleSchedule
from sync_worker.service.dead_man import DeadManSwitch
from sync_worker.service.degraded_state import DegradedState
from sync_worker.service.failure_cause import find_cause
from sync_worker.service.health import Health
from sync_worker.service.metrics import ServiceMetrics
from sync_worker.service.scheduler import MAX_BACKLOG_PAGES, reevaluate
from sync_worker.settings import Settings
from sync_worker.sync.run_report import RunReport
from sync_worker.worker import Worker, build_worker

log = structlog.get_logger()

Observer = Callable[[RunKind, str, float], None]  # gets kind, outcome and seconds of each run
SAVE_SECONDS: Final = 1.0  # between two attempts to save a result while the database is away
JOBS: dict[RunKind, Callable[[Worker], RunReport]] = {
    RunKind.BACKFILL: lambda worker: worker.backfill(),
    RunKind.SYNC: lambda worker: worker.sync(),
    RunKind.REEVALUATION: reevaluate,
    RunKind.RESCAN: lambda worker: worker.backfill(),
}


class RunInterrupted(Exception):
    """The process stops; another one continues the run."""


@dataclass(slots=True, kw_only=True)
class PortalRunner:
    """Runs portals, each in the thread of the caller."""

    registry: Registry
    settings: Settings  # of this process
    clock: Callable[[], datetime]
    observe: Observer = lambda _kind, _outcome, _seconds: None
    models: ModelCache = field(default_factory=ModelCache)
    save_seconds: float = SAVE_SECONDS
    _active: set[_ActiveWorker] = field(default_factory=set)
    _lock: Lock = field(default_factory=Lock)
    _stopping: Event = field(default_factory=Event)

    def run(self, name: str) -> None:
        """Run a portal if it is due, and save what the run said; raises RunInterrupted if `interrupt` ended it."""
        portal = self.registry.find(name)
        if portal is None or portal.paused_at or portal.next_run_at > self.clock():
            return  # changed while the job was waiting
        started = self.clock()
        with structlog.contextvars.bound_contextvars(portal=name):
            if not self.registry.save_start(name, portal.next_run, started, find_place()):
                return
            ended = self._run_due(portal)
            self._save(lambda: self.registry.save_end(ended))
            log.info(
                "fleet.run_ended",
                job=portal.next_run,
                waited=round((started - portal.next_run_at).total_seconds(), 3),
                seconds=round((self.clock() - started).total_seconds(), 3),
                exit_code=ended.last.exit_code,
                next_run_at=ended.next_run_at.isoformat(),
            )

    def interrupt(self) -> None:
        """Let all active runs stop after their current batch."""
        self._stopping.set()
        with self._lock:
            active = list(self._active)
        for each in active:
            each.worker.interrupt()

    def release_leases(self) -> None:
        """Release the leases of runs that did not end in time; the process is about to end."""
        with self._lock:
            active = list(self._active)
        for each in active:
            each.worker.release_leases()

    def _run_due(self, portal: FleetPortal) -> FleetPortal:
        started = self.clock()
        patience = timedelta(minutes=self.settings.give_up_after_minutes)
        degradation = load_degradation(portal.failures, patience, started.timestamp())
        try:
            settings = build_portal_settings(self.settings, portal, self.registry.database)
        except SyncWorkerError as error:
            log.error("run.refused", job=portal.next_run, error=str(error))  # noqa: TRY400 -- a sentence, not a traceback
            is_final = degradation.add(error) is not None or portal.last.done_at is None
            delay = degradation.delay(error, self.settings.fixed_cycle or LONG)
            return self._fail(portal, self.settings, degradation, error, started=started, delay=delay, is_final=is_final)
        schedule = CycleSchedule(clock=self.clock, fixed=settings.fixed_cycle, max_daily_share=settings.max_daily_share)
        worker = replace(
            build_worker(settings, clock=self.clock, load_model=self.models.load),
            max_backlog_pages=MAX_BACKLOG_PAGES,
            on_report=schedule.add,
        )
        with worker, self._hold(worker):
            return self._run_worker(portal, worker, schedule, degradation)

    def _run_worker(self, portal: FleetPortal, worker: Worker, schedule: CycleSchedule, degradation: DegradedState) -> FleetPortal:
        started, settings, reports = self.clock(), worker.settings, list[RunReport]()

        def run_job(worker: Worker) -> RunReport:
            restore_schedule(schedule, worker)
            reports.append(report := JOBS[portal.next_run](worker))
            return report

        runner = CycleRunner(
            worker=worker,  # that which `interrupt` stops: a copy would have connections of its own
            degradation=degradation,
            health=Health(clock=self.clock, uptime=worker.uptime, cycle=schedule.choose(None).length),
            metrics=ServiceMetrics(self.clock),
            dead_man=DeadManSwitch(None),
            schedule=schedule,
        )
        try:
            result = runner.run(START, lambda each: self._claim(portal.name, each)) if portal.last.done_at is None else None
            if result is None or result.done:
                result = runner.run(portal.next_run, run_job)
        except ConfigurationError as error:  # at the start, where no later attempt can succeed
            log.error("run.refused", job=portal.next_run, error=str(error))  # noqa: TRY400 -- a sentence, not a traceback
            degradation.add(error)
            return self._fail(portal, settings, degradation, error, started=started, delay=timedelta(0), is_final=True)
        if isinstance(result.error, StateBusy) and portal.state_url is None:
            self._save(worker.release_leases)  # the run could not, and another process would have to wait until its lease is half over
        if result.error:
            is_final = result.final is not None
            return self._fail(portal, settings, degradation, result.error, started=started, delay=result.retry_in, is_final=is_final)
        if result.done:
            return self._finish(portal, worker, runner, reports[-1], started)
        if self._stopping.is_set():
            raise RunInterrupted
        return replace(portal, next_run_at=self.clock() + runner.choose_interval())  # `service pause` on the state of this portal

    def _claim(self, name: str, worker: Worker) -> None:
        info = worker.read_portal()
        self.registry.claim_portal(name, info.id)

    def _finish(self, portal: FleetPortal, worker: Worker, runner: CycleRunner, report: RunReport, started: datetime) -> FleetPortal:
        now, figures = self.clock(), runner.metrics.figures
        seconds = (now - started).total_seconds()
        last = replace(portal.last, finished_at=now, seconds=seconds, exit_code=int(report.exit_code), error=None, cause=None, done_at=now)
        if figures:
            last = replace(
                last,
                contacts=figures.contacts,
                mqls=figures.mqls,
                held_back=figures.held_back.contacts,
                read_to=min(figures.cursors.values(), default=None),
            )
        self.observe(portal.next_run, "done" if report.exit_code == ExitCode.DONE else "rejected", seconds)
        done = replace(portal, last=last, failures=save_degradation(runner.degradation))
        return schedule_next(done, worker, now, max(runner.choose_interval() - (now - started), timedelta(0)))

    def _fail(
        self,
        portal: FleetPortal,
        settings: Settings,
        degradation: DegradedState,
        error: SyncWorkerError,
        *,
        started: datetime,
        delay: timedelta,
        is_final: bool,
    ) -> FleetPortal:
        now, reason = self.clock(), log_format.redact_text(str(error))
        seconds = (now - started).total_seconds()
        cause = find_cause(error)
        last = replace(portal.last, finished_at=now, seconds=seconds, exit_code=int(error.exit_code), error=reason, cause=cause)
        self.observe(portal.next_run, cause, seconds)
        failed = replace(portal, last=last, failures=save_degradation(degradation))
        if is_final:
            log.error("fleet.portal_paused", error=reason, next=f"after a repair, `sync-worker fleet resume {portal.name}`")
            failed = replace(failed, paused_at=now, pause_reason=reason)
        return schedule_retry(failed, settings, error, now=now, delay=delay)

    @contextmanager
    def _hold(self, worker: Worker) -> Iterator[None]:
        active = _ActiveWorker(worker=worker)
        with self._lock:
            self._active.add(active)
        try:
            if self._stopping.is_set():
                raise RunInterrupted
            yield
        finally:
            with self._lock:
                self._active.discard(active)

    def _save(self, action: Callable[[], object]) -> None:
        """Repeat until the fleet's database responds: no run can start before, and a run that is not saved would be repeated."""
        while True:
            try:
                action()
            except StateBusy:
                if self._stopping.wait(self.save_seconds):
                    raise
            else:
                return


def find_place() -> str:
    """Return host and process of this worker."""
    return f"{socket.gethostname()}:{os.getpid()}"


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class _ActiveWorker:
    """A worker that runs; compared by identity."""

    worker: Worker
