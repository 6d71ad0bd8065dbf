"""When a portal runs next, and what. The rules are those of `serve`, with the times in the table instead of a process."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from sync_worker.errors import SyncWorkerError, UnsafePlan
from sync_worker.fleet.fleet_portal import Failures, FleetPortal, RunKind
from sync_worker.service.cycle_schedule import CycleSchedule
from sync_worker.service.degraded_state import DegradedState
from sync_worker.service.scheduler import RESCAN_RETRY_INTERVAL
from sync_worker.settings import Settings
from sync_worker.sync.portal.portal import load as load_portal_info
from sync_worker.worker import Worker


def schedule_next(portal: FleetPortal, worker: Worker, now: datetime, cycle: timedelta) -> FleetPortal:
    """Return the entry after a run that was done; `cycle` is the time until the next one."""
    last_full_scan, next_day = worker.last_full_scan(), _find_next_day(worker, now)
    if last_full_scan is None:
        return replace(portal, next_run_at=now + cycle, next_run=RunKind.BACKFILL, rescan_not_before=None)
    rescan = last_full_scan + timedelta(days=worker.settings.rescan_every_days)
    not_before = None if portal.next_run is RunKind.RESCAN else portal.rescan_not_before
    at = min(now + cycle, next_day or now + cycle)
    daily = RunKind.REEVALUATION if at == next_day else RunKind.SYNC
    kind = RunKind.RESCAN if max(rescan, not_before or rescan) <= at else daily
    return replace(portal, next_run_at=at, next_run=kind, rescan_not_before=not_before)


def restore_schedule(schedule: CycleSchedule, worker: Worker) -> None:
    """Let a schedule continue that of the last run of the portal, in whichever process it was."""
    info = load_portal_info(worker.store)
    schedule.restore(worker.load_cycle_usage(), ZoneInfo(info.time_zone) if info else schedule.time_zone)


def _find_next_day(worker: Worker, now: datetime) -> datetime | None:
    """Return when all scores of the portal are evaluated again."""
    info = load_portal_info(worker.store)
    return info.day_start(now + timedelta(days=1), worker.settings.reevaluate_at) if info else None


def schedule_retry(portal: FleetPortal, settings: Settings, error: SyncWorkerError, *, now: datetime, delay: timedelta) -> FleetPortal:
    """Return the entry after a run that failed. Between two attempts of a rescan, the changes are read."""
    if portal.next_run is RunKind.BACKFILL:
        return replace(portal, next_run_at=now + delay)
    rescan = portal.rescan_not_before
    if portal.next_run is RunKind.RESCAN:
        is_refused = isinstance(error, UnsafePlan)  # the next one would be refused as well
        rescan = now + (timedelta(days=settings.rescan_every_days) if is_refused else RESCAN_RETRY_INTERVAL)
    return replace(portal, next_run_at=now + delay, next_run=RunKind.SYNC, rescan_not_before=rescan)


def load_degradation(failures: Failures, patience: timedelta, clock_seconds: float) -> DegradedState:
    """Return the failures as the service counts them; they may come from another process."""
    return DegradedState(
        patience=patience,
        uptime=lambda: clock_seconds,
        since=failures.since.timestamp() if failures.since else None,
        fatal_since=failures.fatal_since.timestamp() if failures.fatal_since else None,
        failures=failures.number,
        fatal_failures=failures.fatal_number,
    )


def save_degradation(state: DegradedState) -> Failures:
    """Return the failures for the table."""
    since, fatal_since = (None if at is None else datetime.fromtimestamp(at, UTC) for at in (state.since, state.fatal_since))
    return Failures(since=since, fatal_since=fatal_since, number=state.failures, fatal_number=state.fatal_failures)
