"""The job queue on procrastinate: a periodic job queues the runs that are due, and the runs of dead processes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import structlog
from procrastinate import App, exceptions
from procrastinate.jobs import Job, Status
from procrastinate.retry import BaseRetryStrategy, RetryDecision
from procrastinate.tasks import Task

from sync_worker.errors import SyncWorkerError
from sync_worker.fleet.fleet_portal import FleetPortal
from sync_worker.fleet.interval_settings import FleetIntervals
from sync_worker.fleet.portal_run import PortalRunner, RunInterrupted
from sync_worker.fleet.queue_connector import QueueConnector

SCHEDULE_QUEUE: Final = "schedule"
EVERY_TWO_SECONDS: Final = "* * * * * */2"  # the sixth field is seconds
MAX_QUEUED: Final = 300  # runs that wait in a lane; the table has the others

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class RetryRun(BaseRetryStrategy):
    """Repeats a run that did not end: at once if its process stops, later if the fleet's database did not respond.

    Errors of a portal are no errors of its job: the table has when the portal runs next.
    """

    seconds: int

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision:  # noqa: ARG002 -- the interface
        """Return when the job is repeated."""
        return RetryDecision(retry_in={"seconds": 0 if isinstance(exception, RunInterrupted) else self.seconds})


@dataclass(frozen=True, slots=True, kw_only=True)
class JobQueue:
    """Two procrastinate apps on one pool of connections. Only the first has a periodic job, so each process defers it once."""

    schedule: App
    runs: App


def build_job_queue(
    conninfo: str, runner: PortalRunner, *, connections: int, clock: Callable[[], datetime], intervals: FleetIntervals
) -> JobQueue:
    """Return the queue of a fleet; nothing is opened yet."""
    connector = QueueConnector(conninfo=conninfo, connections=connections)
    queue = JobQueue(schedule=App(connector=connector), runs=App(connector=connector))

    @queue.runs.task(name="run_portal", retry=RetryRun(intervals.repeat))
    def run_portal(name: str) -> None:
        with log_errors("fleet.run_repeated", portal=name):
            runner.run(name)

    @queue.schedule.periodic(cron=EVERY_TWO_SECONDS)
    @queue.schedule.task(name="queue_due_runs", queue=SCHEDULE_QUEUE, queueing_lock=SCHEDULE_QUEUE)
    async def queue_due_runs(timestamp: int) -> None:  # noqa: ARG001 -- the queue passes it
        with log_errors("fleet.pass_failed"):
            await rescue_runs(queue.runs, intervals.dead_after)
            for portal in await asyncio.to_thread(runner.registry.load_due, clock(), MAX_QUEUED):
                await queue_run(run_portal, portal)

    return queue


@contextmanager
def log_errors(event: str, **values: str) -> Iterator[None]:
    """Log an error that ends a job; the queue repeats it and writes nothing."""
    try:
        yield
    except RunInterrupted:
        raise
    except (SyncWorkerError, exceptions.ProcrastinateException) as error:
        log.warning(event, error=f"{error} {error.__cause__ or ''}".strip(), **values)
        raise
    except Exception:
        log.exception(event, **values)
        raise


async def queue_run(task: Task[..., None, ...], portal: FleetPortal) -> None:
    """Queue the run of a portal that is due."""
    job = task.configure(queue=portal.lane, lock=portal.name, queueing_lock=portal.name, priority=portal.priority)
    with suppress(exceptions.AlreadyEnqueued):  # another process was faster
        await job.defer_async(name=portal.name)


async def rescue_runs(app: App, dead_after: float) -> None:
    """Queue the runs of processes without a heartbeat again; another process continues them. `dead_after` is in seconds."""
    for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=dead_after):
        # A dead pass needs no other one: the next is queued every two seconds.
        if job.queue != SCHEDULE_QUEUE and await _queue_again(app, job):
            log.warning("fleet.run_rescued", portal=job.lock, reason="its process has died")
        elif job.id is not None:
            await app.job_manager.finish_job_by_id_async(job.id, status=Status.FAILED, delete_job=True)
    await app.job_manager.prune_stalled_workers(dead_after)


async def _queue_again(app: App, job: Job) -> bool:
    try:
        await app.job_manager.retry_job(job, retry_at=datetime.now(UTC))
    except exceptions.UniqueViolation:  # the portal is in the queue already
        return False
    return True
