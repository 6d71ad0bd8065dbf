"""hubspot-api.md 3.1, 3.2, 3.6: single records and record pages."""

from __future__ import annotations

import json

import pytest

from sync_worker.sandbox.server.server import Switches
from tests.sandbox.portal_factories import CONTACTS, NOW_MS, make_contact, make_contacts, make_portal, result_ids, start_portal

PATHS = ["/crm/v3/objects/contacts", "/crm/objects/2026-03/contacts", "/crm/objects/2026-09/contacts", "/crm/objects/2026-09/0-1"]


@pytest.mark.parametrize("path", PATHS)
def test_every_version_serves_the_same_records(path: str) -> None:
    served = start_portal(make_portal(make_contacts(3)))
    assert served.get(path).json() == served.get(PATHS[0]).json()


def test_a_list_has_ascending_ids_and_after_is_the_next_id() -> None:
    served = start_portal(make_portal([make_contact(9), make_contact(2), make_contact(5)]))
    first = served.get(CONTACTS, limit=2).json()
    assert result_ids(first) == ["2", "5"]
    assert first["paging"]["next"]["after"] == "9"
    assert "limit=2&after=9" in first["paging"]["next"]["link"]
    assert served.get(CONTACTS, limit=2, after="9").json()["results"][0]["id"] == "9"
    assert "paging" not in served.get(CONTACTS, limit=2, after="9").json()


def test_a_page_can_start_at_any_id() -> None:
    served = start_portal(make_portal(make_contacts(9)))
    assert result_ids(served.get(CONTACTS, after="4", limit=2).json()) == ["4", "5"]


@pytest.mark.parametrize(("query", "status"), [({"limit": 100}, 200), ({"limit": 101}, 400), ({"limit": "x"}, 400), ({"limit": 0}, 400)])
def test_a_page_has_at_most_100_records(query: dict[str, object], status: int) -> None:
    assert start_portal(make_portal()).get(CONTACTS, **query).status_code == status


@pytest.mark.parametrize(("limit", "status"), [(50, 200), (51, 400)])
def test_a_page_with_history_has_at_most_50_records(limit: int, status: int) -> None:
    assert start_portal(make_portal()).get(CONTACTS, limit=limit, propertiesWithHistory="email").status_code == status


def test_requested_properties_come_with_three_more_and_unset_ones_are_null() -> None:
    served = start_portal(make_portal([make_contact(1)]))
    properties = served.get(f"{CONTACTS}/1", properties="email,jobtitle,no_such_thing").json()["properties"]
    assert properties == {
        "email": "person-1@example.com",
        "jobtitle": None,
        "hs_object_id": "1",
        "createdate": "2026-01-02T03:04:05Z",
        "lastmodifieddate": "2026-02-02T03:04:01.500Z",
    }


def test_properties_can_be_repeated_or_comma_separated() -> None:
    served = start_portal(make_portal([make_contact(1, jobtitle="CTO", city="Bonn")]))
    by_comma = served.get(f"{CONTACTS}/1", properties="jobtitle,city").json()
    assert served.get(f"{CONTACTS}/1", properties=["jobtitle", "city"]).json() == by_comma
    assert by_comma["properties"]["city"] == "Bonn"


def test_the_default_properties_are_returned_without_a_request() -> None:
    served = start_portal(make_portal([make_contact(1)], companies=[{"id": "7", "properties": {"name": "Acme"}}]))
    assert set(served.get(f"{CONTACTS}/1").json()["properties"]) == {
        "createdate",
        "email",
        "firstname",
        "hs_object_id",
        "lastmodifieddate",
        "lastname",
    }
    assert set(served.get("/crm/v3/objects/companies/7").json()["properties"]) == {
        "createdate",
        "domain",
        "hs_lastmodifieddate",
        "hs_object_id",
        "name",
    }


def test_a_record_can_be_read_by_its_email() -> None:
    served = start_portal(make_portal([make_contact(1, hs_additional_emails="old@example.com;older@example.com")]))
    assert served.get(f"{CONTACTS}/PERSON-1@example.com", idProperty="email").json()["id"] == "1"
    assert served.get(f"{CONTACTS}/older@example.com", idProperty="email").json()["id"] == "1"
    assert served.get(f"{CONTACTS}/x", idProperty="firstname").status_code == 400


