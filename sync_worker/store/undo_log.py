"""What each run replaced in HubSpot, kept before it is sent: what `undo` puts back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import orjson
from sqlalchemy import Connection, Row, delete, select

from sync_worker.store import id_array, schema
from sync_worker.store.database import replace
from sync_worker.store.schema import replaced, replaced_members

Values = dict[str, str]


def remember(tx: Connection, run: str, changes: Mapping[int, tuple[Values, Values]]) -> None:
    """Keep (before, after) of contacts that are about to be written; who is written twice keeps its first values."""
    earlier = select(replaced).where(replaced.c.run == run, id_array.among(replaced.c.contact_id, changes))
    known = {row.contact_id: (orjson.loads(row.before), orjson.loads(row.after)) for row in tx.execute(earlier)}
    rows = []
    for id_, (before, after) in changes.items():
        first, last = known.get(id_, ({}, {}))
        ends = (before | first, last | after) if id_ in known else (before, after)
        rows.append({"run": run, "contact_id": id_, "before": _text(ends[0]), "after": _text(ends[1])})
    replace(tx, replaced, rows)


def remember_members(tx: Connection, run: str, key: str, *, added: Sequence[int], removed: Sequence[int]) -> None:
    """Keep who is about to be put into a list, or taken out."""
    moves = [*((id_, True) for id_ in added), *((id_, False) for id_ in removed)]
    replace(tx, replaced_members, [{"run": run, "list": key, "contact_id": id_, "added": put} for id_, put in moves])


def values(tx: Connection, run: str, *, after: int, limit: int) -> Sequence[Row[int, str, str]]:
    """Return the next contacts of a run, in order of id: (contact_id, before, after), both JSON."""
    query = select(replaced.c.contact_id, replaced.c.before, replaced.c.after).where(replaced.c.run == run, replaced.c.contact_id > after)
    return tx.execute(query.order_by(replaced.c.contact_id).limit(limit)).all()


def members(tx: Connection, run: str) -> Mapping[str, tuple[list[int], list[int]]]:
    """Return, by list, whom a run added and whom it removed."""
    query = select(replaced_members.c.list, replaced_members.c.contact_id, replaced_members.c.added)
    found: dict[str, tuple[list[int], list[int]]] = {}
    for key, id_, added in tx.execute(query.where(replaced_members.c.run == run).order_by(replaced_members.c.contact_id)):
        found.setdefault(key, ([], []))[0 if added else 1].append(id_)
    return found


def forget_before(tx: Connection, at: int) -> None:
    """Forget what the runs that began before an instant replaced."""
    old = select(schema.runs.c.id).where(schema.runs.c.started_at < at)
    for table in (replaced, replaced_members):
        tx.execute(delete(table).where(table.c.run.in_(old)))


def _text(values_: Values) -> str:
    return orjson.dumps(values_).decode()
