"""The `property_values` table: earlier values of properties, and the `history_reads` table: which histories were read, and when."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, delete, select

from sync_worker.batched import batched
from sync_worker.store.database import upsert_tuples
from sync_worker.store.id_array import in_ids
from sync_worker.store.schema import companies, contacts, history_reads, property_values

_IDS_PER_STATEMENT = 1_000


class PropertyValueRow(NamedTuple):
    """A value from a time (milliseconds) on. `object_type` is contact or company."""

    object_type: str
    record_id: int
    name: str
    at: int
    value: str | None


def save(tx: Connection, object_type: str, ids: Sequence[int], names: str, rows: Sequence[PropertyValueRow], *, read_at: int) -> None:
    """Replace the histories of records. `names` are the properties that were read, `read_at` the time of the read (milliseconds)."""
    for part in batched(ids, _IDS_PER_STATEMENT):
        tx.execute(delete(property_values).where(property_values.c.object_type == object_type, in_ids(property_values.c.record_id, part)))
    upsert_tuples(tx, property_values, PropertyValueRow._fields, rows)
    reads = [(object_type, id_, names, read_at) for id_ in ids]
    upsert_tuples(tx, history_reads, ("object_type", "record_id", "names", "read_at"), reads)


def find_unread(tx: Connection, object_type: str, ids: Collection[int] | None, names: str) -> list[int]:
    """Return those of the records, or of all, that have changed since their history was read, in order of id."""
    table = contacts if object_type == "contact" else companies
    current = select(history_reads.c.record_id).where(
        history_reads.c.object_type == object_type,
        history_reads.c.record_id == table.c.id,
        history_reads.c.names == names,
        history_reads.c.read_at > table.c.updated_at,
    )
    query = select(table.c.id).where(~current.exists()).order_by(table.c.id)
    if object_type == "contact":
        query = query.where(~contacts.c.gone)
    if ids is not None:
        query = query.where(in_ids(table.c.id, ids))
    return list(tx.execute(query).scalars())


def load(tx: Connection, ids: Collection[int] | None = None) -> list[PropertyValueRow]:
    """Return the earlier values of all records, or of these contacts and of all companies."""
    query = select(*(property_values.c[name] for name in PropertyValueRow._fields))
    if ids is not None:
        query = query.where((property_values.c.object_type != "contact") | in_ids(property_values.c.record_id, ids))
    return [PropertyValueRow(*row) for row in tx.execute(query)]
