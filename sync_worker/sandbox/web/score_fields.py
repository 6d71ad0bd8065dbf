"""Which properties of a portal are a scoring: groups that somebody made through the API, the score's own first."""

from __future__ import annotations

from typing import Final

from sync_worker.sandbox.crm.portal import SandboxPortal
from sync_worker.sandbox.properties.property_definitions import PropertyDefinition, PropertyGroup
from sync_worker.sandbox.properties.property_inference import CUSTOM_GROUP

PropertySection = tuple[PropertyGroup, list[PropertyDefinition]]

_SCORE_SUFFIX: Final = "_score"


def split_sections(portal: SandboxPortal) -> tuple[list[PropertySection], list[PropertySection]]:
    """Return the groups that were made through the API, with their properties, and the groups of HubSpot and of the data."""
    grouped = [(group, properties) for group, properties in portal.properties_by_group() if properties]
    made = [section for section in grouped if _is_api_group(*section)]
    return sorted(made, key=lambda section: _sort_rank(section[1])), [section for section in grouped if section not in made]


def score_property(portal: SandboxPortal) -> str | None:
    """Return the property to sort contacts by: the number whose name ends in "_score"."""
    made, _ = split_sections(portal)
    return next((each.name for _, properties in made for each in properties if _is_score(each)), None)


def table_columns(portal: SandboxPortal) -> list[PropertyDefinition]:
    """Return the properties of the scoring that fit into a column of a table: numbers and options."""
    made, _ = split_sections(portal)
    return [each for _, properties in made[:1] for each in properties if each.type in {"number", "enumeration", "bool"}]


def _is_api_group(group: PropertyGroup, properties: list[PropertyDefinition]) -> bool:
    return group.name != CUSTOM_GROUP and not any(each.hubspot_defined for each in properties)


def _sort_rank(properties: list[PropertyDefinition]) -> bool:
    return not any(_is_score(each) for each in properties)


def _is_score(definition: PropertyDefinition) -> bool:
    return definition.type == "number" and definition.name.endswith(_SCORE_SUFFIX)
