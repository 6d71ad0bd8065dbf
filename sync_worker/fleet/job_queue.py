"""The job queue on procrastinate: a periodic job queues the runs that are due, and the runs of dead processes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import structlog
from procrastinate import App, PsycopgConnector, exceptions
from procrastinate.jobs import Job, Status
from procrastinate.retry import BaseRetryStrategy, RetryDecision

from sync_worker.fleet.portal_run import PortalRunner, RunInterrupted

SCHEDULE_QUEUE: Final = "schedule"
EVERY_TWO_SECONDS: Final = "* * * * * */2"  # the sixth field is seconds
MAX_QUEUED: Final = 500  # portals in one pass
HEARTBEAT_SECONDS: Final = 5.0
DEAD_AFTER_SECONDS: Final = 30.0  # without a heartbeat, a process is dead
RETRY_SECONDS: Final = 30

log = structlog.get_logger()


class RetryRun(BaseRetryStrategy):
    """Repeats a run that did not end: at once if its process stops, later if the fleet's database did not respond.

    Errors of a portal are no errors of its job: the table has when the portal runs next.
    """

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision:  # noqa: ARG002 -- the interface
        """Return when the job is repeated."""
        return RetryDecision(retry_in={"seconds": 0 if isinstance(exception, RunInterrupted) else RETRY_SECONDS})


@dataclass(frozen=True, slots=True, kw_only=True)
class JobQueue:
    """Two procrastinate apps on one pool of connections. Only the first has a periodic job, so each process defers it once."""

    schedule: App
    runs: App


def build_job_queue(conninfo: str, runner: PortalRunner, *, connections: int, clock: Callable[[], datetime]) -> JobQueue:
    """Return the queue of a fleet; nothing is opened yet."""
    connector = PsycopgConnector(conninfo=conninfo, min_size=1, max_size=connections)
    queue = JobQueue(schedule=App(connector=connector), runs=App(connector=connector))

    @queue.runs.task(name="run_portal", retry=RetryRun())
    def run_portal(name: str) -> None:
        runner.run(name)

    @queue.schedule.periodic(cron=EVERY_TWO_SECONDS)
    @queue.schedule.task(name="queue_due_runs", queue=SCHEDULE_QUEUE, queueing_lock=SCHEDULE_QUEUE)
    async def queue_due_runs(timestamp: int) -> None:  # noqa: ARG001 -- the queue passes it
        await rescue_runs(queue.runs)
        for portal in await asyncio.to_thread(runner.registry.load_due, clock(), MAX_QUEUED):
            job = run_portal.configure(queue=portal.lane, lock=portal.name, queueing_lock=portal.name, priority=portal.priority)
            try:
                await job.defer_async(name=portal.name)
            except exceptions.AlreadyEnqueued:
                continue  # another process was faster

    return queue


async def rescue_runs(app: App) -> None:
    """Queue the runs of dead processes again; another process continues them."""
    for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=DEAD_AFTER_SECONDS):
        # A dead pass needs no other one: the next is queued every two seconds.
        if job.queue != SCHEDULE_QUEUE and await _queue_again(app, job):
            log.warning("fleet.run_rescued", portal=job.lock, reason="its process has died")
        elif job.id is not None:
            await app.job_manager.finish_job_by_id_async(job.id, status=Status.FAILED, delete_job=True)
    await app.job_manager.prune_stalled_workers(DEAD_AFTER_SECONDS)


async def _queue_again(app: App, job: Job) -> bool:
    try:
        await app.job_manager.retry_job(job, retry_at=datetime.now(UTC))
    except exceptions.UniqueViolation:  # the portal is in the queue already
        return False
    return True
