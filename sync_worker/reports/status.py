"""What the state says of itself: nothing is asked of HubSpot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import orjson

from sync_worker.store import contacts as contact_store
from sync_worker.store import differences, leases, mql_admissions, rejections, runs
from sync_worker.store.database import Store
from sync_worker.store.runs import RunRow
from sync_worker.sync.plan.plan import build_scope, count_list_changes
from sync_worker.sync.portal import portal
from sync_worker.sync.portal.crm_schema import CrmSchema
from sync_worker.sync.pull.pull import load_cursors
from sync_worker.timestamps import from_ms, to_ms

FIRST_REVIEW_AFTER: Final = timedelta(days=60)
REVIEW_INTERVAL: Final = timedelta(days=90)


def build_status(store: Store, crm_schema: CrmSchema, now: datetime) -> dict[str, Any]:
    """Return cursors, last runs, what waits to be written and why, the model, and when its review is due.

    `last_done`: when a run last read everything that it was to read; `under_way`: the run that is at work now.
    """
    place = portal.load(store)
    with store.transaction() as tx:
        approval = runs.load_approval(tx, crm_schema.model.hash)
        last = runs.load_recent(tx)
        contacts = contact_store.count(tx)
        differing = differences.count(tx)
        refused = rejections.load(tx)
        where = load_cursors(tx)
        last_done = runs.last_completed_at(tx, "backfill", "sync")
        lease = leases.load(tx)
        full = mql_admissions.count_deferred(tx) if crm_schema.model.document.qualification.new_per_day else 0
        scope = build_scope(crm_schema, place.stages if place else (), approved=approval is not None)
        stages = differences.count_stage_changes(tx, scope.stage_rule) if scope.stage_rule else 0
    at_work = lease if lease and lease.expires_at > to_ms(now) else None
    lists = count_list_changes(store, scope)
    return {
        "portal": place.id if place else None,
        "contacts": contacts,
        "cursors": where,
        "last_done": from_ms(last_done).isoformat() if last_done else None,
        "under_way": {"run": at_work.run, "holder": at_work.holder} if at_work else None,
        "model": {
            "name": crm_schema.model.document.name,
            "hash": crm_schema.model.hash,
            "approved_at": from_ms(approval.at).isoformat() if approval else None,
            "note": approval.note if approval else None,
            "review_due": next_review(from_ms(approval.at), now).isoformat() if approval else None,
        },
        "waiting": {
            "contacts": differing,
            "stages": stages,
            "lists": lists,
            "for_a_day_with_room": full,
            "why": "; ".join(
                _reasons_for_waiting(last, contacts=differing, unapproved=bool(lists or stages) and not approval, awaiting_quota=full)
            )
            or None,
            "rejected": [{"id": str(id_), "reason": reason} for id_, reason in refused],
        },
        "runs": [
            {
                "run": run.id,
                "command": run.command,
                "started_at": from_ms(run.started_at).isoformat(),
                "finished_at": from_ms(run.finished_at).isoformat() if run.finished_at else None,
                "exit_code": run.exit_code,
                **_run_counts(run.report),
            }
            for run in last
        ],
    }


def next_review(approved_at: datetime, now: datetime) -> datetime:
    """Return when a model is to be looked at again: 60 days after it was put to work, then every 90."""
    due = approved_at + FIRST_REVIEW_AFTER
    while due + REVIEW_INTERVAL <= now:
        due += REVIEW_INTERVAL
    return due


def check_staleness(current: Mapping[str, Any], now: datetime, max_age: timedelta) -> str | None:
    """Return what a health check should know: that nothing has come to its end for too long, and nothing is at work either."""
    done = datetime.fromisoformat(current["last_done"]) if current["last_done"] else None
    if current["under_way"] or (done and now - done <= max_age):
        return None
    return f"The last run that came to its end did so {now - done!s} ago." if done else "No run has come to its end yet."


def _reasons_for_waiting(last: Sequence[RunRow], *, contacts: int, unapproved: bool, awaiting_quota: int) -> Iterator[str]:
    if awaiting_quota:
        yield f"{awaiting_quota:,} contacts qualify and wait for a day with room for new MQLs"
    if unapproved:
        yield "lists and stages wait for `sync-worker approve`"
    if contacts and last:
        run = last[0]
        ended = "was cut short" if run.exit_code is None else _run_counts(run.report).get("error", "left them for the next")
        yield f"contacts wait for the next run, since the last one ({run.command}, {run.id}) {ended}"


def _run_counts(report: str | None) -> dict[str, Any]:
    kept = orjson.loads(report) if report else {}
    return {name: kept[name] for name in ("pulled", "evaluated", "written", "seconds", "error") if name in kept}
