"""The `runs` table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import orjson
from sqlalchemy import ColumnElement, Connection, Select, and_, delete, exists, func, insert, or_, select, update

from sync_worker.store.schema import runs, undo_members, undo_values


class RunRow(NamedTuple):
    """A run. Times are in milliseconds. The fields after `started_at` are set when the run ends; `done` only if no error ended it."""

    id: str
    command: str
    started_at: int
    finished_at: int | None
    exit_code: int | None
    report: str | None  # JSON
    done: bool


def start(tx: Connection, run_id: str, command: str, *, at: int) -> None:
    """Record the start of a run (milliseconds)."""
    tx.execute(insert(runs).values(id=run_id, command=command, started_at=at))


def finish(tx: Connection, run_id: str, *, at: int, exit_code: int, done: bool, report: Mapping[str, object]) -> None:
    """Record the end of a run (milliseconds). An exit code does not show whether a run is done: an error may end it with any code."""
    values = {"finished_at": at, "exit_code": exit_code, "done": done, "report": orjson.dumps(report).decode()}
    tx.execute(update(runs).where(runs.c.id == run_id).values(values))


def load_recent(tx: Connection, limit: int = 5) -> list[RunRow]:
    """Return the last runs, newest first."""
    return [RunRow(*row) for row in tx.execute(select(runs).order_by(runs.c.started_at.desc()).limit(limit))]


def load(tx: Connection, run_id: str) -> RunRow | None:
    """Return a run, or None."""
    row = tx.execute(select(runs).where(runs.c.id == run_id)).first()
    return RunRow(*row) if row else None


def has_completed(tx: Connection, *commands: str) -> bool:
    """Return whether a run of one of these commands has ever been done."""
    completed = select(runs.c.id).where(runs.c.command.in_(commands), runs.c.done)
    return tx.execute(completed.limit(1)).first() is not None


def last_completed_start(tx: Connection, *commands: str) -> int | None:
    """Return the start of the last run of these commands that was done (milliseconds), or None."""
    return tx.execute(_select_last_completed(runs.c.started_at, commands)).scalar()


def last_completed_at(tx: Connection, *commands: str) -> int | None:
    """Return when a run of one of these commands was last done (milliseconds), or None."""
    return tx.execute(_select_last_completed(runs.c.finished_at, commands)).scalar()


def delete_expired(tx: Connection, *, uneventful: int, others: int) -> None:
    """Delete old runs: those that were done if they started before `uneventful`, and others before `others` (milliseconds).

    Runs whose writes the state has stay for `undo` and `audit`, and so does the last run of each command that was done.
    """
    has_writes = [exists().where(table.c.run == runs.c.id) for table in (undo_values, undo_members)]
    last_done = select(func.max(runs.c.started_at)).where(runs.c.done).group_by(runs.c.command)
    is_old = or_(and_(runs.c.done, runs.c.started_at < uneventful), runs.c.started_at < others)
    tx.execute(delete(runs).where(is_old, ~or_(*has_writes), runs.c.started_at.not_in(last_done)))


def _select_last_completed(column: ColumnElement[int], commands: Sequence[str]) -> Select[int]:
    # In order of start, so that the index is used: a service adds half a million runs in a year.
    return select(column).where(runs.c.command.in_(commands), runs.c.done).order_by(runs.c.started_at.desc()).limit(1)
