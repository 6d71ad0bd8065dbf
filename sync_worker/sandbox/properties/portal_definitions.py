"""The portal's own property definitions, from the rows of a portal folder."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from sync_worker.sandbox.base.portal_data import Row
from sync_worker.sandbox.properties.property_definitions import PropertyCatalog, PropertyDefinition, PropertyGroup, PropertyOption
from sync_worker.sandbox.properties.property_inference import BOOLEAN_OPTIONS, CUSTOM_GROUP


def save_definitions(catalog: PropertyCatalog, rows: Iterable[Row], *, now: int) -> None:
    """Add the definitions of one object type to its catalog.

    A row with the name of a standard property replaces its label, type and options, such as the lifecycle stages of the portal.
    `now` in epoch milliseconds.
    """
    for row in rows:
        name = row["name"]
        base = catalog.get(name) or PropertyDefinition(
            name=name, label=_label(name), type="", field_type="", group=CUSTOM_GROUP, created=now, updated=now
        )
        group = str(row.get("groupName") or base.group)
        catalog.groups.setdefault(group, PropertyGroup(name=group, label=_label(group)))
        metadata = row.get("modificationMetadata") or {}
        catalog.save(
            replace(
                base,
                label=str(row.get("label") or base.label),
                type=row["type"],
                field_type=row["fieldType"],
                group=group,
                description=str(row.get("description") or base.description),
                options=_parse_options(row) or base.options,
                calculated=bool(row.get("calculated", base.calculated)),
                read_only=bool(metadata.get("readOnlyValue", base.read_only)),
                unique=bool(row.get("hasUniqueValue", base.unique)),
            )
        )


def _parse_options(row: Row) -> tuple[PropertyOption, ...]:
    if row["type"] == "bool":
        return BOOLEAN_OPTIONS
    return tuple(
        PropertyOption(
            value=option["value"],
            label=str(option.get("label") or option["value"]),
            display_order=int(option.get("displayOrder", number)),
            hidden=bool(option.get("hidden")),
            description=option.get("description"),
        )
        for number, option in enumerate(row["options"])
    )


def _label(name: str) -> str:
    return name.replace("_", " ").capitalize()
