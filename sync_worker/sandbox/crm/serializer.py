"""Records as the JSON that HubSpot sends."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import repeat
from typing import Any

from sync_worker.sandbox.base.timestamps import format_iso
from sync_worker.sandbox.crm.object_store import ObjectTable
from sync_worker.sandbox.crm.records import RecordStore

JsonRecord = dict[str, Any]


def response_properties(table: ObjectTable, requested: Iterable[str]) -> list[str]:
    """Return the properties of a reply: those asked for that exist, or the usual ones, and those that are always there."""
    wanted = tuple(requested) or table.object_type.default_properties
    return list(dict.fromkeys([*(name for name in wanted if name in table.catalog), *table.object_type.mandatory_properties]))


def serialize(table: ObjectTable, rows: Sequence[int], names: Sequence[str]) -> list[JsonRecord]:
    """Return records with some of their properties; unset ones are null."""
    records = table.records
    window = _as_slice(rows)
    columns = [_column_values(records, name, rows, window) for name in names]
    stamps = ("hs_object_id", "createdate", table.object_type.modified_property)
    ids, created, modified = (_column_values(records, name, rows, window) for name in stamps)
    plain = [
        {"id": record_id, "properties": dict(zip(names, values, strict=True)), "createdAt": born, "updatedAt": changed, "archived": False}
        for record_id, born, changed, values in zip(ids, created, modified, zip(*columns, strict=False), strict=False)
    ]
    if records.archived:
        for row, item in zip(rows, plain, strict=True):
            if row in records.archived:
                item |= {"archived": True, "archivedAt": format_iso(records.archived[row])}
    return plain


def serialize_with(
    table: ObjectTable, rows: Sequence[int], names: Sequence[str], value_of: Callable[[int, str], str | None]
) -> list[JsonRecord]:
    """Return records with values that somebody else sees, such as the search index."""
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
    """Return the rows as a slice where they lie side by side: a page of a list does, and slices are much faster."""
    if rows and list(rows) == list(range(rows[0], rows[0] + len(rows))):
        return slice(rows[0], rows[0] + len(rows))
    return None


def _column_values(records: RecordStore, name: str, rows: Sequence[int], slice_: slice | None) -> Iterable[str | None]:
    column = records.columns.get(name)
    if column is None:
        return repeat(None, len(rows))
    return column[slice_] if slice_ is not None else [column[row] for row in rows]
