"""The status of the worker: cursors, pending changes, the model and the last runs, all from the state; no call to HubSpot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import orjson

from sync_worker.errors import ExitCode
from sync_worker.reports.review_schedule import schedule_review
from sync_worker.reports.state_figures import FreshnessSummary, load_freshness
from sync_worker.store import leases, model_revisions, runs, verdicts
from sync_worker.store.database import Store
from sync_worker.store.facts import contacts as contact_store
from sync_worker.store.leases import LeaseRow
from sync_worker.store.runs import RunRow
from sync_worker.store.saved_state import service_control, service_cycle, service_health, unreadable
from sync_worker.store.saved_state.service_cycle import ServiceCycle
from sync_worker.store.saved_state.service_health import ServiceHealth
from sync_worker.store.writes import differences, hand_offs, held_back, memberships, mql_admissions
from sync_worker.store.writes.hand_offs import NO_HAND_OFFS, HandOffCounts
from sync_worker.store.writes.held_back import NOTHING_HELD_BACK, HeldBack
from sync_worker.sync.lease import find_holder
from sync_worker.sync.plan.plan import build_scope, count_list_changes
from sync_worker.sync.portal import portal
from sync_worker.sync.portal.managed_properties import CrmSchema
from sync_worker.sync.pull.records.cursors import load_cursors
from sync_worker.timestamps import from_ms, to_iso


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveRun:
    """The run that holds the lease of the portal."""

    run_id: str
    holder: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceStatus:
    """The service that runs on this state; `error` is its last error since `degraded_since`, if it is degraded."""

    holder: str
    degraded_since: datetime | None
    error: str | None
    paused_since: datetime | None = None
    cycle: ServiceCycle | None = None  # how long from one cycle to the next, and why

    def as_json(self) -> dict[str, Any]:
        """Return the service for `--json`."""
        return {
            "holder": self.holder,
            "degraded_since": to_iso(self.degraded_since),
            "error": self.error,
            "paused_since": to_iso(self.paused_since),
            "cycle_seconds": self.cycle.seconds if self.cycle else None,
            "cycle_reason": self.cycle.reason if self.cycle else None,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelStatus:
    """The model of the settings. Without an approval, its times and note are empty (None)."""

    name: str
    hash: str
    approved_at: datetime | None
    note: str | None
    review_due: datetime | None  # None before the first approval of any model
    review_overdue_days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingChanges:
    """What HubSpot does not show yet, and why."""

    contacts: int
    stages: int
    lists: Mapping[str, Mapping[str, int]]  # {"add": n, "remove": n} by name of the list
    above_mql_quota: int  # qualified contacts above the daily limit of new MQLs
    reason: str | None
    rejected: Sequence[tuple[int, str]]  # contact id and reason, of the first contacts that are held back
    held_back: HeldBack = NOTHING_HELD_BACK

    def as_json(self) -> dict[str, Any]:
        """Return the pending changes for `--json`."""
        return {
            "contacts": self.contacts,
            "stages": self.stages,
            "lists": {name: dict(counts) for name, counts in self.lists.items()},
            "for_a_day_with_room": self.above_mql_quota,
            "why": self.reason,
            "held_back": self.held_back.as_json(),
            "rejected": [{"id": str(id_), "reason": reason} for id_, reason in self.rejected],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """A run with its most important counts. A killed run has no counts (None)."""

    run_id: str
    command: str
    started_at: datetime
    finished_at: datetime | None
    exit_code: int | None
    done: bool
    pulled: int | None = None
    evaluated: int | None = None
    written: int | None = None
    seconds: float | None = None
    error: str | None = None

    @property
    def is_interrupted(self) -> bool:
        """Return whether a person or the stop of a service ended the run."""
        return self.exit_code == ExitCode.INTERRUPTED

    def as_json(self) -> dict[str, Any]:
        """Return the run for `--json`."""
        optional = {name: getattr(self, name) for name in ("pulled", "evaluated", "written", "seconds", "error")}
        return {
            "run": self.run_id,
            "command": self.command,
            "started_at": self.started_at.isoformat(),
            "finished_at": to_iso(self.finished_at),
            "exit_code": self.exit_code,
            "done": self.done,
            **{name: value for name, value in optional.items() if value is not None},
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerStatus:
    """The status of the worker."""

    portal_id: int | None
    contacts: int
    cursors: Mapping[str, str]  # ISO time by stream
    last_done: datetime | None  # end of the last `backfill` or `sync` that no error ended
    active_run: ActiveRun | None
    service: ServiceStatus | None
    model: ModelStatus
    pending: PendingChanges
    runs: Sequence[RunSummary]  # newest first
    stale: str | None  # why a health check fails, if a maximum age was given
    not_visible: Sequence[str] = ()  # forms, webinars and lists that could not be read, with reasons
    mqls: int = 0
    paused_since: datetime | None = None  # of the service, whether it runs or not
    resyncs: Mapping[str, datetime] = field(default_factory=dict)  # streams that the next run reads again, each with its start
    freshness: FreshnessSummary | None = None
    hand_offs: HandOffCounts = NO_HAND_OFFS  # messages to sales about new MQLs

    @property
    def exit_code(self) -> ExitCode:
        """Return TRY_AGAIN if the status is stale."""
        return ExitCode.TRY_AGAIN if self.stale else ExitCode.DONE

    def as_json(self) -> dict[str, Any]:
        """Return the status for `--json`."""
        return {
            "portal": self.portal_id,
            "contacts": self.contacts,
            "mqls": self.mqls,
            "freshness": self.freshness.as_json() if self.freshness else None,
            "hand_offs": self.hand_offs._asdict(),
            "cursors": dict(self.cursors),
            "last_done": to_iso(self.last_done),
            "under_way": {"run": self.active_run.run_id, "holder": self.active_run.holder} if self.active_run else None,
            "service": self.service.as_json() if self.service else None,
            "model": {
                "name": self.model.name,
                "hash": self.model.hash,
                "approved_at": to_iso(self.model.approved_at),
                "note": self.model.note,
                "review_due": to_iso(self.model.review_due),
                "review_overdue_days": self.model.review_overdue_days,
            },
            "waiting": self.pending.as_json(),
            "not_visible": list(self.not_visible),
            "paused_since": to_iso(self.paused_since),
            "resync": {stream: since.isoformat() for stream, since in self.resyncs.items()},
            "runs": [run.as_json() for run in self.runs],
            "stale": self.stale,
        }


def build_status(store: Store, crm_schema: CrmSchema, now: datetime, *, max_age: timedelta | None = None) -> WorkerStatus:
    """Return the status; with `max_age`, it is stale if no run has finished within that time and none is active."""
    portal_info = portal.load(store)
    with store.transaction() as tx:
        approval = model_revisions.load_approval(tx, crm_schema.model.hash)
        review = schedule_review(model_revisions.load_all(tx))
        recent = [_summarize_run(row) for row in runs.load_recent(tx)]
        hand_off_counts = hand_offs.count(tx)
        contacts, mqls = contact_store.count(tx), verdicts.count_mqls(tx)
        different = differences.count(tx)
        not_visible = [str(item) for item in unreadable.load(tx)]
        cursors = load_cursors(tx)
        done_at = runs.last_completed_at(tx, "backfill", "sync")
        run, service = (find_holder(tx, name, now) for name in (leases.PORTAL, leases.SERVICE))
        health, paused_at, cycle = service_health.load(tx), service_control.load_pause(tx), service_cycle.load(tx)
        resyncs = {stream: from_ms(since) for stream, since in service_control.load_resyncs(tx).items()}
        above_quota = mql_admissions.count_deferred(tx) if crm_schema.model.document.qualification.new_per_day else 0
        scope = build_scope(crm_schema, portal_info.stages if portal_info else (), now, approved=approval is not None)
        list_keys = memberships.load_list_ids(tx) if scope.approved else ()
        held_back_changes = held_back.load(tx, scope.active_stage_rule, list_keys)
        rejected = held_back.load_contacts(tx, scope.active_stage_rule, list_keys)
        stages = differences.count_stage_changes(tx, scope.stage_rule) if scope.stage_rule else 0
    lists = count_list_changes(store, scope)
    active_run = ActiveRun(run_id=run.run, holder=run.holder) if run else None
    last_done = from_ms(done_at) if done_at else None
    reasons = _explain_pending(recent, contacts=different, unapproved=bool(lists or stages) and not approval, above_quota=above_quota)
    return WorkerStatus(
        portal_id=portal_info.id if portal_info else None,
        not_visible=not_visible,
        contacts=contacts,
        mqls=mqls,
        freshness=load_freshness(store),
        hand_offs=hand_off_counts,
        cursors=cursors,
        last_done=last_done,
        active_run=active_run,
        service=_build_service_status(service, health, paused_at, cycle) if service else None,
        paused_since=from_ms(paused_at) if paused_at else None,
        resyncs=resyncs,
        model=ModelStatus(
            name=crm_schema.model.document.name,
            hash=crm_schema.model.hash,
            approved_at=from_ms(approval.at) if approval else None,
            note=approval.note if approval else None,
            review_due=review.due if review else None,
            review_overdue_days=review.overdue_days(now) if review else 0,
        ),
        pending=PendingChanges(
            contacts=different,
            stages=stages,
            lists=lists,
            above_mql_quota=above_quota,
            reason="; ".join(reasons) or None,
            held_back=held_back_changes,
            rejected=rejected,
        ),
        runs=recent,
        stale=_check_staleness(last_done, now - max_age, now) if max_age is not None and active_run is None else None,
    )


def load_runs(store: Store, limit: int) -> list[RunSummary]:
    """Return the last runs, newest first."""
    with store.transaction() as tx:
        return [_summarize_run(row) for row in runs.load_recent(tx, limit)]


def _build_service_status(
    lease: LeaseRow, health: ServiceHealth | None, paused_at: int | None, cycle: ServiceCycle | None
) -> ServiceStatus:
    return ServiceStatus(
        holder=lease.holder,
        degraded_since=from_ms(health.degraded_since) if health else None,
        error=health.error if health else None,
        paused_since=from_ms(paused_at) if paused_at else None,
        cycle=cycle,
    )


def _check_staleness(last_done: datetime | None, oldest: datetime, now: datetime) -> str | None:
    if last_done is None:
        return "No sync or backfill has finished yet."
    if last_done >= oldest:
        return None
    return f"The last sync or backfill finished {timedelta(seconds=int((now - last_done).total_seconds()))} ago."


def _explain_pending(recent: Sequence[RunSummary], *, contacts: int, unapproved: bool, above_quota: int) -> Iterator[str]:
    if above_quota:
        yield f"qualified contacts wait for the daily limit of new MQLs ({above_quota:,})"
    if unapproved:
        yield "lists and stages wait for `sync-worker approve`"
    if contacts and recent:
        last = recent[0]
        failed = f"failed: {last.error}" if last.error else "did not write them"
        ended = "was interrupted" if last.exit_code is None or last.is_interrupted else failed
        yield f"contacts wait for the next run, because the last one ({last.command}, {last.run_id}) {ended}"


def _summarize_run(row: RunRow) -> RunSummary:
    report = orjson.loads(row.report) if row.report else {}
    return RunSummary(
        run_id=row.id,
        command=row.command,
        started_at=from_ms(row.started_at),
        finished_at=from_ms(row.finished_at) if row.finished_at else None,
        exit_code=row.exit_code,
        done=row.done,
        pulled=report.get("pulled"),
        evaluated=report.get("evaluated"),
        written=report.get("written"),
        seconds=report.get("seconds"),
        error=report.get("error"),
    )
