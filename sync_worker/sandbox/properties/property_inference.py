"""Infers custom properties and missing options from the records of a portal."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from sync_worker.sandbox.properties.property_definitions import PropertyCatalog, PropertyDefinition, PropertyGroup, PropertyOption

Column = Sequence[str | None]
MAX_INFERRED_OPTIONS = 500
_NUMBER_PATTERN = re.compile(r"-?\d+(\.\d+)?")
_DATE_PATTERN = re.compile(r"\d{4}-\d{2}-\d{2}")
_DATETIME_PATTERN = re.compile(r"\d{4}-\d{2}-\d{2}T.*")
_TYPE_PATTERNS = (
    ("bool", "booleancheckbox", re.compile("true|false")),
    ("number", "number", _NUMBER_PATTERN),
    ("date", "date", _DATE_PATTERN),
)
CUSTOM_GROUP = "custom_properties"
BOOLEAN_OPTIONS = (PropertyOption(value="true", label="Yes", display_order=0), PropertyOption(value="false", label="No", display_order=1))


def infer_properties(catalog: PropertyCatalog, columns: Mapping[str, Column], *, now: int) -> None:
    """Add definitions for unknown columns, and options for unknown values of HubSpot's enumerations."""
    for name, column in columns.items():
        definition = catalog.get(name)
        if definition is None:
            catalog.groups.setdefault(CUSTOM_GROUP, PropertyGroup(name=CUSTOM_GROUP, label="Custom properties"))
            catalog.save(_infer_definition(name, column, now))
        elif definition.type == "enumeration" and definition.is_writable:
            catalog.save(_add_missing_options(definition, column))


def _infer_definition(name: str, column: Column, now: int) -> PropertyDefinition:
    type_, field_type = _infer_type(value for value in column if value is not None)
    label = name.replace("_", " ").capitalize()
    return PropertyDefinition(
        name=name,
        label=label,
        type=type_,
        field_type=field_type,
        group=CUSTOM_GROUP,
        options=BOOLEAN_OPTIONS if type_ == "bool" else (),
        created=now,
        updated=now,
    )


def _infer_type(values: Iterable[str]) -> tuple[str, str]:
    known = set(values)
    for type_, field_type, pattern in (*_TYPE_PATTERNS, ("datetime", "date", _DATETIME_PATTERN)):
        if all(pattern.fullmatch(value) for value in known):
            return type_, field_type
    return "string", "text"


def _add_missing_options(definition: PropertyDefinition, column: Column) -> PropertyDefinition:
    used = {part for value in set(column) if value for part in value.split(";") if part}
    missing = sorted(used - {option.value for option in definition.options})[:MAX_INFERRED_OPTIONS]
    start = len(definition.options)
    new = tuple(PropertyOption(value=value, label=value, display_order=start + at) for at, value in enumerate(missing))
    return replace(definition, options=definition.options + new) if new else definition
