"""Properties API: definitions of properties and property groups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sync_worker.hubspot.records.models import BatchCreateResult, PropertyDefinition, PropertyGroup, PropertyOption
from sync_worker.hubspot.records.parsing import JsonObject, parse_property, parse_property_group, translate_parse_errors
from sync_worker.hubspot.rest.error_responses import Conflict, InvalidRequest
from sync_worker.hubspot.rest.sdk import RAW, Untyped

BATCH_SIZE: Final = 100
LIFECYCLE_STAGE_PROPERTY: Final = "lifecyclestage"


class Properties:
    """The property definitions of one portal. `object_type` is contacts, companies or deals."""

    def __init__(self, core: Untyped, batch: Untyped, groups: Untyped) -> None:
        self._core = core
        self._batch = batch
        self._groups = groups

    def list_all(self, object_type: str = "contacts", *, archived: bool = False) -> dict[str, PropertyDefinition]:
        """Return the definitions by name. `archived` returns archived definitions instead."""
        data: JsonObject = self._core.get_all(object_type, archived=archived, **RAW)
        with translate_parse_errors(f"read the properties of {object_type}"):
            return {row["name"]: parse_property(row) for row in data["results"]}

    def read_lifecycle_stages(self) -> tuple[PropertyOption, ...]:
        """Return the lifecycle stages of this portal in order. Portals may rename, add and reorder them."""
        row: JsonObject = self._core.get_by_name("contacts", LIFECYCLE_STAGE_PROPERTY, **RAW)
        with translate_parse_errors("read a property of contacts"):
            return tuple(sorted(parse_property(row).options, key=lambda option: option.order))

    def create(self, object_type: str, definition: PropertyDefinition) -> PropertyDefinition:
        """Create a property. An existing one is not changed; an archived one is restored with its values."""
        try:
            row: JsonObject = self._core.create(object_type, _build_body(definition), **RAW)
        except Conflict:
            row = self._core.get_by_name(object_type, definition.name, **RAW)
        with translate_parse_errors(f"create a property of {object_type}"):
            return parse_property(row)

    def create_all(self, object_type: str, definitions: Sequence[PropertyDefinition]) -> BatchCreateResult:
        """Create properties, 100 per request. The result lists rejected properties with their reasons."""
        created: list[PropertyDefinition] = []
        rejected: dict[str, str] = {}
        for start in range(0, len(definitions), BATCH_SIZE):
            batch = definitions[start : start + BATCH_SIZE]
            batch_result = self._create_batch(object_type, batch)
            created += batch_result.values()
            for each in batch:
                if each.name not in batch_result:
                    self._create_one(object_type, each, created, rejected)
        return BatchCreateResult(properties=tuple(created), rejected=rejected)

    def update(self, object_type: str, definition: PropertyDefinition) -> PropertyDefinition:
        """Update an existing property, except its name and type. HubSpot replaces all options."""
        body = {key: value for key, value in _build_body(definition).items() if key not in {"name", "type"}}
        row: JsonObject = self._core.update(object_type, definition.name, body, **RAW)
        with translate_parse_errors(f"change a property of {object_type}"):
            return parse_property(row)

    def list_groups(self, object_type: str = "contacts") -> dict[str, PropertyGroup]:
        """Return the property groups by name."""
        data: JsonObject = self._groups.get_all(object_type, **RAW)
        with translate_parse_errors(f"read the property groups of {object_type}"):
            return {row["name"]: parse_property_group(row) for row in data["results"]}

    def create_group(self, object_type: str, group: PropertyGroup) -> PropertyGroup:
        """Create a property group. An existing one is not changed."""
        body = {"name": group.name, "label": group.label, "displayOrder": group.order}
        try:
            row: JsonObject = self._groups.create(object_type, body, **RAW)
        except Conflict:
            return self.list_groups(object_type)[group.name]
        with translate_parse_errors(f"create a property group of {object_type}"):
            return parse_property_group(row)

    def update_group(self, object_type: str, group: PropertyGroup) -> PropertyGroup:
        """Update the label and the order of a property group."""
        row: JsonObject = self._groups.update(object_type, group.name, {"label": group.label, "displayOrder": group.order}, **RAW)
        with translate_parse_errors(f"change a property group of {object_type}"):
            return parse_property_group(row)

    def _create_batch(self, object_type: str, batch: Sequence[PropertyDefinition]) -> dict[str, PropertyDefinition]:
        """Return the created properties. `_create_one` finds the reasons for the missing ones."""
        try:
            data: JsonObject = self._batch.create(object_type, {"inputs": [_build_body(each) for each in batch]}, **RAW)
        except InvalidRequest:
            return {}
        with translate_parse_errors(f"create properties of {object_type}"):
            return {row["name"]: parse_property(row) for row in data["results"]}

    def _create_one(
        self, object_type: str, definition: PropertyDefinition, created: list[PropertyDefinition], rejected: dict[str, str]
    ) -> None:
        try:
            created.append(self.create(object_type, definition))
        except InvalidRequest as error:
            rejected[definition.name] = str(error.response)


def _build_body(definition: PropertyDefinition) -> JsonObject:
    """Return the request body, with the fields that both API versions have."""
    return {
        "name": definition.name,
        "label": definition.label,
        "type": definition.type,
        "fieldType": definition.field_type,
        "groupName": definition.group,
        "description": definition.description,
        "options": [_build_option_body(each) for each in definition.options],
        "displayOrder": definition.order,
        "hidden": definition.hidden,
        "formField": definition.form_field,
    }


def _build_option_body(option: PropertyOption) -> JsonObject:
    body: JsonObject = {"label": option.label, "value": option.value, "displayOrder": option.order, "hidden": option.hidden}
    return body | ({"description": option.description} if option.description is not None else {})
