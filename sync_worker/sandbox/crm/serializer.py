"""Records as the JSON that HubSpot sends."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import repeat
from typing import Any

from sync_worker.sandbox.base.timestamps import iso
from sync_worker.sandbox.crm.object_store import Table
from sync_worker.sandbox.crm.records import Records

Json = dict[str, Any]


def names_for(table: Table, asked: Iterable[str]) -> list[str]:
    """Return the properties of a reply: those asked for that exist, or the usual ones, and those that are always there."""
    wanted = tuple(asked) or table.kind.shown
    return list(dict.fromkeys([*(name for name in wanted if name in table.catalog), *table.kind.always]))


def render(table: Table, rows: Sequence[int], names: Sequence[str]) -> list[Json]:
    """Return records with some of their properties; unset ones are null."""
    records = table.records
    window = _window(rows)
    columns = [_values(records, name, rows, window) for name in names]
    stamps = ("hs_object_id", "createdate", table.kind.modified)
    ids, created, modified = (_values(records, name, rows, window) for name in stamps)
    plain = [
        {"id": record_id, "properties": dict(zip(names, values, strict=True)), "createdAt": born, "updatedAt": changed, "archived": False}
        for record_id, born, changed, values in zip(ids, created, modified, zip(*columns, strict=False), strict=False)
    ]
    if records.archived:
        for row, item in zip(rows, plain, strict=True):
            if row in records.archived:
                item |= {"archived": True, "archivedAt": iso(records.archived[row])}
    return plain


def render_as(table: Table, rows: Sequence[int], names: Sequence[str], value: Callable[[int, str], str | None]) -> list[Json]:
    """Return records with values that somebody else sees, such as the search index."""
    return [
        {
            "id": str(table.records.ids[row]),
            "properties": {name: value(row, name) for name in names},
            "createdAt": value(row, "createdate"),
            "updatedAt": value(row, table.kind.modified),
            "archived": False,
        }
        for row in rows
    ]


def _window(rows: Sequence[int]) -> slice | None:
    """Return the rows as a slice where they lie side by side: a page of a list does, and slices are much faster."""
    if rows and list(rows) == list(range(rows[0], rows[0] + len(rows))):
        return slice(rows[0], rows[0] + len(rows))
    return None


def _values(records: Records, name: str, rows: Sequence[int], window: slice | None) -> Iterable[str | None]:
    column = records.columns.get(name)
    if column is None:
        return repeat(None, len(rows))
    return column[window] if window is not None else [column[row] for row in rows]
