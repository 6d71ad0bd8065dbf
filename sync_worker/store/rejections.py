"""The `rejections` table: values that HubSpot rejected or that `undo` restored. They are sent again only after they change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, Row, and_, delete, select

from sync_worker.store import id_array
from sync_worker.store.database import upsert_tuples
from sync_worker.store.schema import contacts, rejections, verdicts


class Rejection(NamedTuple):
    """Desired properties (canonical JSON) that are not sent again, with the reason."""

    contact_id: int
    desired: str
    reason: str
    at: int


def save(tx: Connection, rows: Sequence[Rejection]) -> None:
    """Save what HubSpot rejected."""
    _save(tx, rows, held=False)


def clear(tx: Connection) -> None:
    """Delete what HubSpot rejected, so that it is sent again: `setup` may have fixed the cause."""
    tx.execute(delete(rejections).where(~rejections.c.held))


def suspend(tx: Connection, ids: Sequence[int], *, reason: str, at: int) -> None:
    """Stop writes to contacts, with a reason, until their desired values change."""
    desired = dict(tx.execute(select(verdicts.c.contact_id, verdicts.c.desired).where(id_array.in_ids(verdicts.c.contact_id, ids))).all())
    _save(tx, [Rejection(id_, text, reason, at) for id_, text in desired.items()], held=True)


def load(tx: Connection) -> Sequence[Row[int, str]]:
    """Return (contact id, reason) of the rejected values that are still desired."""
    query = (
        select(contacts.c.id, rejections.c.reason)
        .join(verdicts, verdicts.c.contact_id == contacts.c.id)
        .join(rejections, rejects_desired())
    )
    return tx.execute(query.where(~contacts.c.gone).order_by(contacts.c.id)).all()


def rejects_desired() -> ColumnElement[bool]:
    """Return the condition that a rejection applies to the desired values of a contact."""
    return and_(rejections.c.contact_id == contacts.c.id, rejections.c.desired == verdicts.c.desired)


def _save(tx: Connection, rows: Sequence[Rejection], *, held: bool) -> None:
    upsert_tuples(tx, rejections, (*Rejection._fields, "held"), [(*row, held) for row in rows])
