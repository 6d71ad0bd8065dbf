"""The scheduler of `serve`: runs cycles one at a time, survives errors that may pass, and stops within ten seconds of a signal."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from time import monotonic
from types import FrameType
from typing import Final
from zoneinfo import ZoneInfo

import structlog
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from sync_worker import __version__
from sync_worker.errors import ConfigurationError, PortalBusy, SyncWorkerError, UnsafePlan
from sync_worker.resource_errors import find_exhaustion
from sync_worker.service.cycle_runner import START, CycleRunner, Job
from sync_worker.service.cycle_schedule import MAX as MAX_INTERVAL
from sync_worker.service.cycle_schedule import CycleSchedule
from sync_worker.service.dead_man import DeadManSwitch
from sync_worker.service.degraded_state import DegradedState, ServiceCrashed
from sync_worker.service.health import Health
from sync_worker.service.http_server import Page, build_pages, serve_http
from sync_worker.service.memory import release_memory
from sync_worker.service.metrics import ServiceMetrics
from sync_worker.service.reload import build_reloaded, list_changes
from sync_worker.settings import Settings
from sync_worker.sync.lease import Lease
from sync_worker.sync.run_report import RunReport
from sync_worker.worker import Worker

log = structlog.get_logger()

RESCAN_RETRY_INTERVAL: Final = timedelta(hours=1)
RENEWALS_PER_LEASE: Final = 4
MAX_BACKLOG_PAGES: Final = 50  # of changed contacts in one cycle, ten seconds; the next cycle follows at once
STOP_SECONDS: Final = 6.0  # how long a stop waits for the active run
RELEASE_SECONDS: Final = 1.0  # how long it then waits for the release of the leases


def serve(worker: Worker, load_settings: Callable[[], Settings], *, with_console: bool = False) -> None:
    """Run until SIGTERM or SIGINT; an active run stops after its current batch. SIGHUP reloads settings and model.

    With `with_console`, the port of the service has the console too.

    Raises the error that stopped the service: a broken configuration, another service, or an error that repeated for too long.
    """
    service = SyncScheduler(worker, load_settings=load_settings, with_console=with_console)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, service.stop)
    # A terminal sends SIGHUP when it is closed.
    signal.signal(signal.SIGHUP, service.stop if sys.stderr.isatty() else service.request_reload)
    service.run()


class SyncScheduler:
    """The jobs of one worker. Only one run is active at a time; another thread renews the lease of the service.

    The main thread only waits, so that it can answer a signal in every state.
    """

    def __init__(
        self,
        worker: Worker,
        *,
        load_settings: Callable[[], Settings],
        with_console: bool = False,
        stop_seconds: float = STOP_SECONDS,
        exit_process: Callable[[int], object] = os._exit,
    ) -> None:
        settings = worker.settings
        self._load_settings = load_settings
        self._with_console = with_console
        schedule = CycleSchedule(clock=worker.clock, fixed=settings.fixed_cycle, max_daily_share=settings.max_daily_share)
        self.health = Health(clock=worker.clock, uptime=worker.uptime, cycle=schedule.choose(None).length)
        self._runner = CycleRunner(
            worker=worker,
            degradation=DegradedState(patience=timedelta(minutes=settings.give_up_after_minutes), uptime=worker.uptime),
            health=self.health,
            metrics=ServiceMetrics(worker.clock),
            dead_man=DeadManSwitch(settings.ping_url.get_secret_value() if settings.ping_url else None),
            schedule=schedule,
        )
        self._runner.worker = replace(worker, progress=self.health, on_report=self._add_report, max_backlog_pages=MAX_BACKLOG_PAGES)
        self._stop_seconds = stop_seconds
        self._exit_process = exit_process
        self._stopped = threading.Event()
        self._reload_requested = threading.Event()
        self._woken = threading.Event()  # ends the wait of the start
        self._active = threading.Lock()  # held by the start and by each run
        self._failure: SyncWorkerError | None = None
        self._time_zone = ZoneInfo("UTC")  # of the portal
        self._stack = ExitStack()
        self._scheduler = BackgroundScheduler(
            executors={"default": ThreadPoolExecutor(1), "lease": ThreadPoolExecutor(1)},
            # Cycles missed during a long run are made up for by a single one.
            job_defaults={"coalesce": True, "misfire_grace_time": None, "max_instances": 1},
            timezone=UTC,
        )

    def _add_report(self, report: RunReport) -> None:
        self._runner.metrics.add_report(report)
        self._runner.schedule.add(report)

    @property
    def _worker(self) -> Worker:
        return self._runner.worker

    def run(self) -> None:
        """Run the jobs until stopped."""
        threading.Thread(target=self._start, name="start", daemon=True).start()
        while not self._stopped.wait(1):
            if self._reload_requested.is_set() and self._scheduler.get_job("sync"):
                self._reload_requested.clear()
                self._scheduler.add_job(self._reload)  # after the active run
        has_ended, has_started = self._active.acquire(timeout=self._stop_seconds), self._scheduler.running
        if has_started:
            self._scheduler.shutdown(wait=False)
        if has_ended:
            _run_with_timeout(self._stack.close)
            if has_started:  # else the error is all that there is to say: another service, or a port in use
                log.info("service.stopped")
        else:
            self._abandon_run()
        if self._failure:
            raise self._failure

    def stop(self, _number: int = 0, _frame: FrameType | None = None) -> None:
        """Stop the service; safe to call from a signal handler."""
        self._stopped.set()
        self._woken.set()
        # In a thread, because the interrupted code may hold a lock that `interrupt` needs.
        threading.Thread(target=self._worker.interrupt, name="stop", daemon=True).start()

    def request_reload(self, _number: int = 0, _frame: FrameType | None = None) -> None:
        """Check settings and model, and use them from the next cycle on; safe to call from a signal handler."""
        self._reload_requested.set()
        self._woken.set()

    def _reload(self) -> None:
        with self._active:
            if not self._stopped.is_set() and self._replace_worker():
                self._schedule_cycles(self._worker)

    def _replace_worker(self) -> bool:
        """Replace the worker by one with the current settings and model, or keep it and log the reason."""
        before = self._worker
        try:
            after = build_reloaded(before, self._load_settings)
        except SyncWorkerError as error:
            following = f"the service keeps its settings and the model {before.model.hash}"
            log.error("service.reload_refused", error=str(error), next=following)  # noqa: TRY400 -- a sentence, not a traceback
            self._runner.metrics.set_reload(successful=False)
            return False
        self._runner.worker = after
        self._runner.schedule.fixed = after.settings.fixed_cycle
        self._runner.schedule.max_daily_share = after.settings.max_daily_share
        self._runner.degradation.patience = timedelta(minutes=after.settings.give_up_after_minutes)
        self._stack.callback(after.close)
        before.close()
        self._runner.metrics.set_reload(successful=True)
        changed = list_changes(before.settings, after.settings)
        log.info("service.reloaded", model=after.model.hash, previous_model=before.model.hash, changed_settings=changed)
        return True

    def _abandon_run(self) -> None:
        # The run waits for HubSpot or the database. The state survives an end at any moment, and the next run resumes.
        _run_with_timeout(self._worker.release_leases)
        log.warning("service.stopped", abandoned="the active run did not end in time; the next one resumes")
        self._exit_process(int(self._failure.exit_code) if self._failure else 0)

    def _start(self) -> None:
        """Check the configuration, acquire the lease of the service, read the portal, and start the cycles.

        Until HubSpot answers, the service retries.
        """
        with self._active:
            try:
                lease = self._stack.enter_context(self._worker.hold_service())
                self._open_port()
                self.health.confirm_lease(lease.duration)
                renewal = IntervalTrigger(seconds=int(lease.duration.total_seconds() / RENEWALS_PER_LEASE))
                self._scheduler.add_job(lambda: self._renew(lease), renewal, executor="lease")
                self._scheduler.start()
                self._runner.refresh()
                self._schedule_until_done()
            except SyncWorkerError as error:
                self._fail(error)
            except Exception as error:
                log.exception("service.crashed")
                self._fail(find_exhaustion(error) or ServiceCrashed(f"The start failed ({type(error).__name__})."))

    def _open_port(self) -> None:
        settings = self._worker.settings
        if not settings.http_port:
            if self._with_console:
                raise ConfigurationError("The console needs a port, and SYNC_WORKER_HTTP_PORT is 0.", hint="Set it to a port such as 9736.")
            return
        self._runner.metrics.watch(lambda: self._worker.hubspot)
        try:
            self._stack.enter_context(self._serve_pages(build_pages(self.health, self._runner.metrics.registry)))
        except ConfigurationError as error:
            if self._with_console or "http_port" in settings.model_fields_set:
                raise
            # Several services on one machine have the same default; their scores are more important than their metrics.
            log.warning("service.no_port", error=str(error))

    def _serve_pages(self, pages: Mapping[str, Page]) -> AbstractContextManager[int]:
        settings = self._worker.settings
        if not self._with_console:
            return serve_http(settings.http_host, settings.http_port, pages)
        from sync_worker.service.console_server import read_facts, serve_console  # noqa: PLC0415 -- needs the extra `ui`

        def copy_worker(*, read_only: bool) -> Worker:
            return self._worker.copy(read_only=read_only)  # a reload replaces the worker

        return serve_console(settings, pages, copy_worker, lambda: read_facts(self.health, self._scheduler))

    def _schedule_until_done(self) -> None:
        while not self._stopped.is_set():
            result = self._runner.run(START, self._start_cycles)
            if result.done:
                return
            if result.final:
                self._fail(result.final)
            self._woken.wait(result.retry_in.total_seconds())
            self._woken.clear()
            if self._reload_requested.is_set() and not self._stopped.is_set():
                self._reload_requested.clear()
                self._replace_worker()

    def _start_cycles(self, worker: Worker) -> None:
        portal = worker.read_portal()
        worker.save_health(None)  # the errors of an earlier process are over
        self._time_zone = ZoneInfo(portal.time_zone)
        self._runner.schedule.restore(worker.load_cycle_usage(), self._time_zone)
        self._schedule_cycles(worker)
        log.info(
            "service.started",
            version=__version__,
            portal=portal.id,
            portal_time_zone=portal.time_zone,
            model=worker.model.hash,
            state=worker.store.location,
            cycle_seconds=int(self._runner.choose_interval().total_seconds()),
        )

    def _schedule_cycles(self, worker: Worker) -> None:
        settings, zone, now = worker.settings, self._time_zone, datetime.now(UTC)
        nightly = settings.reevaluate_at
        # Each cycle sets the time of the next one; the trigger is for one that did not.
        cycle = IntervalTrigger(seconds=int(MAX_INTERVAL.total_seconds()), start_date=now)
        self._add_job("sync", lambda each: each.sync(), cycle, next_run_time=now)
        self._add_job("re-evaluation", reevaluate, CronTrigger(hour=nightly.hour, minute=nightly.minute, second=5, timezone=zone))
        # Counted from the last full scan instead of the start, so that a frequently restarted service also rescans.
        rescan = timedelta(days=settings.rescan_every_days)
        due = max((worker.last_full_scan() or now) + rescan, now)
        self._add_job("rescan", lambda each: each.backfill(), IntervalTrigger(seconds=int(rescan.total_seconds()), start_date=due))

    def _add_job(self, name: str, job: Job, trigger: IntervalTrigger | CronTrigger, **options: datetime) -> None:
        self._scheduler.add_job(lambda: self._run_job(name, job), trigger, id=name, replace_existing=True, **options)

    def _run_job(self, name: str, job: Job) -> None:
        with self._active:
            if self._stopped.is_set():
                return
            started = monotonic()
            result = self._runner.run(name, job)
            release_memory(self._worker)
            if result.final:
                self._fail(result.final)
                return
            if result.error:
                self._repeat("sync", result.retry_in)
            elif name == "sync":
                self._repeat("sync", max(self._runner.choose_interval() - timedelta(seconds=monotonic() - started), timedelta(0)))
            if name == "rescan" and not result.done and not isinstance(result.error, UnsafePlan):
                # Only a rescan continues a rescan that failed, and the next one may be a week away.
                self._repeat("rescan", RESCAN_RETRY_INTERVAL)

    def _repeat(self, name: str, after: timedelta) -> None:
        if not self._stopped.is_set():
            self._scheduler.modify_job(name, next_run_time=datetime.now(UTC) + after)

    def _renew(self, lease: Lease) -> None:
        try:
            lease.renew()
        except PortalBusy as error:  # this process was suspended for longer than the lease
            self._fail(error)
        except SyncWorkerError as error:
            self.health.miss_lease(str(error))
            log.warning("service.lease_not_renewed", error=str(error), next="tried again")
        else:
            self.health.confirm_lease(lease.duration)

    def _fail(self, error: SyncWorkerError) -> None:
        self._failure = error
        self.stop()


def reevaluate(worker: Worker) -> RunReport:
    """Run the nightly cycle, and warn if the review of the model is overdue."""
    report = worker.sync()
    if days := worker.figures().review_overdue_days:
        log.warning("model.review_overdue", model=worker.model.hash, days=days, next="look at the results, then run `sync-worker review`")
    return report


def _run_with_timeout(action: Callable[[], object]) -> None:
    # The database may not respond; leases that are not released expire.
    thread = threading.Thread(target=action, name="release", daemon=True)
    thread.start()
    thread.join(RELEASE_SECONDS)
