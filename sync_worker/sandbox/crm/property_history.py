"""The versions of a property value, as `propertiesWithHistory` shows them."""

from __future__ import annotations

from typing import Any

from sync_worker.sandbox.base.timestamps import iso
from sync_worker.sandbox.crm.audit_log import Change, History
from sync_worker.sandbox.crm.object_store import Table

Json = dict[str, Any]


def versions(table: Table, history: History, row: int, name: str) -> list[Json]:
    """Return the values that a property has had, newest first; the one it was loaded with comes last."""
    changes = list(history.of(table.kind.name, table.records.ids[row], name))
    first = changes[-1].before if changes else table.records.value(row, name)
    shown = [_version(change) for change in changes]
    if first is not None:
        shown.append({"value": first, "timestamp": table.records.value(row, "createdate"), "sourceType": "CRM_UI"})
    return shown


def with_history(table: Table, history: History, rows: list[int], items: list[Json], name: str) -> None:
    """Add the versions of a property to rendered records."""
    if name not in table.catalog:
        return
    for row, item in zip(rows, items, strict=True):
        item.setdefault("propertiesWithHistory", {})[name] = versions(table, history, row, name)


def _version(change: Change) -> Json:
    source = change.source
    version: Json = {"value": change.after or "", "timestamp": iso(change.at), "sourceType": source.type}
    if source.id is not None:
        version["sourceId"] = source.id
    if source.label is not None:
        version["sourceLabel"] = source.label
    return version
