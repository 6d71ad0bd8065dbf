"""Fits the standard properties to what the data of a portal holds."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from sync_worker.sandbox.crm.property_definitions import Catalog, PropertyDefinition, PropertyGroup, PropertyOption
from sync_worker.sandbox.crm.records import Column, Records

MOST_OPTIONS = 500
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_DATETIME = re.compile(r"\d{4}-\d{2}-\d{2}T.*")
_PATTERNS = (("bool", "booleancheckbox", re.compile("true|false")), ("number", "number", _NUMBER), ("date", "date", _DATE))
CUSTOM_GROUP = "custom_properties"


def fit(catalog: Catalog, records: Records, *, now: int) -> None:
    """Define every property that occurs in the records, and every option of HubSpot's enumerations that they use."""
    for name, column in records.columns.items():
        definition = catalog.get(name)
        if definition is None:
            catalog.groups.setdefault(CUSTOM_GROUP, PropertyGroup(name=CUSTOM_GROUP, label="Custom properties"))
            catalog.put(_guess(name, column, now))
        elif definition.type == "enumeration" and definition.writable:
            catalog.put(_with_options(definition, column))


def _guess(name: str, column: Column, now: int) -> PropertyDefinition:
    type_, field_type = _kind_of(value for value in column if value is not None)
    label = name.replace("_", " ").capitalize()
    booleans = (PropertyOption(value="true", label="Yes", display_order=0), PropertyOption(value="false", label="No", display_order=1))
    return PropertyDefinition(
        name=name,
        label=label,
        type=type_,
        field_type=field_type,
        group=CUSTOM_GROUP,
        options=booleans if type_ == "bool" else (),
        created=now,
        updated=now,
    )


def _kind_of(values: Iterable[str]) -> tuple[str, str]:
    known = set(values)
    for type_, field_type, pattern in (*_PATTERNS, ("datetime", "date", _DATETIME)):
        if all(pattern.fullmatch(value) for value in known):
            return type_, field_type
    return "string", "text"


def _with_options(definition: PropertyDefinition, column: Column) -> PropertyDefinition:
    used = {part for value in set(column) if value for part in value.split(";") if part}
    missing = sorted(used - {option.value for option in definition.options})[:MOST_OPTIONS]
    start = len(definition.options)
    new = tuple(PropertyOption(value=value, label=value, display_order=start + at) for at, value in enumerate(missing))
    return replace(definition, options=definition.options + new) if new else definition
