"""Property definitions between their JSON and ours, with HubSpot's rules for them; hubspot-api.md section 4."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from sync_worker.sandbox.base.responses import Json, invalid
from sync_worker.sandbox.base.timestamps import iso
from sync_worker.sandbox.crm.object_store import Table
from sync_worker.sandbox.crm.property_definitions import PropertyDefinition, PropertyOption
from sync_worker.sandbox.request.body_validation import whole
from sync_worker.sandbox.request.request import require

PAIRS = {
    "string": {"text", "textarea", "html", "file", "phonenumber"},
    "phone_number": {"phonenumber"},
    "number": {"number"},
    "date": {"date"},
    "datetime": {"date"},
    "enumeration": {"select", "radio", "checkbox", "booleancheckbox"},
    "bool": {"booleancheckbox"},
}
LONGEST_NAME = 100
MOST_UNIQUE = 10
_NAME = re.compile(r"[a-z][a-z0-9_]*")


def shown_property(definition: PropertyDefinition) -> Json:
    """Return a property as HubSpot shows it."""
    shown: Json = {
        "updatedAt": iso(definition.updated),
        "createdAt": iso(definition.created),
        "name": definition.name,
        "label": definition.label,
        "type": definition.type,
        "fieldType": definition.field_type,
        "description": definition.description,
        "groupName": definition.group,
        "options": [shown_option(option) for option in definition.options],
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
            "readOnlyValue": not definition.writable,
        },
        "formField": definition.form_field,
        "dataSensitivity": "non_sensitive",
    }
    if definition.archived_at is not None:
        shown["archivedAt"] = iso(definition.archived_at)
    return shown


def shown_option(option: PropertyOption) -> Json:
    """Return an option as HubSpot shows it."""
    shown = {"label": option.label, "value": option.value, "displayOrder": option.display_order, "hidden": option.hidden}
    return shown if option.description is None else {**shown, "description": option.description}


def definition_of(table: Table, body: Json, *, now: int) -> PropertyDefinition:
    """Return the property that a body asks to create; `now` in epoch milliseconds."""
    require(body, "PropertyCreate", "name", "label", "type", "fieldType", "groupName")
    name = str(body["name"]).lower()
    if not _NAME.fullmatch(name) or len(name) > LONGEST_NAME:
        raise invalid(
            f"Property name {body['name']} is not valid: letters, digits and underscores, a letter first, at most {LONGEST_NAME}."
        )
    if name.startswith("hs_"):
        raise invalid(f"Property name {name} is not valid: the prefix hs_ is reserved.")
    if body.get("hasUniqueValue") and len(table.catalog.unique_names()) >= MOST_UNIQUE:
        raise invalid(f"At most {MOST_UNIQUE} properties may have unique values.")
    empty = PropertyDefinition(name=name, label="", type="", field_type="", group="", unique=bool(body.get("hasUniqueValue")), created=now)
    return merged_definition(table, empty, body, now=now)


def merged_definition(table: Table, definition: PropertyDefinition, body: Json, *, now: int) -> PropertyDefinition:
    """Return a property with what a body changes of it."""
    merged = replace(
        definition,
        label=str(body.get("label", definition.label)),
        type=str(body.get("type", definition.type)),
        field_type=str(body.get("fieldType", definition.field_type)),
        group=str(body.get("groupName", definition.group)),
        description=str(body.get("description", definition.description) or ""),
        options=_options(body["options"]) if body.get("options") is not None else definition.options,
        display_order=whole(body, "displayOrder", definition.display_order),
        hidden=bool(body.get("hidden", definition.hidden)),
        form_field=bool(body.get("formField", definition.form_field)),
        updated=now,
    )
    _refuse_misfit(table, merged)
    return merged


def _refuse_misfit(table: Table, definition: PropertyDefinition) -> None:
    if definition.type not in PAIRS:
        raise invalid(f"Invalid property type: {definition.type}", errors=[{"message": "type", "in": "type"}])
    if definition.field_type not in PAIRS[definition.type] and not definition.hubspot_defined:
        raise invalid(f"Invalid field type {definition.field_type} for property type {definition.type}")
    if definition.group not in table.catalog.groups:
        raise invalid(f"Property group {definition.group} does not exist.", subCategory="PropertyGroupError.PROPERTY_GROUP_NOT_FOUND")
    if definition.type == "bool" and {option.value for option in definition.options} != {"true", "false"}:
        raise invalid("Boolean properties must have exactly two options, true and false.")
    others = (other for other in table.catalog.definitions.values() if other.name != definition.name and not definition.hubspot_defined)
    if any(other.label.casefold() == definition.label.casefold() for other in others):
        raise invalid(
            f"A property with the label '{definition.label}' already exists.", subCategory="Properties.PROPERTY_WITH_LABEL_EXISTS"
        )


def _options(items: Any) -> tuple[PropertyOption, ...]:  # noqa: ANN401 -- whatever the client sent
    options = []
    for item in items:
        require(item, "OptionInput", "label", "value", "displayOrder", "hidden")
        options.append(
            PropertyOption(
                value=str(item["value"]),
                label=str(item["label"]),
                display_order=whole(item, "displayOrder", -1),
                hidden=bool(item["hidden"]),
                description=item.get("description"),
            )
        )
    for named in ([option.value for option in options], [option.label for option in options]):
        if len(set(named)) < len(named):
            raise invalid("Property option labels and values must be unique.")
    if any(";" in option.value for option in options):
        raise invalid("Property option values cannot contain ;")
    return tuple(options)