def test_the_first_contact_with_an_address_keeps_it() -> None:
    served = start_portal(make_portal([make_contact(1), make_contact(2, email="person-1@example.com")]))
    assert served.get(f"{CONTACTS}/person-1@example.com", idProperty="email").json()["id"] == "1"


@pytest.mark.parametrize(
    ("number", "category", "message"),
    [
        ("999", None, "resource not found"),
        ("abc", "OBJECT_NOT_FOUND", "Object not found.  objectId are usually numeric."),
        ("0", "OBJECT_NOT_FOUND", "Object not found. objectId is usually positive."),
    ],
)
def test_an_unknown_id_returns_hubspots_message(number: str, category: str | None, message: str) -> None:
    reply = start_portal(make_portal([make_contact(1)])).get(f"{CONTACTS}/{number}")
    assert (reply.status_code, reply.json().get("category"), reply.json()["message"]) == (404, category, message)


def test_a_long_url_gets_a_page_of_html() -> None:
    reply = start_portal(make_portal()).get(CONTACTS, properties=",".join(f"property_{n:05d}" for n in range(1_200)))
    assert reply.status_code == 414
    assert reply.text.startswith("<html>")


def test_a_write_changes_the_timestamps_and_the_history() -> None:
    served = start_portal(make_portal([make_contact(1)]))
    reply = served.patch(f"{CONTACTS}/1", {"properties": {"jobtitle": "CTO"}})
    assert reply.json()["properties"]["jobtitle"] == "CTO"
    assert reply.json()["updatedAt"] == "2026-11-20T12:00:00Z"
    history = served.get(f"{CONTACTS}/1", propertiesWithHistory="jobtitle,firstname").json()["propertiesWithHistory"]
    assert [version["value"] for version in history["jobtitle"]] == ["CTO"]
    assert history["jobtitle"][0]["sourceType"] == "INTEGRATION"
    assert [version["value"] for version in history["firstname"]] == ["Ana"]


@pytest.mark.parametrize(("bumps", "stamp"), [(False, "2026-02-02T03:04:01.500Z"), (True, "2026-11-20T12:00:00Z")])
def test_an_equal_value_changes_the_timestamp_only_by_switch(*, bumps: bool, stamp: str) -> None:
    served = start_portal(make_portal([make_contact(1)]), switches=Switches(bump_on_equal_write=bumps))
    served.patch(f"{CONTACTS}/1", {"properties": {"firstname": "Ana"}})
    assert served.value(1, "lastmodifieddate") == stamp


def test_an_empty_text_clears_and_null_does_nothing() -> None:
    served = start_portal(make_portal([make_contact(1, jobtitle="CTO", city="Bonn")]))
    served.patch(f"{CONTACTS}/1", {"properties": {"jobtitle": "", "city": None}})
    assert (served.value(1, "jobtitle"), served.value(1, "city")) == (None, "Bonn")


def test_a_new_contact_is_a_lead_with_the_next_id() -> None:
    served = start_portal(make_portal([make_contact(41)]))
    reply = served.post(CONTACTS, {"properties": {"email": "New@Example.com"}})
    assert (reply.status_code, reply.json()["id"], reply.json()["properties"]["email"]) == (201, "42", "new@example.com")
    assert served.value(42, "lifecyclestage") == "lead"
    assert served.value(42, "hs_lifecyclestage_lead_date") == "2026-11-20T12:00:00Z"
    assert served.value(42, "hs_email_domain") == "example.com"
    assert served.portal.now_ms() == NOW_MS


@pytest.mark.parametrize("email", ["person-1@example.com", "second@example.com"])
def test_an_existing_email_is_a_conflict(email: str) -> None:
    served = start_portal(make_portal([make_contact(1, hs_additional_emails="second@example.com"), make_contact(2)]))
    for reply in (served.post(CONTACTS, {"properties": {"email": email}}), served.patch(f"{CONTACTS}/2", {"properties": {"email": email}})):
        assert (reply.status_code, reply.json()["category"]) == (409, "CONFLICT")
        assert reply.json()["message"] == "Contact already exists. Existing ID: 1"


