"""Properties API: definitions of properties and property groups."""

from __future__ import annotations

from sync_worker.hubspot.records.field_parsers import parse_property, parse_property_group, translate_parse_errors
from sync_worker.hubspot.records.models import PropertyDefinition, PropertyGroup, PropertyOption
from sync_worker.hubspot.records.row_parser import JsonObject, RowParser
from sync_worker.hubspot.rest.error_responses import Conflict
from sync_worker.hubspot.rest.sdk import RAW, Untyped


class Properties:
    """The property definitions of one portal. `object_type` is contacts, companies or deals."""

    def __init__(self, core: Untyped, groups: Untyped, rows: RowParser) -> None:
        self._core = core
        self._groups = groups
        self._rows = rows

    def list_all(self, object_type: str = "contacts", *, archived: bool = False) -> dict[str, PropertyDefinition]:
        """Return the definitions by name. `archived` returns archived definitions instead."""
        data: JsonObject = self._core.get_all(object_type, archived=archived, **RAW)
        operation = f"read the properties of {object_type}"
        with translate_parse_errors(operation):
            return {each.name: each for each in self._rows.parse(data["results"], parse_property, operation=operation).items}

    def create(self, object_type: str, definition: PropertyDefinition) -> PropertyDefinition:
        """Create a property. An existing one is not changed; an archived one is restored with its values."""
        try:
            row: JsonObject = self._core.create(object_type, _build_body(definition), **RAW)
        except Conflict:
            row = self._core.get_by_name(object_type, definition.name, **RAW)
        with translate_parse_errors(f"create a property of {object_type}"):
            return parse_property(row)

    def update(self, object_type: str, definition: PropertyDefinition) -> PropertyDefinition:
        """Update an existing property, except its name and type. HubSpot replaces all options."""
        body = {key: value for key, value in _build_body(definition).items() if key not in {"name", "type"}}
        row: JsonObject = self._core.update(object_type, definition.name, body, **RAW)
        with translate_parse_errors(f"change a property of {object_type}"):
            return parse_property(row)

    def list_groups(self, object_type: str = "contacts") -> dict[str, PropertyGroup]:
        """Return the property groups by name."""
        data: JsonObject = self._groups.get_all(object_type, **RAW)
        operation = f"read the property groups of {object_type}"
        with translate_parse_errors(operation):
            return {each.name: each for each in self._rows.parse(data["results"], parse_property_group, operation=operation).items}

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
