"""What each run replaced in HubSpot, kept before it is sent: what `undo` puts back."""

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
    """Keep (before, after) of contacts that are about to be written; who is written twice keeps its first values."""
    earlier = select(undo_values).where(undo_values.c.run == run, id_array.in_ids(undo_values.c.contact_id, changes))
    known = {row.contact_id: (orjson.loads(row.before), orjson.loads(row.after)) for row in tx.execute(earlier)}
    rows = []
    for id_, (before, after) in changes.items():
        first, last = known.get(id_, ({}, {}))
        ends = (before | first, last | after) if id_ in known else (before, after)
        rows.append({"run": run, "contact_id": id_, "before": _to_json(ends[0]), "after": _to_json(ends[1])})
    upsert_rows(tx, undo_values, rows)


def save_members(tx: Connection, run: str, key: str, *, added: Sequence[int], removed: Sequence[int]) -> None:
    """Keep who is about to be put into a list, or taken out."""
    moves = [*((id_, True) for id_ in added), *((id_, False) for id_ in removed)]
    upsert_rows(tx, undo_members, [{"run": run, "list": key, "contact_id": id_, "added": put} for id_, put in moves])


def load_values(tx: Connection, run: str, *, after: int, limit: int) -> list[UndoRow]:
    """Return the next contacts of a run, in order of id."""
    query = select(undo_values.c.contact_id, undo_values.c.before, undo_values.c.after).where(
        undo_values.c.run == run, undo_values.c.contact_id > after
    )
    return [UndoRow(*row) for row in tx.execute(query.order_by(undo_values.c.contact_id).limit(limit))]


def load_members(tx: Connection, run: str) -> Mapping[str, tuple[list[int], list[int]]]:
    """Return, by list, whom a run added and whom it removed."""
    query = select(undo_members.c.list, undo_members.c.contact_id, undo_members.c.added)
    found: dict[str, tuple[list[int], list[int]]] = {}
    for key, id_, added in tx.execute(query.where(undo_members.c.run == run).order_by(undo_members.c.contact_id)):
        found.setdefault(key, ([], []))[0 if added else 1].append(id_)
    return found


def delete_before(tx: Connection, at: int) -> None:
    """Forget what the runs that began before an instant replaced."""
    old = select(schema.runs.c.id).where(schema.runs.c.started_at < at)
    for table in (undo_values, undo_members):
        tx.execute(delete(table).where(table.c.run.in_(old)))


def _to_json(property_values: UndoValues) -> str:
    return orjson.dumps(property_values).decode()