def test_an_archived_record_is_only_in_the_archive_and_its_email_is_free() -> None:
    served = start_portal(make_portal(make_contacts(3)))
    assert served.delete(f"{CONTACTS}/2").status_code == 204
    assert served.delete(f"{CONTACTS}/2").status_code == 204
    assert result_ids(served.get(CONTACTS).json()) == ["1", "3"]
    assert served.get(f"{CONTACTS}/2").status_code == 404
    archived = served.get(CONTACTS, archived="true").json()["results"]
    assert [(item["id"], item["archived"], item["archivedAt"]) for item in archived] == [("2", True, "2026-11-20T12:00:00Z")]
    assert served.get(f"{CONTACTS}/2", archived="true").json()["archived"] is True
    assert served.post(CONTACTS, {"properties": {"email": "person-2@example.com"}}).status_code == 201
    served.clock.advance(91 * 86_400)
    assert served.get(CONTACTS, archived="true").json()["results"] == []


def test_a_list_can_include_company_ids() -> None:
    served = start_portal(
        make_portal([make_contact(1, associatedcompanyid="7"), make_contact(2)], companies=[{"id": "7", "properties": {}}])
    )
    first, second = served.get(CONTACTS, associations="companies").json()["results"]
    assert [link["id"] for link in first["associations"]["companies"]["results"]] == ["7", "7"]
    assert first["associations"]["companies"]["results"][0]["type"] == "contact_to_company"
    assert "associations" not in second
    assert "associations" not in served.get(CONTACTS, associations="tickets,nonsense").json()["results"][0]


def test_a_body_that_is_not_json_is_rejected() -> None:
    reply = start_portal(make_portal([make_contact(1)])).http.patch(
        f"{CONTACTS}/1", content=b"{oops", headers={"Content-Type": "application/json"}
    )
    assert reply.status_code == 400
    assert reply.json()["message"].startswith("Invalid input JSON on line 1, column")


@pytest.mark.parametrize(
    ("name", "code", "message"),
    [
        ("no_such_thing", "PROPERTY_DOESNT_EXIST", 'Property "no_such_thing" does not exist'),
        ("hs_email_click", "READ_ONLY_VALUE", '"hs_email_click" is a calculated property; its value cannot be set.'),
        ("hs_marketable_status", "READ_ONLY_VALUE", '"hs_marketable_status" is a read only property; its value cannot be set.'),
    ],
)
def test_properties_that_cannot_be_written_are_named_in_the_envelope(name: str, code: str, message: str) -> None:
    """Section 2, error envelope: the message carries the problems as JSON, `errors` carries code and property."""
    response = start_portal(make_portal([make_contact(1)])).patch(f"{CONTACTS}/1", {"properties": {name: "1", "city": "Bonn"}})
    error = response.json()
    assert (response.status_code, error["status"], error["category"]) == (400, "error", "VALIDATION_ERROR")
    [problem] = json.loads(error["message"].removeprefix("Property values were not valid: "))
    assert (problem["isValid"], problem["error"], problem["name"], problem["message"]) == (False, code, name, message)
    assert [(each["code"], each["context"]["propertyName"]) for each in error["errors"]] == [(code, [name])]


def test_an_unknown_path_and_an_unknown_method_return_the_error_envelope() -> None:
    served = start_portal(make_portal())
    assert (served.get("/crm/v3/nothing").status_code, served.http.put(CONTACTS).status_code) == (404, 405)
    assert served.get("/crm/v3/nothing").json()["status"] == "error"


def test_a_deal_in_the_won_stage_is_closed_won() -> None:
    served = start_portal(make_portal(deals=[{"id": "5", "properties": {"dealstage": "contractsent"}, "contactIds": []}]))
    path = "/crm/v3/objects/deals/5"
    assert served.get(path, properties="hs_is_closed_won").json()["properties"]["hs_is_closed_won"] == "false"
    served.patch(path, {"properties": {"dealstage": "closedwon"}})
    assert served.get(path, properties="hs_is_closed_won").json()["properties"]["hs_is_closed_won"] == "true"
