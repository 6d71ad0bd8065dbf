"""The `model_revisions` table: the log of approvals, withdrawals, notes and reviews."""

from __future__ import annotations

from typing import Literal, NamedTuple

from sqlalchemy import Connection, insert, select

from sync_worker.store.schema import model_revisions

RevisionKind = Literal["approval", "withdrawal", "note", "review"]


class ModelRevision(NamedTuple):
    """A row of the log. `at` is in milliseconds. The last three fields belong to approvals; both documents are JSON."""

    at: int
    kind: RevisionKind
    model: str
    author: str
    note: str
    document: str | None = None
    report: str | None = None
    effect: str | None = None


_COLUMNS = tuple(model_revisions.c[name] for name in ModelRevision._fields)


def append(tx: Connection, row: ModelRevision) -> None:
    """Add a row to the log."""
    tx.execute(insert(model_revisions).values(row._asdict()))


def load_all(tx: Connection) -> list[ModelRevision]:
    """Return the log, oldest first."""
    return [ModelRevision(*row) for row in tx.execute(select(*_COLUMNS).order_by(model_revisions.c.id))]


def load_approved_models(tx: Connection) -> set[str]:
    """Return the models (their hashes) whose last approval was not withdrawn."""
    return {row.model for row in load_all(tx) if row.kind == "approval" and load_approval(tx, row.model)}


def load_approval(tx: Connection, model: str) -> ModelRevision | None:
    """Return the last approval of a model, or None if it has none or the approval was withdrawn."""
    decisions = select(*_COLUMNS).where(model_revisions.c.model == model, model_revisions.c.kind.in_(("approval", "withdrawal")))
    row = tx.execute(decisions.order_by(model_revisions.c.id.desc()).limit(1)).first()
    return ModelRevision(*row) if row and row.kind == "approval" else None
