"""A worker process of the fleet: runs portals in two lanes until a signal stops it."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
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
from sync_worker.fleet.health import FleetHealth
from sync_worker.fleet.job_queue import DEAD_AFTER_SECONDS, HEARTBEAT_SECONDS, SCHEDULE_QUEUE, JobQueue, build_job_queue
from sync_worker.fleet.metrics import FleetMetrics
from sync_worker.fleet.portal_run import PortalRunner
from sync_worker.fleet.registry import Registry
from sync_worker.service.http_server import build_pages, serve_http
from sync_worker.service.scheduler import RELEASE_SECONDS, STOP_SECONDS
from sync_worker.settings import Settings

log = structlog.get_logger()

POLL_SECONDS: Final = 1.0  # a notification wakes a lane at once; this is for those that get lost
RESTART_SECONDS: Final = 5.0  # after the queue has failed, such as in an outage of the database
FIGURES_SECONDS: Final = 10.0


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
    exit_process: Callable[[int], object] = os._exit
    _stopped: asyncio.Event = field(default_factory=asyncio.Event)

    def serve(self) -> None:
        """Run until SIGTERM or SIGINT; active runs stop after their current batch and are queued again.

        Raises ConfigurationError if the database cannot be used.
        """
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
        queue = build_job_queue(database.connection_string, runner, connections=places + 2, clock=self.clock)
        with ExitStack() as stack:
            self._open_port(stack, health, metrics)
            async with queue.schedule.open_async(), queue.runs.open_async():
                log.info(
                    "fleet.started", version=__version__, fleet=database.location, short_runs=self.short_runs, long_runs=self.long_runs
                )
                tasks = self._start_lanes(queue)
                tasks.append(asyncio.create_task(self._watch(runner.registry, health, metrics)))
                await self._stopped.wait()
                await self._stop(runner, tasks)

    def _start_lanes(self, queue: JobQueue) -> list[asyncio.Task[None]]:
        lanes = [(queue.schedule, SCHEDULE_QUEUE, 1), (queue.runs, Lane.SHORT, self.short_runs), (queue.runs, Lane.LONG, self.long_runs)]
        return [asyncio.create_task(self._keep_running(app, name, places)) for app, name, places in lanes if places]

    async def _keep_running(self, app: App, queue: str, places: int) -> None:
        while not self._stopped.is_set():
            try:
                await app.run_worker_async(
                    queues=[queue],
                    name=f"{socket.gethostname()}:{os.getpid()}:{queue}",
                    concurrency=places,
                    delete_jobs="always",  # the table has the result
                    install_signal_handlers=False,
                    fetch_job_polling_interval=POLL_SECONDS,
                    update_heartbeat_interval=HEARTBEAT_SECONDS,
                    stalled_worker_timeout=DEAD_AFTER_SECONDS,
                )
            except ProcrastinateException as error:
                log.warning("fleet.lane_failed", lane=queue, error=f"{error} {error.__cause__ or ''}".strip(), next="tried again")
            await asyncio.sleep(RESTART_SECONDS)

    async def _watch(self, registry: Registry, health: FleetHealth, metrics: FleetMetrics) -> None:
        while True:
            try:
                figures = await asyncio.to_thread(registry.load_figures, self.clock())
            except SyncWorkerError as error:
                health.fail(str(error))
            else:
                health.confirm()
                metrics.set_figures(figures)
            await asyncio.sleep(FIGURES_SECONDS)

    async def _stop(self, runner: PortalRunner, tasks: list[asyncio.Task[None]]) -> None:
        stopping = asyncio.create_task(asyncio.to_thread(runner.interrupt))
        for task in tasks:
            task.cancel()
        _, pending = await asyncio.wait([stopping, *tasks], timeout=STOP_SECONDS)
        if not pending:
            log.info("fleet.stopped")
            return
        # Some runs wait for HubSpot or the database. Another process continues them once the heartbeats of this one are old.
        await asyncio.wait([asyncio.create_task(asyncio.to_thread(runner.release_leases))], timeout=RELEASE_SECONDS)
        log.warning("fleet.stopped", abandoned="the active runs did not end in time; other processes continue them")
        self.exit_process(0)

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
