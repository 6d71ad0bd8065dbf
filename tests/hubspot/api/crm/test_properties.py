from __future__ import annotations

from typing import Any

import pytest

from sync_worker.errors import BadRequest
from sync_worker.hubspot.client import HubSpot
from sync_worker.hubspot.records.models import PropertyDefinition, PropertyGroup, PropertyOption
from tests.hubspot.fakes import FakeServer, error_body, json_response

PROPERTIES = "/crm/v3/properties/contacts"
EXISTS = error_body(
    "A property named 'lead_score' already exists.", "OBJECT_ALREADY_EXISTS", subCategory="Properties.PROPERTY_WITH_NAME_EXISTS"
)
SCORE = PropertyDefinition(name="lead_score", label="Lead score", type="number", field_type="number", group="lead_scoring")
BAND = PropertyDefinition(
    name="lead_score_band",
    label="Band",
    type="enumeration",
    field_type="select",
    group="lead_scoring",
    description="How far along.",
    options=(PropertyOption(value="cold", label="Cold", order=0), PropertyOption(value="hot", label="Hot", order=1, description="now")),
)


def property_body(definition: PropertyDefinition, **more: object) -> dict[str, Any]:
    options = [{"label": each.label, "value": each.value, "displayOrder": each.order, "hidden": False} for each in definition.options]
    return {
        "name": definition.name,
        "label": definition.label,
        "type": definition.type,
        "fieldType": definition.field_type,
        "groupName": definition.group,
        "description": definition.description,
        "options": options,
        "displayOrder": -1,
        "hidden": False,
        "formField": False,
        "archived": False,
        "createdAt": "2026-01-01T00:00:00Z",
        "modificationMetadata": {"archivable": True, "readOnlyDefinition": False, "readOnlyValue": False},
        **more,
    }


def test_definitions_are_read_by_name(hubspot: HubSpot, server: FakeServer) -> None:
    read_only = property_body(SCORE, name="hs_object_id", modificationMetadata={"readOnlyValue": True}, hubspotDefined=True)
    calculated = property_body(SCORE, name="num_conversion_events", calculated=True, modificationMetadata=None)
    server.respond("GET", PROPERTIES, json_response({"results": [property_body(BAND), read_only, calculated]}))

    found = hubspot.properties.list_all()

    assert list(found) == ["lead_score_band", "hs_object_id", "num_conversion_events"]
    assert found["lead_score_band"].options[0] == PropertyOption(value="cold", label="Cold", order=0)
    assert [each.read_only for each in found.values()] == [False, True, True]
    assert found["hs_object_id"].hubspot_defined
    assert server.queries[0] == {"archived": "false"}


def test_a_property_is_created_with_the_fields_of_both_versions(hubspot: HubSpot, server: FakeServer) -> None:
    server.respond("POST", PROPERTIES, json_response(property_body(BAND), 201))

    assert hubspot.properties.create("contacts", BAND).name == "lead_score_band"
    assert server.bodies[0] == {
        "name": "lead_score_band",
        "label": "Band",
        "type": "enumeration",
        "fieldType": "select",
        "groupName": "lead_scoring",
        "description": "How far along.",
        "options": [
            {"label": "Cold", "value": "cold", "displayOrder": 0, "hidden": False},
            {"label": "Hot", "value": "hot", "displayOrder": 1, "hidden": False, "description": "now"},
        ],
        "displayOrder": -1,
        "hidden": False,
        "formField": False,
    }


def test_an_existing_property_is_not_changed(hubspot: HubSpot, server: FakeServer) -> None:
    server.respond("POST", PROPERTIES, json_response(EXISTS, 409))
    server.respond("GET", f"{PROPERTIES}/lead_score", json_response(property_body(SCORE, label="Ours")))

    assert hubspot.properties.create("contacts", SCORE).label == "Ours"


def test_a_rejected_property_is_an_error(hubspot: HubSpot, server: FakeServer) -> None:
    server.respond("POST", PROPERTIES, json_response(error_body("Property group does not exist", "VALIDATION_ERROR"), 400))

    with pytest.raises(BadRequest, match="group does not exist"):
        hubspot.properties.create("contacts", SCORE)


def test_an_update_never_touches_name_and_type(hubspot: HubSpot, server: FakeServer) -> None:
    server.respond("PATCH", f"{PROPERTIES}/lead_score_band", json_response(property_body(BAND)))

    hubspot.properties.update("contacts", BAND)

    assert not {"name", "type"} & server.bodies[0].keys()
    assert [option["value"] for option in server.bodies[0]["options"]] == ["cold", "hot"]


def test_groups_are_read_and_created(hubspot: HubSpot, server: FakeServer) -> None:
    ours = {"name": "lead_scoring", "label": "Lead scoring", "displayOrder": -1, "archived": False}
    server.respond("GET", f"{PROPERTIES}/groups", json_response({"results": [ours]}))
    server.respond("POST", f"{PROPERTIES}/groups", json_response(ours, 201), json_response(EXISTS, 409))
    group = PropertyGroup(name="lead_scoring", label="Lead scoring")

    assert hubspot.properties.list_groups() == {"lead_scoring": group}
    assert hubspot.properties.create_group("contacts", group) == group
    assert hubspot.properties.create_group("contacts", group) == group
    assert server.bodies[1] == {"name": "lead_scoring", "label": "Lead scoring", "displayOrder": -1}
