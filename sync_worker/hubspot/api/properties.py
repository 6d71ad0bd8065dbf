"""Definitions of properties and their groups: what can be read, and what the worker adds."""

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
    """The definitions of one portal. `object_type` is contacts, companies or deals."""

    def __init__(self, core: Untyped, batch: Untyped, groups: Untyped) -> None:
        self._core = core
        self._batch = batch
        self._groups = groups

    def list_all(self, object_type: str = "contacts", *, archived: bool = False) -> dict[str, PropertyDefinition]:
        """Return the definitions by name; the archived ones instead when asked."""
        data: JsonObject = self._core.get_all(object_type, archived=archived, **RAW)
        with translate_parse_errors(f"read the properties of {object_type}"):
            return {row["name"]: parse_property(row) for row in data["results"]}

    def read_lifecycle_stages(self) -> tuple[PropertyOption, ...]:
        """Return the stages of this portal, which may rename, add and reorder them, from the first to the last."""
        row: JsonObject = self._core.get_by_name("contacts", LIFECYCLE_STAGE_PROPERTY, **RAW)
        with translate_parse_errors("read a property of contacts"):
            return tuple(sorted(parse_property(row).options, key=lambda option: option.order))

    def create(self, object_type: str, definition: PropertyDefinition) -> PropertyDefinition:
        """Make a property; one that exists already is left as it is, an archived one of the same name comes back with its values."""
        try:
            row: JsonObject = self._core.create(object_type, _build_body(definition), **RAW)
        except Conflict:
            row = self._core.get_by_name(object_type, definition.name, **RAW)
        with translate_parse_errors(f"create a property of {object_type}"):
            return parse_property(row)

    def create_all(self, object_type: str, definitions: Sequence[PropertyDefinition]) -> BatchCreateResult:
        """Make properties, a hundred a request, and list those that HubSpot refuses, with their reasons."""
        made: list[PropertyDefinition] = []
        rejected: dict[str, str] = {}
        for start in range(0, len(definitions), BATCH_SIZE):
            batch = definitions[start : start + BATCH_SIZE]
            together = self._create_batch(object_type, batch)
            made += together.values()
            for each in batch:
                if each.name not in together:
                    self._create_one(object_type, each, made, rejected)
        return BatchCreateResult(properties=tuple(made), rejected=rejected)

    def update(self, object_type: str, definition: PropertyDefinition) -> PropertyDefinition:
        """Make an existing property be as given; its options are replaced as a whole, name and type stay."""
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
        """Make a property group; one that exists already is left as it is."""
        body = {"name": group.name, "label": group.label, "displayOrder": group.order}
        try:
            row: JsonObject = self._groups.create(object_type, body, **RAW)
        except Conflict:
            return self.list_groups(object_type)[group.name]
        with translate_parse_errors(f"create a property group of {object_type}"):
            return parse_property_group(row)

    def update_group(self, object_type: str, group: PropertyGroup) -> PropertyGroup:
        """Give an existing property group its label."""
        row: JsonObject = self._groups.update(object_type, group.name, {"label": group.label, "displayOrder": group.order}, **RAW)
        with translate_parse_errors(f"change a property group of {object_type}"):
            return parse_property_group(row)

    def _create_batch(self, object_type: str, batch: Sequence[PropertyDefinition]) -> dict[str, PropertyDefinition]:
        """Return those that were made; of the others nobody knows yet why not."""
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
        except InvalidRequest as refusal:
            rejected[definition.name] = str(refusal.response)


def _build_body(definition: PropertyDefinition) -> JsonObject:
    """Return what HubSpot is sent: the fields that both versions know."""
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
