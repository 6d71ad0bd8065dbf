"""HubSpot's standard properties, read from standard_properties.txt; standard_options.py has their options.

Types and flags: hubspot-api.md 3.8, 5, 7c (a property dump of a real portal).
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files

from sync_worker.sandbox.base.object_types import CONTACTS, ObjectType
from sync_worker.sandbox.properties.property_definitions import PropertyCatalog, PropertyDefinition, PropertyGroup, PropertyOption
from sync_worker.sandbox.properties.standard_options import LIFECYCLE_STAGES, STANDARD_OPTIONS

_BOOLEAN_OPTIONS = {"true": "Yes", "false": "No"}


def standard_catalog(object_type: ObjectType, *, now: int) -> PropertyCatalog:
    """Return HubSpot's standard properties and groups of an object type; `now` in epoch milliseconds."""
    groups: list[PropertyGroup] = []
    definitions: list[PropertyDefinition] = []
    sections = _read_sections()
    for line in sections[object_type.name]:
        if line.startswith("["):
            name, label = line.strip("[]").split(": ")
            groups.append(PropertyGroup(name=name, label=label, display_order=len(groups)))
        else:
            lines = sections["record"] if line == "+ record" else [line]
            definitions.extend(_parse_definition(one, groups[-1].name, now) for one in lines)
    if object_type is CONTACTS:
        definitions.extend(_stage_date_definitions(now))
    return PropertyCatalog(definitions, groups)


def build_options(values: dict[str, str]) -> tuple[PropertyOption, ...]:
    """Return the options for a mapping of values to labels, in its order."""
    return tuple(PropertyOption(value=value, label=label, display_order=at) for at, (value, label) in enumerate(values.items()))


def _read_sections() -> dict[str, list[str]]:
    text = files("sync_worker.sandbox.properties").joinpath("standard_properties.txt").read_text("utf-8")
    sections: dict[str, list[str]] = {}
    for line in filter(None, text.splitlines()):
        if line.startswith("# "):
            lines = sections[line.removeprefix("# ")] = []
        else:
            lines.append(line)
    return sections


def _parse_definition(line: str, group: str, now: int) -> PropertyDefinition:
    name, type_, field_type, flags, label = line.split(" ", 4)
    return PropertyDefinition(
        name=name,
        label=label,
        type=type_,
        field_type=field_type,
        group=group,
        options=build_options(_BOOLEAN_OPTIONS)
        if type_ == "bool"
        else build_options(STANDARD_OPTIONS.get(name, {}))
        if type_ == "enumeration"
        else (),
        form_field=flags == "-",
        unique="u" in flags,
        calculated="c" in flags,
        read_only="c" in flags or "r" in flags,
        hubspot_defined=True,
        created=now,
        updated=now,
    )


def _stage_date_definitions(now: int) -> Iterator[PropertyDefinition]:
    for stage in LIFECYCLE_STAGES:
        for name, label in ((f"hs_lifecyclestage_{stage}_date", "Became a {} Date"), (f"hs_v2_date_entered_{stage}", "Date entered '{}'")):
            line = f"{name} datetime date r {label.format(STANDARD_OPTIONS['lifecyclestage'][stage])}"
            yield _parse_definition(line, "contactinformation", now)
