"""The scheduler of `serve`: runs cycles one at a time, and stops cleanly on a signal."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import FrameType
from zoneinfo import ZoneInfo

import structlog
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from sync_worker.errors import FatalError, SyncWorkerError, UnsafePlan
from sync_worker.hubspot.client import ConnectionClosed
from sync_worker.sync.report import RunReport
from sync_worker.worker import Worker

log = structlog.get_logger()


def serve(worker: Worker) -> None:
    """Run until SIGTERM or SIGINT; an active run stops after its current batch.

    Raises the error that stopped the service if a retry is pointless, such as a wrong token or an invalid model.
    """
    service = SyncScheduler(worker)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, service.stop)
    service.run()


class SyncScheduler:
    """The jobs of one worker. They share one thread, so only one run is active at a time."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._stopped = threading.Event()
        self._failure: SyncWorkerError | None = None
        self._scheduler = BackgroundScheduler(executors={"default": ThreadPoolExecutor(1)}, timezone=UTC)

    def run(self) -> None:
        """Run the jobs until stopped."""
        worker, settings = self._worker, self._worker.settings
        portal = worker.read_portal()  # fails here if the token or the model is wrong, before any job is scheduled
        zone = ZoneInfo(portal.time_zone)
        nightly = settings.reevaluate_at
        self._add_job("sync", worker.sync, IntervalTrigger(minutes=settings.sync_every_minutes, start_date=datetime.now(UTC)), run_now=True)
        self._add_job("re-evaluation", worker.sync, CronTrigger(hour=nightly.hour, minute=nightly.minute, second=5, timezone=zone))
        # Counted from the last full scan instead of the start, so that a frequently restarted service also rescans.
        rescan = timedelta(days=settings.rescan_every_days)
        due = (worker.last_full_scan() or datetime.now(UTC)) + rescan
        self._add_job(
            "rescan", worker.backfill, IntervalTrigger(seconds=int(rescan.total_seconds()), start_date=max(due, datetime.now(UTC)))
        )
        log.info("service.started", sync_every_minutes=settings.sync_every_minutes, portal_time_zone=portal.time_zone)
        self._scheduler.start()
        self._stopped.wait()
        self._scheduler.shutdown(wait=True)
        log.info("service.stopped")
        if self._failure:
            raise self._failure

    def stop(self, _number: int = 0, _frame: FrameType | None = None) -> None:
        """Stop the service; safe to call from a signal handler."""
        self._stopped.set()
        # In a thread, because the interrupted code may hold a lock that `interrupt` needs.
        threading.Thread(target=self._worker.interrupt, name="stop").start()

    def _add_job(self, name: str, job: Callable[[], RunReport], trigger: IntervalTrigger | CronTrigger, *, run_now: bool = False) -> None:
        start = {"next_run_time": datetime.now(UTC)} if run_now else {}
        # Cycles missed during a long run are made up for by a single one.
        self._scheduler.add_job(
            lambda: self._run_job(name, job), trigger, id=name, coalesce=True, misfire_grace_time=None, max_instances=1, **start
        )

    def _run_job(self, name: str, job: Callable[[], RunReport]) -> None:
        if self._stopped.is_set():
            return
        try:
            job()
        except ConnectionClosed:
            log.info("run.interrupted", job=name)
        except UnsafePlan as error:
            # Nothing was written, and the next cycle may succeed. An operator has to decide, but the service can continue.
            log.error("plan.refused", job=name, error=str(error))  # noqa: TRY400 -- the message is sufficient
        except FatalError as error:
            # An operator has to act; further cycles would only fill the log.
            log.error("run.refused", job=name, error=str(error))  # noqa: TRY400 -- the message is sufficient; a traceback may contain personal data
            self._failure = error
            self.stop()
        except SyncWorkerError as error:
            log.warning("run.failed", job=name, error=str(error), next="the next cycle tries again")
        except Exception:
            log.exception("run.crashed", job=name, next="the next cycle tries again")
