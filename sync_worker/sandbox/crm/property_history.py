"""The version history of property values, the content of `propertiesWithHistory`."""

from __future__ import annotations

from typing import Any

from sync_worker.sandbox.base.timestamps import format_iso
from sync_worker.sandbox.crm.audit_log import AuditLog, PropertyChange
from sync_worker.sandbox.crm.object_store import ObjectTable

JsonVersion = dict[str, Any]


def value_history(table: ObjectTable, audit_log: AuditLog, row: int, property_name: str) -> list[JsonVersion]:
    """Return the versions of a property value, newest first; the loaded value is the last one."""
    changes = list(audit_log.record_changes(table.object_type.name, table.records.ids[row], property_name))
    first = changes[-1].old_value if changes else table.records.value(row, property_name)
    versions = [_serialize_change(change) for change in changes]
    if first is not None:
        versions.append({"value": first, "timestamp": table.records.value(row, "createdate"), "sourceType": "CRM_UI"})
    return versions


def add_history(table: ObjectTable, audit_log: AuditLog, rows: list[int], items: list[JsonVersion], property_name: str) -> None:
    """Add the history of a property to serialized records."""
    if property_name not in table.catalog:
        return
    for row, item in zip(rows, items, strict=True):
        item.setdefault("propertiesWithHistory", {})[property_name] = value_history(table, audit_log, row, property_name)


def _serialize_change(change: PropertyChange) -> JsonVersion:
    source = change.source
    version: JsonVersion = {"value": change.new_value or "", "timestamp": format_iso(change.at), "sourceType": source.type}
    if source.id is not None:
        version["sourceId"] = source.id
    if source.label is not None:
        version["sourceLabel"] = source.label
    return version
