"""Loads rows of a portal folder into a column store."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import pairwise

from sync_worker.sandbox.base.errors import PortalFolderError
from sync_worker.sandbox.base.object_types import ObjectType
from sync_worker.sandbox.base.portal_data import Row
from sync_worker.sandbox.base.timestamps import format_iso, parse_ms
from sync_worker.sandbox.crm.records import Column, RecordStore

MAX_INTERNED_VALUES = 20_000  # columns with more distinct values are not interned


class _ColumnBuilder:
    """A column under construction; equal values share one string as long as few values are distinct."""

    __slots__ = ("seen", "values")

    def __init__(self) -> None:
        self.values: Column = []
        self.seen: dict[str, str] | None = {}

    def append_at(self, row: int, value: str) -> None:
        """Set the value of a row; rows come in ascending order."""
        if len(self.values) < row:
            _pad_column(self.values, row)
        if self.seen is not None:
            value = self.seen.setdefault(value, value)
            if len(self.seen) > MAX_INTERNED_VALUES:
                self.seen = None
        self.values.append(value)


def property_text(value: object) -> str | None:
    """Return a property value as text, as HubSpot stores it; None for an empty value."""
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else str(value)


def load_records(object_type: ObjectType, rows: Iterable[Row], *, default_ms: int) -> RecordStore:
    """Load records from rows in any order.

    Args:
        object_type: object type of the rows.
        rows: records of a portal folder: id, properties, createdAt, updatedAt, archived.
        default_ms: creation time of rows without one, in epoch milliseconds.

    Raises:
        PortalFolderError: an id is not a number, or occurs twice.
    """
    records, columns = RecordStore(object_type), defaultdict[str, _ColumnBuilder](_ColumnBuilder)
    for row in rows:
        _add_row(records, row, columns, default_ms)
    for name in dict.fromkeys((*object_type.mandatory_properties, *columns)):
        values = columns[name].values
        _pad_column(values, len(records.ids))
        records.columns[name] = values
    _sort_records(records)
    return records


def complete_properties(object_type: ObjectType, row: Row, *, default_ms: int) -> tuple[dict[str, str], int, int]:
    """Return the properties of a row as HubSpot returns them, and when the record was created and last changed (epoch milliseconds).

    Empty values are left out. HubSpot's own properties, such as the id and the times, replace those of the row.
    """
    properties = row.get("properties") or {}
    created_text, created = _parse_timestamp(properties.get("createdate") or row.get("createdAt"), default_ms)
    modified_text, modified = _parse_timestamp(row.get("updatedAt") or properties.get(object_type.modified_property), created)
    stamps = {
        "hs_object_id": str(_parse_id(object_type, row)),
        "createdate": created_text,
        object_type.modified_property: modified_text,
        "hs_lastmodifieddate": modified_text,
    }
    values = {**properties, **stamps}
    return {name: text for name, raw in values.items() if (text := raw if type(raw) is str else property_text(raw))}, created, modified


def _add_row(records: RecordStore, row: Row, columns: Mapping[str, _ColumnBuilder], default_ms: int) -> None:
    index = len(records.ids)
    properties, created, modified = complete_properties(records.object_type, row, default_ms=default_ms)
    records.ids.append(int(properties["hs_object_id"]))
    records.created.append(created)
    records.modified.append(modified)
    if row.get("archived"):
        records.archived[index] = modified
    for name, value in properties.items():
        columns[name].append_at(index, value)


def _parse_id(object_type: ObjectType, row: Row) -> int:
    try:
        return int(row["id"])
    except (KeyError, TypeError, ValueError):
        hint = f"Set the id of every row in {object_type.name}.jsonl to digits."
        raise PortalFolderError(f"{object_type.name}.jsonl: {row.get('id')!r} is not a {object_type.singular} id.", hint=hint) from None


def _parse_timestamp(value: object, default_ms: int) -> tuple[str, int]:
    raw = property_text(value)
    ms = parse_ms(raw) if raw else None
    if raw is None or ms is None:
        return format_iso(default_ms), default_ms
    return (format_iso(ms) if raw.isdigit() else raw), ms


def _pad_column(column: Column, length: int) -> None:
    column.extend([None] * (length - len(column)))


def _sort_records(records: RecordStore) -> None:
    ids = records.ids
    if all(ids[i] < ids[i + 1] for i in range(len(ids) - 1)):
        return
    order = sorted(range(len(ids)), key=ids.__getitem__)
    for before, after in pairwise(order):
        if ids[before] == ids[after]:
            hint = "Remove one of the rows; ids are unique."
            raise PortalFolderError(f"{records.object_type.name}.jsonl: id {ids[before]} occurs twice.", hint=hint)
    for name in ("ids", "created", "modified"):
        values = getattr(records, name)
        setattr(records, name, array("q", [values[row] for row in order]))
    for name, column in records.columns.items():
        records.columns[name] = [column[row] for row in order]
    records.archived = {new: records.archived[old] for new, old in enumerate(order) if old in records.archived}
