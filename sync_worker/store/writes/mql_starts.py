"""The `mql_starts` table: since when each MQL is one, and the reasons of that moment."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, delete, exists, select, update

from sync_worker.store.database import upsert_rows
from sync_worker.store.id_array import in_ids
from sync_worker.store.schema import contacts, mql_starts, rejections, verdicts
from sync_worker.store.verdicts import evaluation_batch


class MqlStart(NamedTuple):
    """When a contact became an MQL under a model (its hash). `since` is in milliseconds; None: before the worker recorded it."""

    contact_id: int
    model: str
    since: int | None
    reasons: str

    @property
    def texts(self) -> tuple[str, str]:
        """Return time and reasons as texts; the time is empty if it is not known."""
        return "" if self.since is None else str(self.since), self.reasons


class NewMql(NamedTuple):
    """An MQL without a start. `desired` and `observed` are our properties as canonical JSON."""

    contact_id: int
    desired: str
    observed: str


_COLUMNS = tuple(mql_starts.c[name] for name in MqlStart._fields)


def load_new_mqls(tx: Connection, *, only_ids: Collection[int] | None = None) -> list[NewMql]:
    """Return the MQLs without a start, of all contacts or of `only_ids`, in order of id."""
    missing = ~exists().where(mql_starts.c.contact_id == verdicts.c.contact_id)
    # A subquery, so that the index of MQLs is used: a join would read the verdicts of all contacts.
    unrecorded = select(verdicts.c.contact_id).where(verdicts.c.mql, missing)
    query = select(contacts.c.id, verdicts.c.desired, contacts.c.shown).join(verdicts, verdicts.c.contact_id == contacts.c.id)
    query = query.where(contacts.c.id.in_(unrecorded), ~contacts.c.gone)
    if only_ids is not None:
        query = query.where(in_ids(contacts.c.id, only_ids))
    return [NewMql(*row) for row in tx.execute(query.order_by(contacts.c.id))]


def load_selected(tx: Connection) -> list[MqlStart]:
    """Return the starts of the contacts that are selected for evaluation."""
    query = select(*_COLUMNS).join(evaluation_batch, evaluation_batch.c.contact_id == mql_starts.c.contact_id)
    return [MqlStart(*row) for row in tx.execute(query)]


def load_all(tx: Connection) -> list[MqlStart]:
    """Return the starts of the MQLs that exist."""
    here = exists().where(contacts.c.id == mql_starts.c.contact_id, ~contacts.c.gone)
    return [MqlStart(*row) for row in tx.execute(select(*_COLUMNS).where(here))]


def save(tx: Connection, starts: Sequence[MqlStart], desired: Mapping[int, str]) -> None:
    """Save the starts of new MQLs, and the desired values that contain them."""
    upsert_rows(tx, mql_starts, [start._asdict() for start in starts])
    _save_desired(tx, desired)


def find_lapsed(tx: Connection) -> list[int]:
    """Return the contacts that have a start and are no longer MQLs."""
    not_mql = ~exists().where(verdicts.c.contact_id == mql_starts.c.contact_id, verdicts.c.mql)
    return list(tx.execute(select(mql_starts.c.contact_id).where(not_mql)).scalars())


def load_of_models(tx: Connection, models: Collection[str]) -> dict[int, str]:
    """Return the desired values of the contacts whose start is of one of these models.

    Without those that `undo` has restored: they are not written again until their desired values change.
    """
    query = select(verdicts.c.contact_id, verdicts.c.desired).join(mql_starts, mql_starts.c.contact_id == verdicts.c.contact_id)
    restored = exists().where(rejections.c.contact_id == mql_starts.c.contact_id, rejections.c.held)
    return dict(tx.execute(query.where(mql_starts.c.model.in_(models), ~restored)).all())


def load_models(tx: Connection) -> set[str]:
    """Return the models under which the MQLs became MQLs; empty texts are of starts before the worker recorded them."""
    return set(tx.execute(select(mql_starts.c.model).distinct()).scalars())


def remove(tx: Connection, ids: Collection[int], desired: Mapping[int, str] | None = None) -> None:
    """Delete starts, and save the desired values without them."""
    if ids:
        tx.execute(delete(mql_starts).where(in_ids(mql_starts.c.contact_id, ids)))
    _save_desired(tx, desired or {})


def merge(tx: Connection, merged: Sequence[int], survivor: int) -> None:
    """Give a contact the earliest start of the contacts that were merged into it."""
    ids = [*merged, survivor]
    starts = [MqlStart(*row) for row in tx.execute(select(*_COLUMNS).where(mql_starts.c.contact_id.in_(ids)))]
    tx.execute(delete(mql_starts).where(mql_starts.c.contact_id.in_(ids)))
    if starts:
        first = min(starts, key=lambda start: (start.since or 0, start.contact_id))
        upsert_rows(tx, mql_starts, [first._replace(contact_id=survivor)._asdict()])


def _save_desired(tx: Connection, desired: Mapping[int, str]) -> None:
    if desired:
        statement = update(verdicts).where(verdicts.c.contact_id == bindparam("id")).values(desired=bindparam("values"))
        tx.execute(statement, [{"id": id_, "values": values} for id_, values in desired.items()])
