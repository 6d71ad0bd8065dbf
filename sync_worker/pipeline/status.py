"""What the state says of itself: nothing is asked of HubSpot."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import orjson
from sqlalchemy import Row

from sync_worker.pipeline import portal
from sync_worker.pipeline.outputs import Outputs
from sync_worker.pipeline.plan import Scope, list_changes
from sync_worker.pipeline.pull import cursors
from sync_worker.store import people, runs, standing
from sync_worker.store.database import Store
from sync_worker.store.instants import from_ms

FIRST_REVIEW: Final = timedelta(days=60)
NEXT_REVIEWS: Final = timedelta(days=90)


def status(store: Store, outputs: Outputs, now: datetime) -> dict[str, Any]:
    """Return cursors, last runs, what waits to be written and why, the model, and when its review is due."""
    place = portal.remembered(store)
    with store.transaction() as tx:
        approval = runs.approval(tx, outputs.model.hash)
        last = runs.last(tx)
        contacts = people.count(tx)
        differing = standing.count_differing(tx)
        refused = standing.rejected(tx)
        where = cursors(tx)
    scope = Scope(outputs=outputs, approved=approval is not None)
    lists = {change.name: {"add": len(change.add), "remove": len(change.remove)} for change in list_changes(store, scope)}
    return {
        "portal": place.id if place else None,
        "contacts": contacts,
        "cursors": where,
        "model": {
            "name": outputs.model.document.name,
            "hash": outputs.model.hash,
            "approved_at": from_ms(approval.at).isoformat() if approval else None,
            "note": approval.note if approval else None,
            "review_due": review_due(from_ms(approval.at), now).isoformat() if approval else None,
        },
        "waiting": {
            "contacts": differing,
            "lists": lists,
            "why": "; ".join(_why(last, contacts=differing, unapproved=bool(lists) and not approval)) or None,
            "rejected": [{"id": str(id_), "reason": reason} for id_, reason in refused],
        },
        "runs": [
            {
                "run": run.id,
                "command": run.command,
                "started_at": from_ms(run.started_at).isoformat(),
                "finished_at": from_ms(run.finished_at).isoformat() if run.finished_at else None,
                "exit_code": run.exit_code,
                **_counts(run.report),
            }
            for run in last
        ],
    }


def review_due(put_to_work: datetime, now: datetime) -> datetime:
    """Return when a model is to be looked at again: 60 days after it was put to work, then every 90."""
    due = put_to_work + FIRST_REVIEW
    while due + NEXT_REVIEWS <= now:
        due += NEXT_REVIEWS
    return due


def _why(last: Sequence[Row[Any]], *, contacts: int, unapproved: bool) -> Iterator[str]:
    if unapproved:
        yield "lists and stages wait for `sync-worker approve`"
    if contacts and last:
        run = last[0]
        ended = "was cut short" if run.exit_code is None else _counts(run.report).get("error", "left them for the next")
        yield f"contacts wait for the next run, since the last one ({run.command}, {run.id}) {ended}"


def _counts(report: str | None) -> dict[str, Any]:
    kept = orjson.loads(report) if report else {}
    return {name: kept[name] for name in ("pulled", "evaluated", "written", "seconds", "error") if name in kept}
