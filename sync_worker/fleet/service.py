"""A worker process of the fleet: runs portals in two lanes until a signal stops it."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import structlog
from procrastinate import App
from procrastinate.exceptions import ProcrastinateException

from sync_worker import __version__
from sync_worker.errors import ConfigurationError, SyncWorkerError
from sync_worker.fleet.database import FleetDatabase
from sync_worker.fleet.fleet_portal import Lane
from sync_worker.fleet.fleet_status import FleetStatus, FleetWorker
from sync_worker.fleet.health import FleetHealth
from sync_worker.fleet.interval_settings import FleetIntervals
from sync_worker.fleet.job_queue import SCHEDULE_QUEUE, JobQueue, build_job_queue
from sync_worker.fleet.metrics import FleetMetrics
from sync_worker.fleet.portal_run import PortalRunner, find_place
from sync_worker.fleet.registry import Registry
from sync_worker.service.degraded_state import ServiceCrashed
from sync_worker.service.http_server import build_pages, serve_http
from sync_worker.service.scheduler import RELEASE_SECONDS
from sync_worker.settings import Settings

log = structlog.get_logger()

#: They report each attempt to reach the database, with tracebacks; the events `fleet.database_lost` and `fleet.lane_failed` say it once.
CHATTY_LOGGERS: Final = ("psycopg.pool", "procrastinate")


def utc_now() -> datetime:
    """Return the current time."""
    return datetime.now(UTC)


@dataclass(slots=True, kw_only=True)
class FleetService:
    """The lanes of one process, its health and its metrics."""

    settings: Settings
    short_runs: int  # at a time
    long_runs: int
    clock: Callable[[], datetime] = utc_now
    intervals: FleetIntervals = field(default_factory=FleetIntervals)
    exit_process: Callable[[int], object] = os._exit
    _stopped: asyncio.Event = field(default_factory=asyncio.Event)
    _failure: SyncWorkerError | None = None

    def serve(self) -> None:
        """Run until SIGTERM or SIGINT; active runs stop after their current batch and are queued again.

        Raises ConfigurationError if the database cannot be used, StateBusy if it does not respond at the start.
        """
        for name in CHATTY_LOGGERS:
            logging.getLogger(name).setLevel(logging.CRITICAL)
        places = self.short_runs + self.long_runs
        database = FleetDatabase.connect(self.settings.fleet_url, connections=places + 2)
        try:
            database.create_tables()
            asyncio.run(self._run(database, places))
        finally:
            database.close()

    async def _run(self, database: FleetDatabase, places: int) -> None:
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(places + 4, thread_name_prefix="fleet"))
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopped.set)
        metrics, health = FleetMetrics(), FleetHealth(clock=self.clock)
        runner = PortalRunner(registry=Registry(database=database), settings=self.settings, clock=self.clock, observe=metrics.add_run)
        queue = build_job_queue(database.connection_string, runner, connections=places + 2, clock=self.clock, intervals=self.intervals)
        with ExitStack() as stack:
            self._open_port(stack, health, metrics)
            async with queue.schedule.open_async(), queue.runs.open_async():
                log.info(
                    "fleet.started", version=__version__, fleet=database.location, short_runs=self.short_runs, long_runs=self.long_runs
                )
                tasks = self._start_lanes(queue, health)
                tasks.append(asyncio.create_task(self._watch(runner.registry, health, metrics)))
                for task in tasks:
                    task.add_done_callback(self._end_if_crashed)
                await self._stopped.wait()
                await self._stop(runner, tasks)
        if self._failure:
            raise self._failure

    def _start_lanes(self, queue: JobQueue, health: FleetHealth) -> list[asyncio.Task[None]]:
        lanes = [(queue.schedule, SCHEDULE_QUEUE, 1), (queue.runs, Lane.SHORT, self.short_runs), (queue.runs, Lane.LONG, self.long_runs)]
        return [asyncio.create_task(self._keep_running(app, name, places, health)) for app, name, places in lanes if places]

    async def _keep_running(self, app: App, lane: str, places: int, health: FleetHealth) -> None:
        while not self._stopped.is_set():
            healthy = asyncio.get_running_loop().call_later(2 * self.intervals.poll, health.lane_errors.pop, lane, None)
            error = "its connection has ended"
            try:
                await app.run_worker_async(
                    queues=[lane],
                    name=f"{find_place()}:{lane}",
                    concurrency=places,
                    delete_jobs="always",  # the table has the result
                    install_signal_handlers=False,
                    fetch_job_polling_interval=self.intervals.poll,
                    update_heartbeat_interval=self.intervals.heartbeat,
                    stalled_worker_timeout=self.intervals.dead_after,
                )
            except ProcrastinateException as failure:
                error = " ".join(f"{failure} {failure.__cause__ or ''}".split())
            healthy.cancel()
            health.lane_errors[lane] = error
            log.warning("fleet.lane_failed", lane=lane, error=error, next="tried again")
            await asyncio.sleep(self.intervals.restart)

    async def _watch(self, registry: Registry, health: FleetHealth, metrics: FleetMetrics) -> None:
        place, started = find_place(), self.clock()
        worker = FleetWorker(
            place=place, version=__version__, short_runs=self.short_runs, long_runs=self.long_runs, started_at=started, seen_at=started
        )
        while True:
            try:
                status = await asyncio.to_thread(self._look, registry, worker)
            except SyncWorkerError as error:
                if not health.error:
                    log.error("fleet.database_lost", error=str(error), next="no run starts until it responds")  # noqa: TRY400 -- a sentence, not a traceback
                health.fail(str(error))
                metrics.miss_status()
            else:
                if health.error and health.status:
                    log.info("fleet.database_back")
                health.confirm(status)
                metrics.set_status(status)
            await asyncio.sleep(self.intervals.look)

    def _look(self, registry: Registry, worker: FleetWorker) -> FleetStatus:
        registry.save_worker(worker)
        return registry.load_status(self.clock())

    def _end_if_crashed(self, task: asyncio.Task[None]) -> None:
        if task.cancelled() or self._stopped.is_set() or not (error := task.exception()):
            return
        log.error("fleet.crashed", exc_info=error)
        self._failure = ServiceCrashed(f"A part of the process crashed ({type(error).__name__}).", hint="Start it again.")
        self._stopped.set()

    async def _stop(self, runner: PortalRunner, tasks: list[asyncio.Task[None]]) -> None:
        stopping = asyncio.create_task(asyncio.to_thread(runner.interrupt))
        for task in tasks:
            task.cancel()
        _, pending = await asyncio.wait([stopping, *tasks], timeout=self.intervals.stop)
        if not pending:
            with suppress(SyncWorkerError):
                await asyncio.to_thread(runner.registry.remove_worker, find_place())
            log.info("fleet.stopped")
            return
        # Some runs wait for HubSpot or the database. Another process continues them once the heartbeats of this one are old.
        await asyncio.wait([asyncio.create_task(asyncio.to_thread(runner.release_leases))], timeout=RELEASE_SECONDS)
        log.warning("fleet.stopped", abandoned="the active runs did not end in time; other processes continue them")
        self.exit_process(int(self._failure.exit_code) if self._failure else 0)

    def _open_port(self, stack: ExitStack, health: FleetHealth, metrics: FleetMetrics) -> None:
        if not self.settings.http_port:
            return
        try:
            stack.enter_context(serve_http(self.settings.http_host, self.settings.http_port, build_pages(health, metrics.registry)))
        except ConfigurationError as error:
            if "http_port" in self.settings.model_fields_set:
                raise
            # Several processes of a machine have the same default.
            log.warning("service.no_port", error=str(error))
