"""Serializes records to HubSpot's JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import repeat
from typing import Any

from sync_worker.sandbox.base.timestamps import format_iso
from sync_worker.sandbox.crm.object_store import ObjectTable
from sync_worker.sandbox.crm.records import RecordStore

JsonRecord = dict[str, Any]


def response_properties(table: ObjectTable, requested: Iterable[str]) -> list[str]:
    """Return the properties of a response: the existing requested ones or the defaults, plus the mandatory ones."""
    names = tuple(requested) or table.object_type.default_properties
    return list(dict.fromkeys([*(name for name in names if name in table.catalog), *table.object_type.mandatory_properties]))


def serialize(table: ObjectTable, rows: Sequence[int], names: Sequence[str]) -> list[JsonRecord]:
    """Return records with the named properties; unset ones are null."""
    records = table.records
    window = _as_slice(rows)
    columns = [_column_values(records, name, rows, window) for name in names]
    stamps = ("hs_object_id", "createdate", table.object_type.modified_property)
    ids, created, modified = (_column_values(records, name, rows, window) for name in stamps)
    plain = [
        {
            "id": record_id,
            "properties": dict(zip(names, values, strict=True)),
            "createdAt": created_at,
            "updatedAt": updated_at,
            "archived": False,
        }
        for record_id, created_at, updated_at, values in zip(ids, created, modified, zip(*columns, strict=False), strict=False)
    ]
    if records.archived:
        for row, item in zip(rows, plain, strict=True):
            if row in records.archived:
                item |= {"archived": True, "archivedAt": format_iso(records.archived[row])}
    return plain


def serialize_with(
    table: ObjectTable, rows: Sequence[int], names: Sequence[str], value_of: Callable[[int, str], str | None]
) -> list[JsonRecord]:
    """Return records with values from another source, such as the search index."""
    return [
        {
            "id": str(table.records.ids[row]),
            "properties": {name: value_of(row, name) for name in names},
            "createdAt": value_of(row, "createdate"),
            "updatedAt": value_of(row, table.object_type.modified_property),
            "archived": False,
        }
        for row in rows
    ]


def _as_slice(rows: Sequence[int]) -> slice | None:
    """Return consecutive rows as a slice, otherwise None; slices are much faster, and pages of a list are consecutive."""
    if rows and list(rows) == list(range(rows[0], rows[0] + len(rows))):
        return slice(rows[0], rows[0] + len(rows))
    return None


def _column_values(records: RecordStore, name: str, rows: Sequence[int], slice_: slice | None) -> Iterable[str | None]:
    column = records.columns.get(name)
    if column is None:
        return repeat(None, len(rows))
    return column[slice_] if slice_ is not None else [column[row] for row in rows]
