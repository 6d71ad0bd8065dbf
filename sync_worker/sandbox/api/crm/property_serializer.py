"""Property definitions to JSON and back, with HubSpot's validation rules; hubspot-api.md section 4."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from sync_worker.sandbox.base.responses import Json, validation_error
from sync_worker.sandbox.base.timestamps import format_iso
from sync_worker.sandbox.crm.object_store import ObjectTable
from sync_worker.sandbox.properties.property_definitions import PropertyDefinition, PropertyOption
from sync_worker.sandbox.request.body_validation import integer_field
from sync_worker.sandbox.request.request import require_fields

FIELD_TYPES_BY_TYPE = {
    "string": {"text", "textarea", "html", "file", "phonenumber"},
    "phone_number": {"phonenumber"},
    "number": {"number"},
    "date": {"date"},
    "datetime": {"date"},
    "enumeration": {"select", "radio", "checkbox", "booleancheckbox"},
    "bool": {"booleancheckbox"},
}
MAX_NAME_LENGTH = 100
MAX_UNIQUE_PROPERTIES = 10
_NAME_PATTERN = re.compile(r"[a-z][a-z0-9_]*")


def serialize_property(definition: PropertyDefinition) -> Json:
    """Return the JSON of a property."""
    body: Json = {
        "updatedAt": format_iso(definition.updated),
        "createdAt": format_iso(definition.created),
        "name": definition.name,
        "label": definition.label,
        "type": definition.type,
        "fieldType": definition.field_type,
        "description": definition.description,
        "groupName": definition.group,
        "options": [serialize_option(option) for option in definition.options],
        "displayOrder": definition.display_order,
        "calculated": definition.calculated,
        "externalOptions": definition.name == "hubspot_owner_id",
        "archived": definition.archived_at is not None,
        "hasUniqueValue": definition.unique,
        "hidden": definition.hidden,
        "hubspotDefined": definition.hubspot_defined,
        "showCurrencySymbol": False,
        "modificationMetadata": {
            "archivable": not definition.hubspot_defined,
            "readOnlyDefinition": definition.hubspot_defined,
            "readOnlyOptions": definition.hubspot_defined and definition.name != "lifecyclestage",
            "readOnlyValue": not definition.is_writable,
        },
        "formField": definition.form_field,
        "dataSensitivity": "non_sensitive",
    }
    if definition.archived_at is not None:
        body["archivedAt"] = format_iso(definition.archived_at)
    return body


def serialize_option(option: PropertyOption) -> Json:
    """Return the JSON of an option."""
    body = {"label": option.label, "value": option.value, "displayOrder": option.display_order, "hidden": option.hidden}
    return body if option.description is None else {**body, "description": option.description}


def parse_definition(table: ObjectTable, body: Json, *, now: int) -> PropertyDefinition:
    """Return the property of a create request; `now` in epoch milliseconds."""
    require_fields(body, "PropertyCreate", "name", "label", "type", "fieldType", "groupName")
    name = str(body["name"]).lower()
    if not _NAME_PATTERN.fullmatch(name) or len(name) > MAX_NAME_LENGTH:
        raise validation_error(
            f"Property name {body['name']} is not valid: letters, digits and underscores, a letter first, at most {MAX_NAME_LENGTH}."
        )
    if name.startswith("hs_"):
        raise validation_error(f"Property name {name} is not valid: the prefix hs_ is reserved.")
    if body.get("hasUniqueValue") and len(table.catalog.unique_property_names()) >= MAX_UNIQUE_PROPERTIES:
        raise validation_error(f"At most {MAX_UNIQUE_PROPERTIES} properties may have unique values.")
    empty = PropertyDefinition(name=name, label="", type="", field_type="", group="", unique=bool(body.get("hasUniqueValue")), created=now)
    return update_definition(table, empty, body, now=now)


def update_definition(table: ObjectTable, definition: PropertyDefinition, body: Json, *, now: int) -> PropertyDefinition:
    """Return a property with the changes of a request body; `now` in epoch milliseconds."""
    updated = replace(
        definition,
        label=str(body.get("label", definition.label)),
        type=str(body.get("type", definition.type)),
        field_type=str(body.get("fieldType", definition.field_type)),
        group=str(body.get("groupName", definition.group)),
        description=str(body.get("description", definition.description) or ""),
        options=_parse_options(body["options"]) if body.get("options") is not None else definition.options,
        display_order=integer_field(body, "displayOrder", definition.display_order),
        hidden=bool(body.get("hidden", definition.hidden)),
        form_field=bool(body.get("formField", definition.form_field)),
        updated=now,
    )
    _validate_definition(table, updated)
    return updated


def _validate_definition(table: ObjectTable, definition: PropertyDefinition) -> None:
    if definition.type not in FIELD_TYPES_BY_TYPE:
        raise validation_error(f"Invalid property type: {definition.type}", errors=[{"message": "type", "in": "type"}])
    if definition.field_type not in FIELD_TYPES_BY_TYPE[definition.type] and not definition.hubspot_defined:
        raise validation_error(f"Invalid field type {definition.field_type} for property type {definition.type}")
    if definition.group not in table.catalog.groups:
        raise validation_error(
            f"Property group {definition.group} does not exist.", subCategory="PropertyGroupError.PROPERTY_GROUP_NOT_FOUND"
        )
    if definition.type == "bool" and {option.value for option in definition.options} != {"true", "false"}:
        raise validation_error("Boolean properties must have exactly two options, true and false.")
    others = (other for other in table.catalog.definitions.values() if other.name != definition.name and not definition.hubspot_defined)
    if any(other.label.casefold() == definition.label.casefold() for other in others):
        raise validation_error(
            f"A property with the label '{definition.label}' already exists.", subCategory="Properties.PROPERTY_WITH_LABEL_EXISTS"
        )


def _parse_options(items: Any) -> tuple[PropertyOption, ...]:  # noqa: ANN401 -- raw JSON of the client
    options = []
    for item in items:
        require_fields(item, "OptionInput", "label", "value", "displayOrder", "hidden")
        options.append(
            PropertyOption(
                value=str(item["value"]),
                label=str(item["label"]),
                display_order=integer_field(item, "displayOrder", -1),
                hidden=bool(item["hidden"]),
                description=item.get("description"),
            )
        )
    for texts in ([option.value for option in options], [option.label for option in options]):
        if len(set(texts)) < len(texts):
            raise validation_error("Property option labels and values must be unique.")
    if any(";" in option.value for option in options):
        raise validation_error("Property option values cannot contain ;")
    return tuple(options)
