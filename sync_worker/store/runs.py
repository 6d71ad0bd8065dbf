"""What was run, how it ended, and who gave leave."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import orjson
from sqlalchemy import Connection, delete, func, insert, select, update

from sync_worker.store.database import upsert_rows
from sync_worker.store.schema import approvals, runs


class RunRow(NamedTuple):
    """A run. Times are milliseconds; what only the end of a run sets is None before."""

    id: str
    command: str
    started_at: int
    finished_at: int | None
    exit_code: int | None
    report: str | None  # JSON


class Approval(NamedTuple):
    """The approval of a model, by its hash."""

    model: str
    at: int
    note: str


def start(tx: Connection, run_id: str, command: str, *, at: int) -> None:
    """Remember that a run began (milliseconds)."""
    tx.execute(insert(runs).values(id=run_id, command=command, started_at=at))


def finish(tx: Connection, run_id: str, *, at: int, exit_code: int, report: Mapping[str, object]) -> None:
    """Remember how a run ended."""
    tx.execute(update(runs).where(runs.c.id == run_id).values(finished_at=at, exit_code=exit_code, report=orjson.dumps(report).decode()))


def load_recent(tx: Connection, limit: int = 5) -> list[RunRow]:
    """Return the last runs, newest first."""
    return [RunRow(*row) for row in tx.execute(select(runs).order_by(runs.c.started_at.desc()).limit(limit))]


def load(tx: Connection, run_id: str) -> RunRow | None:
    """Return a run, or None."""
    row = tx.execute(select(runs).where(runs.c.id == run_id)).first()
    return RunRow(*row) if row else None


def has_completed(tx: Connection, *commands: str) -> bool:
    """Tell whether a run of one of these commands has ever come to its end."""
    done = select(runs.c.id).where(runs.c.command.in_(commands), runs.c.exit_code.in_((0, 1)))
    return tx.execute(done.limit(1)).first() is not None


def last_completed_at(tx: Connection, *commands: str) -> int | None:
    """Return when a run of one of these commands last came to its end (milliseconds), if one ever did."""
    done = select(func.max(runs.c.finished_at)).where(runs.c.command.in_(commands), runs.c.exit_code.in_((0, 1)))
    return tx.execute(done).scalar()


def approve(tx: Connection, model: str, *, note: str, at: int) -> None:
    """Remember that somebody looked at the distribution under a model and approved it."""
    upsert_rows(tx, approvals, [{"model": model, "at": at, "note": note}])


def delete_approval(tx: Connection, model: str) -> None:
    """Forget that a model was approved."""
    tx.execute(delete(approvals).where(approvals.c.model == model))


def load_approval(tx: Connection, model: str) -> Approval | None:
    """Return the approval of a model, or None."""
    row = tx.execute(select(approvals).where(approvals.c.model == model)).first()
    return Approval(*row) if row else None
