"""One attempt of a job of the service: run it, log its error, and record the result for health, metrics and the dead man's switch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog

from sync_worker.errors import ClockSkewed, ConfigurationError, ExitCode, FatalError, SyncWorkerError, UnsafePlan
from sync_worker.hubspot.client import ConnectionClosed
from sync_worker.resource_errors import find_exhaustion
from sync_worker.service.cycle_schedule import SHORT, CycleInterval, CycleSchedule
from sync_worker.service.dead_man import DeadManSwitch
from sync_worker.service.degraded_state import DegradedState, ServiceCrashed
from sync_worker.service.failure_cause import find_cause
from sync_worker.service.health import Health
from sync_worker.service.metrics import ServiceMetrics
from sync_worker.store.saved_state.service_cycle import CycleUsage
from sync_worker.sync.run_report import RunReport
from sync_worker.worker import Worker

START: Final = "start"

log = structlog.get_logger()

Job = Callable[[Worker], RunReport | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class CycleResult:
    """How an attempt ended. Without an error, it is done, was interrupted by a stop, or did not start because of a pause."""

    done: bool = False
    error: SyncWorkerError | None = None
    retry_in: timedelta = timedelta(0)  # after an error
    final: SyncWorkerError | None = None  # the error that ends the service


@dataclass(slots=True, kw_only=True)
class CycleRunner:
    """Runs the jobs of a worker, which a reload may replace. It has no thread of its own."""

    worker: Worker
    degradation: DegradedState
    health: Health
    metrics: ServiceMetrics
    dead_man: DeadManSwitch
    schedule: CycleSchedule
    _daily_limit: int | None = None
    _saved: tuple[CycleInterval, CycleUsage] | None = None

    def choose_interval(self) -> timedelta:
        """Return the time from the start of the last cycle to that of the next; health, metrics and `status` show it."""
        interval = self.schedule.choose(self._daily_limit)
        if self.schedule.is_restored and self._saved != (interval, self.schedule.usage):
            self.worker.save_cycle(int(interval.length.total_seconds()), interval.reason, self.schedule.usage)
            self._saved = interval, self.schedule.usage
        self.health.cycle = interval.length
        self.metrics.set_interval(interval)
        return interval.length

    def run(self, name: str, job: Job) -> CycleResult:
        """Run a job once, unless the service is paused. Raises ConfigurationError if the configuration is already broken at the start."""
        if name != START:
            if self._is_paused():
                return CycleResult()
            self.dead_man.report_start()
        self.health.is_running = True
        try:
            report = job(self.worker)
        except ConnectionClosed:
            log.info("run.interrupted", job=name)
            self.metrics.add_outcome(name, "interrupted")
            self.choose_interval()  # saves the calls of the run
            return CycleResult()
        except SyncWorkerError as error:
            if name == START and isinstance(error, ConfigurationError) and not isinstance(error, ClockSkewed):
                raise
            return self._fail(name, error)
        except Exception as error:
            exhausted = find_exhaustion(error)
            if exhausted is None:
                log.exception("run.crashed", job=name, next="the next cycle tries again")
            return self._fail(name, exhausted or ServiceCrashed(f"The run crashed ({type(error).__name__})."))
        finally:
            self.health.is_running = False
        return self._finish(name, report)

    def refresh(self) -> None:
        """Read the figures of the state for the metrics."""
        try:
            figures = self.worker.figures()
        except SyncWorkerError as error:
            log.warning("service.figures_not_read", error=str(error))
        else:
            self.metrics.set_figures(figures)
            self.health.last_done = figures.last_done

    def _is_paused(self) -> bool:
        try:
            since = self.worker.load_pause()
        except SyncWorkerError:
            return False  # the state does not respond; the run will find out why
        if (since is None) != (self.health.paused_since is None):
            log.info("service.paused" if since else "service.resumed")
        self.health.paused_since = since
        self.metrics.set_paused(paused=since is not None)
        return since is not None

    def _finish(self, name: str, report: RunReport | None) -> CycleResult:
        self._daily_limit = self.worker.daily_limit()
        if report is not None:
            self.metrics.add_outcome(name, "done" if report.exit_code == ExitCode.DONE else "rejected")
            self.dead_man.report_success(f"{name}: {report.pulled['contacts']} contacts read, {report.written} written")
            if self.degradation.clear():
                log.info("service.recovered", job=name)
                self.worker.save_health(None)
            self.health.error = None
            self.metrics.set_failure(None, 0)
            self.refresh()
        return CycleResult(done=True)

    def _fail(self, name: str, error: SyncWorkerError) -> CycleResult:
        is_first = self.degradation.since is None
        final = self.degradation.add(error)
        # A backlog continues at once, but not after a failure.
        retry_in = self.degradation.delay(error, self.choose_interval() or SHORT)
        self._log_error(name, error, f"tried again in {retry_in.total_seconds() / 60:g} min")
        if is_first:
            log.warning("service.degraded", error=str(error), gives_up_after_minutes=self.worker.settings.give_up_after_minutes)
        self.worker.save_health(str(error))
        self.health.error = str(error)
        cause = find_cause(error)
        self.metrics.add_outcome(name, cause)
        self.metrics.set_failure(cause, self.degradation.failures)
        self.dead_man.report_failure(str(error))
        if name != START:
            self.refresh()
        if final is not None:
            log.error("service.gave_up", error=str(final))
        return CycleResult(error=error, retry_in=retry_in, final=final)

    def _log_error(self, name: str, error: SyncWorkerError, following: str) -> None:
        if isinstance(error, ServiceCrashed):
            return  # logged with its traceback
        failures = self.degradation.failures
        if isinstance(error, UnsafePlan):
            # Nothing was written, and the next cycle may succeed. An operator has to decide, but the service can continue.
            log.error("plan.refused", job=name, error=str(error), failures=failures, next=following)
        elif isinstance(error, FatalError):
            log.error("run.refused", job=name, error=str(error), failures=failures, next=following)
        else:
            log.error("run.failed", job=name, error=str(error), failures=failures, next=following)
