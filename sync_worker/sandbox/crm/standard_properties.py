"""The properties that every HubSpot portal has, of the objects that we keep.

Types and what cannot be written: hubspot-api.md 3.8, 5, 7c (a property dump of a real portal); standard_properties.txt lists them.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files

from sync_worker.sandbox.base.object_types import CONTACTS, ObjectType
from sync_worker.sandbox.crm.property_definitions import Catalog, PropertyDefinition, PropertyGroup, PropertyOption
from sync_worker.sandbox.crm.standard_options import STAGE_NAMES, STANDARD_OPTIONS

_BOOLEAN = {"true": "Yes", "false": "No"}


def catalog(kind: ObjectType, *, now: int) -> Catalog:
    """Return HubSpot's own properties and groups of an object type; `now` in epoch milliseconds."""
    groups: list[PropertyGroup] = []
    definitions: list[PropertyDefinition] = []
    sections = _sections()
    for line in sections[kind.name]:
        if line.startswith("["):
            name, label = line.strip("[]").split(": ")
            groups.append(PropertyGroup(name=name, label=label, display_order=len(groups)))
        else:
            lines = sections["record"] if line == "+ record" else [line]
            definitions.extend(_definition(one, groups[-1].name, now) for one in lines)
    if kind is CONTACTS:
        definitions.extend(_stage_dates(now))
    return Catalog(definitions, groups)


def options(values: dict[str, str]) -> tuple[PropertyOption, ...]:
    """Return options of values and labels in their order."""
    return tuple(PropertyOption(value=value, label=label, display_order=at) for at, (value, label) in enumerate(values.items()))


def _sections() -> dict[str, list[str]]:
    text = files("sync_worker.sandbox.crm").joinpath("standard_properties.txt").read_text("utf-8")
    sections: dict[str, list[str]] = {}
    for line in filter(None, text.splitlines()):
        if line.startswith("# "):
            lines = sections[line.removeprefix("# ")] = []
        else:
            lines.append(line)
    return sections


def _definition(line: str, group: str, now: int) -> PropertyDefinition:
    name, type_, field_type, flags, label = line.split(" ", 4)
    return PropertyDefinition(
        name=name,
        label=label,
        type=type_,
        field_type=field_type,
        group=group,
        options=options(_BOOLEAN) if type_ == "bool" else options(STANDARD_OPTIONS.get(name, {})) if type_ == "enumeration" else (),
        form_field=flags == "-",
        unique="u" in flags,
        calculated="c" in flags,
        read_only="c" in flags or "r" in flags,
        hubspot_defined=True,
        created=now,
        updated=now,
    )


def _stage_dates(now: int) -> Iterator[PropertyDefinition]:
    for stage in STAGE_NAMES:
        for name, label in ((f"hs_lifecyclestage_{stage}_date", "Became a {} Date"), (f"hs_v2_date_entered_{stage}", "Date entered '{}'")):
            line = f"{name} datetime date r {label.format(STANDARD_OPTIONS['lifecyclestage'][stage])}"
            yield _definition(line, "contactinformation", now)
