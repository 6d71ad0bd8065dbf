"""Selects the score properties of a portal: the property groups created through the API, the group of the score first."""

from __future__ import annotations

from typing import Final

from sync_worker.sandbox.crm.portal import SandboxPortal
from sync_worker.sandbox.properties.property_definitions import PropertyDefinition, PropertyGroup
from sync_worker.sandbox.properties.property_inference import CUSTOM_GROUP

PropertySection = tuple[PropertyGroup, list[PropertyDefinition]]

_SCORE_SUFFIX: Final = "_score"


def split_sections(portal: SandboxPortal) -> tuple[list[PropertySection], list[PropertySection]]:
    """Return the groups created through the API, and the groups of HubSpot and of the portal data, each with its properties."""
    sections = [(group, properties) for group, properties in portal.properties_by_group() if properties]
    score_sections = [section for section in sections if _is_api_group(*section)]
    other_sections = [section for section in sections if section not in score_sections]
    return sorted(score_sections, key=lambda section: _sort_rank(section[1])), other_sections


def score_property(portal: SandboxPortal) -> str | None:
    """Return the name of the property that sorts the contacts: the first number whose name ends in "_score", or None."""
    score_sections, _ = split_sections(portal)
    return next((each.name for _, properties in score_sections for each in properties if _is_score(each)), None)


def table_columns(portal: SandboxPortal) -> list[PropertyDefinition]:
    """Return the score properties that fit into a table column: numbers and options."""
    score_sections, _ = split_sections(portal)
    return [each for _, properties in score_sections[:1] for each in properties if each.type in {"number", "enumeration", "bool"}]


def _is_api_group(group: PropertyGroup, properties: list[PropertyDefinition]) -> bool:
    return group.name != CUSTOM_GROUP and not any(each.hubspot_defined for each in properties)


def _sort_rank(properties: list[PropertyDefinition]) -> bool:
    return not any(_is_score(each) for each in properties)


def _is_score(definition: PropertyDefinition) -> bool:
    return definition.type == "number" and definition.name.endswith(_SCORE_SUFFIX)
