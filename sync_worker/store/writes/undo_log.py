"""The `replaced` and `replaced_members` tables: what each run replaces in HubSpot, saved before it is sent. `sync.undo` restores it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import orjson
from sqlalchemy import Connection, delete, select

from sync_worker.store import id_array, schema
from sync_worker.store.database import upsert_rows
from sync_worker.store.schema import undo_members, undo_values

UndoValues = dict[str, str]


class UndoRow(NamedTuple):
    """The values of a contact before a run and after it, as JSON."""

    contact_id: int
    before: str
    after: str


def save(tx: Connection, run: str, changes: Mapping[int, tuple[UndoValues, UndoValues]]) -> None:
    """Save (before, after) of contacts that are about to be written. If a run writes a contact twice, the first `before` is kept."""
    query = select(undo_values).where(undo_values.c.run == run, id_array.in_ids(undo_values.c.contact_id, changes))
    stored = {row.contact_id: (orjson.loads(row.before), orjson.loads(row.after)) for row in tx.execute(query)}
    rows = []
    for id_, (before, after) in changes.items():
        first, last = stored.get(id_, ({}, {}))
        rows.append({"run": run, "contact_id": id_, "before": _to_json(before | first), "after": _to_json(last | after)})
    upsert_rows(tx, undo_values, rows)


def save_members(tx: Connection, run: str, key: str, *, added: Sequence[int], removed: Sequence[int]) -> None:
    """Save the contacts that are about to be added to a list or removed from it."""
    changes = [*((id_, True) for id_ in added), *((id_, False) for id_ in removed)]
    upsert_rows(tx, undo_members, [{"run": run, "list": key, "contact_id": id_, "added": is_added} for id_, is_added in changes])


def load_values(tx: Connection, run: str, *, after: int, limit: int) -> list[UndoRow]:
    """Return the next contacts of a run, in order of id."""
    query = select(undo_values.c.contact_id, undo_values.c.before, undo_values.c.after).where(
        undo_values.c.run == run, undo_values.c.contact_id > after
    )
    return [UndoRow(*row) for row in tx.execute(query.order_by(undo_values.c.contact_id).limit(limit))]


def load_members(tx: Connection, run: str) -> Mapping[str, tuple[list[int], list[int]]]:
    """Return the contacts that a run added and removed, by list."""
    query = select(undo_members.c.list, undo_members.c.contact_id, undo_members.c.added)
    members: dict[str, tuple[list[int], list[int]]] = {}
    for key, id_, added in tx.execute(query.where(undo_members.c.run == run).order_by(undo_members.c.contact_id)):
        members.setdefault(key, ([], []))[0 if added else 1].append(id_)
    return members


def delete_before(tx: Connection, at: int) -> None:
    """Delete the entries of runs that started before an instant (milliseconds)."""
    old = select(schema.runs.c.id).where(schema.runs.c.started_at < at)
    for table in (undo_values, undo_members):
        tx.execute(delete(table).where(table.c.run.in_(old)))


def _to_json(property_values: UndoValues) -> str:
    return orjson.dumps(property_values).decode()
