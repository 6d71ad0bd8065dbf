"""Which properties of a portal are a scoring: groups that somebody made through the API, the score's own first."""

from __future__ import annotations

from typing import Final

from sync_worker.sandbox.crm.portal import Portal
from sync_worker.sandbox.crm.property_definitions import PropertyDefinition, PropertyGroup
from sync_worker.sandbox.crm.property_inference import CUSTOM_GROUP

Section = tuple[PropertyGroup, list[PropertyDefinition]]

_SCORE: Final = "_score"


def sections(portal: Portal) -> tuple[list[Section], list[Section]]:
    """Return the groups that were made through the API, with their properties, and the groups of HubSpot and of the data."""
    grouped = [(group, properties) for group, properties in portal.grouped_properties() if properties]
    made = [section for section in grouped if _made_by_api(*section)]
    return sorted(made, key=lambda section: _rank(section[1])), [section for section in grouped if section not in made]


def score_property(portal: Portal) -> str | None:
    """Return the property to sort contacts by: the number whose name ends in "_score"."""
    made, _ = sections(portal)
    return next((each.name for _, properties in made for each in properties if _is_score(each)), None)


def columns(portal: Portal) -> list[PropertyDefinition]:
    """Return the properties of the scoring that fit into a column of a table: numbers and options."""
    made, _ = sections(portal)
    return [each for _, properties in made[:1] for each in properties if each.type in {"number", "enumeration", "bool"}]


def _made_by_api(group: PropertyGroup, properties: list[PropertyDefinition]) -> bool:
    return group.name != CUSTOM_GROUP and not any(each.hubspot_defined for each in properties)


def _rank(properties: list[PropertyDefinition]) -> bool:
    return not any(_is_score(each) for each in properties)


def _is_score(definition: PropertyDefinition) -> bool:
    return definition.type == "number" and definition.name.endswith(_SCORE)
