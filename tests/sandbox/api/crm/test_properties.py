"""hubspot-api.md section 4: property definitions, groups and options."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.portal_factories import CONTACTS, PortalClient, make_contact, make_portal, start_portal

PROPERTIES = "/crm/v3/properties/contacts"
BANDS = [{"label": label.title(), "value": label, "displayOrder": at, "hidden": False} for at, label in enumerate(("cold", "warm"))]


def property_body(name: str = "lead_score", **fields: object) -> dict[str, Any]:
    standard = {"name": name, "label": name, "type": "number", "fieldType": "number", "groupName": "contactinformation"}
    return {**standard, **fields}


def band_property_body() -> dict[str, Any]:
    return property_body("lead_score_band", type="enumeration", fieldType="select", options=BANDS)


def create_properties(served: PortalClient, *bodies: dict[str, Any]) -> list[int]:
    return [served.post(PROPERTIES, body).status_code for body in bodies]


@pytest.mark.parametrize("path", ["/crm/v3/properties/contacts", "/crm/properties/2026-03/0-1", "/crm/properties/2026-09/contact"])
def test_every_version_lists_the_standard_properties(path: str) -> None:
    results = {item["name"]: item for item in start_portal(make_portal()).get(path).json()["results"]}
    assert results["email"]["modificationMetadata"]["readOnlyValue"] is False
    assert results["hs_email_click"]["calculated"] is True
    assert results["hs_email_click"]["modificationMetadata"]["readOnlyValue"] is True
    assert results["hs_email_optout"]["modificationMetadata"]["readOnlyValue"] is True
    stages = sorted(results["lifecyclestage"]["options"], key=lambda option: option["displayOrder"])
    assert [option["value"] for option in stages][:3] == ["subscriber", "lead", "marketingqualifiedlead"]


def test_companies_and_deals_have_their_own_properties() -> None:
    served = start_portal(make_portal())
    assert served.get("/crm/v3/properties/companies/numberofemployees").json()["type"] == "number"
    assert served.get("/crm/v3/properties/deals/hs_is_closed_won").json()["type"] == "bool"
    assert served.get("/crm/v3/properties/contacts/numberofemployees").status_code == 404


def test_a_property_in_the_data_exists_with_an_inferred_type() -> None:
    served = start_portal(make_portal([make_contact(1, shoe_size="43.5", likes_tea="true", met_on="2026-01-02", nickname="Bo")]))
    types = {item["name"]: item["type"] for item in served.get(PROPERTIES).json()["results"]}
    assert (types["shoe_size"], types["likes_tea"], types["met_on"], types["nickname"]) == ("number", "bool", "date", "string")


def test_a_created_property_can_be_written_and_read() -> None:
    served = start_portal(make_portal([make_contact(1)]))
    reply = served.post(PROPERTIES, property_body(description="0 to 100"))
    assert (reply.status_code, reply.json()["description"], reply.json()["hubspotDefined"]) == (201, "0 to 100", False)
    assert served.patch(f"{CONTACTS}/1", {"properties": {"lead_score": "12.0"}}).status_code == 200
    assert served.value(1, "lead_score") == "12"


def test_a_unique_value_belongs_to_one_record() -> None:
    """Section 4: `hasUniqueValue`; the error code is UNVERIFIED."""
    served = start_portal(make_portal([make_contact(1), make_contact(2)]))
    create_properties(served, property_body("customer_no", type="string", fieldType="text", hasUniqueValue=True))
    writes = [served.patch(f"{CONTACTS}/{number}", {"properties": {"customer_no": "K-1"}}) for number in (1, 1, 2)]
    assert [reply.status_code for reply in writes] == [200, 200, 400]
    assert writes[2].json()["errors"][0]["code"] == "CONFLICTING_UNIQUE_VALUE"
    assert served.get(f"{CONTACTS}/K-1", idProperty="customer_no").json()["id"] == "1"


def test_an_existing_name_is_a_conflict() -> None:
    served = start_portal(make_portal())
    assert create_properties(served, property_body(), property_body(), property_body("LEAD_SCORE", label="other")) == [201, 409, 409]
    error = served.post(PROPERTIES, property_body()).json()
    assert (error["category"], error["subCategory"]) == ("OBJECT_ALREADY_EXISTS", "Properties.PROPERTY_WITH_NAME_EXISTS")
    assert error["message"] == "A property named 'lead_score' already exists."


@pytest.mark.parametrize(
    "fields",
    [
        {"groupName": "nowhere"},
        {"type": "color"},
        {"fieldType": "textarea"},
        {"name": "9lives"},
        {"name": "hs_mine"},
        {"name": "x" * 101},
        {"label": "Email"},
        {"type": "bool", "fieldType": "booleancheckbox"},
        {"type": "enumeration", "fieldType": "select", "options": [{"label": "A", "value": "a"}]},
        {"type": "enumeration", "fieldType": "select", "options": [{**BANDS[0], "value": "a;b"}]},
        {"type": "enumeration", "fieldType": "select", "options": [BANDS[0], BANDS[0]]},
    ],
)
def test_an_invalid_definition_is_rejected(fields: dict[str, object]) -> None:
    reply = start_portal(make_portal()).post(PROPERTIES, {**property_body(), **fields})
    assert (reply.status_code, reply.json()["category"]) == (400, "VALIDATION_ERROR")


def test_missing_fields_are_named() -> None:
    message = start_portal(make_portal()).post(PROPERTIES, {"name": "x", "label": "X"}).json()["message"]
    assert "some of required attributes are not set" in message
    assert "fieldType" in message


def test_options_are_replaced_and_values_keep_removed_options() -> None:
    served = start_portal(make_portal([make_contact(1)]))
    assert create_properties(served, band_property_body()) == [201]
    served.patch(f"{CONTACTS}/1", {"properties": {"lead_score_band": "warm"}})
    changed = served.patch(f"{PROPERTIES}/lead_score_band", {"options": BANDS[:1]})
    assert [option["value"] for option in changed.json()["options"]] == ["cold"]
    assert served.value(1, "lead_score_band") == "warm"
    refused = served.patch(f"{CONTACTS}/1", {"properties": {"lead_score_band": "warm"}})
    assert refused.json()["errors"][0]["code"] == "INVALID_OPTION"


def test_a_patch_keeps_the_other_fields() -> None:
    served = start_portal(make_portal())
    create_properties(served, band_property_body())
    changed = served.patch(f"{PROPERTIES}/lead_score_band", {"description": "How warm"}).json()
    assert (changed["description"], len(changed["options"]), changed["type"]) == ("How warm", 2, "enumeration")


def test_an_archived_property_is_unknown_until_it_is_restored_with_its_values() -> None:
    served = start_portal(make_portal([make_contact(1)]))
    create_properties(served, property_body())
    served.patch(f"{CONTACTS}/1", {"properties": {"lead_score": "7"}})
    assert served.delete(f"{PROPERTIES}/lead_score").status_code == 204
    assert served.get(f"{PROPERTIES}/lead_score").status_code == 404
    assert [item["name"] for item in served.get(PROPERTIES, archived="true").json()["results"]] == ["lead_score"]
    refused = served.patch(f"{CONTACTS}/1", {"properties": {"lead_score": "8"}}).json()
    assert refused["errors"][0]["code"] == "PROPERTY_DOESNT_EXIST"
    assert "lead_score" not in served.get(f"{CONTACTS}/1", properties="lead_score").json()["properties"]
    assert create_properties(served, property_body()) == [201]
    assert served.value(1, "lead_score") == "7"


def test_standard_properties_cannot_be_archived() -> None:
    assert start_portal(make_portal()).delete(f"{PROPERTIES}/email").status_code == 400


def test_a_property_in_the_filter_of_a_list_cannot_be_archived() -> None:
    served = start_portal(make_portal())
    create_properties(served, property_body())
    branch = {"filterBranchType": "AND", "filters": [{"filterType": "PROPERTY", "property": "lead_score"}]}
    served.post("/crm/v3/lists", {"name": "Hot", "objectTypeId": "0-1", "processingType": "DYNAMIC", "filterBranch": branch})
    refused = served.delete(f"{PROPERTIES}/lead_score")
    assert (refused.status_code, refused.json()["subCategory"]) == (400, "PropertyValidationError.CANNOT_DELETE_PROPERTY_IN_USE")
    served.delete("/crm/v3/lists/1")
    assert served.delete(f"{PROPERTIES}/lead_score").status_code == 204


def test_properties_are_created_read_and_archived_in_batches() -> None:
    served = start_portal(make_portal())
    create_properties(served, property_body())
    both = served.post(f"{PROPERTIES}/batch/create", {"inputs": [property_body(), band_property_body()]})
    assert (both.status_code, [item["name"] for item in both.json()["results"]], both.json()["numErrors"]) == (207, ["lead_score_band"], 1)
    assert served.post(f"{PROPERTIES}/batch/create", {"inputs": [property_body("other")]}).status_code == 201
    read = served.post(f"{PROPERTIES}/batch/read", {"inputs": [{"name": "lead_score"}, {"name": "nope"}]})
    assert (read.status_code, read.json()["errors"][0]["context"]) == (207, {"name": ["nope"]})
    assert served.post(f"{PROPERTIES}/batch/archive", {"inputs": [{"name": "lead_score"}, {"name": "nope"}]}).status_code == 204
    assert served.get(f"{PROPERTIES}/lead_score").status_code == 404


def test_only_an_empty_group_can_be_deleted() -> None:
    served = start_portal(make_portal())
    groups = f"{PROPERTIES}/groups"
    assert served.post(groups, {"name": "lead_scoring", "label": "Lead scoring"}).status_code == 201
    assert served.post(groups, {"name": "lead_scoring", "label": "Lead scoring"}).status_code == 409
    assert served.patch(f"{groups}/lead_scoring", {"label": "Scores"}).json()["label"] == "Scores"
    create_properties(served, property_body(groupName="lead_scoring"))
    refused = served.delete(f"{groups}/lead_scoring")
    assert (refused.status_code, refused.json()["subCategory"]) == (400, "PropertyGroupError.GROUP_WITH_ACTIVE_PROPERTIES")
    served.delete(f"{PROPERTIES}/lead_score")
    assert served.delete(f"{groups}/lead_scoring").status_code == 204
    assert served.get(f"{groups}/lead_scoring").status_code == 404
    assert "contactinformation" in [group["name"] for group in served.get(groups).json()["results"]]


def test_custom_properties_are_counted() -> None:
    served = start_portal(make_portal())
    create_properties(served, property_body())
    usage = served.get("/crm/limits/2026-09/custom-properties").json()["byObjectType"][0]
    assert (usage["objectTypeId"], usage["usage"], usage["limit"]) == ("0-1", 1, 1_000)
