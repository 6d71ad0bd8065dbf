"""hubspot-api.md 3.4 to 3.6: batches."""

from __future__ import annotations

from typing import Any, Literal

import httpx
import pytest

from sync_worker.sandbox.server.server import Switches
from tests.sandbox.portal_factories import CONTACTS, PortalClient, make_contact, make_contacts, make_portal, result_ids, start_portal

DATED = "/crm/objects/2026-09/contacts"


def batch_body(*numbers: object, **properties: str) -> dict[str, Any]:
    return {"inputs": [{"id": str(number), **({"properties": properties} if properties else {})} for number in numbers]}


def batch_update(served: PortalClient, *numbers: object, **properties: str) -> httpx.Response:
    return served.post(CONTACTS + "/batch/update", batch_body(*numbers, **properties))


def test_a_batch_read_is_unordered() -> None:
    served = start_portal(make_portal(make_contacts(50)))
    read = served.post(CONTACTS + "/batch/read", {**batch_body(*range(1, 51)), "properties": ["email"]})
    assert (read.status_code, read.json()["status"]) == (200, "COMPLETE")
    assert result_ids(read.json()) != [str(number) for number in range(1, 51)]
    assert {item["id"]: item["properties"]["email"] for item in read.json()["results"]} == {
        str(number): f"person-{number}@example.com" for number in range(1, 51)
    }


@pytest.mark.parametrize(
    ("path", "dated", "status"), [(CONTACTS, 200, 207), (DATED, 200, 200), (DATED, 207, 207), ("/crm/objects/2026-03/contacts", 200, 207)]
)
def test_missing_ids_are_reported_with_the_other_results(path: str, dated: Literal[200, 207], status: int) -> None:
    served = start_portal(make_portal(make_contacts(1)), switches=Switches(dated_batch_status=dated))
    read = served.post(path + "/batch/read", batch_body(1, 999, "x"))
    assert (read.status_code, result_ids(read.json()), read.json()["numErrors"]) == (status, ["1"], 1)
    error = read.json()["errors"][0]
    assert (error["category"], error["context"]) == ("OBJECT_NOT_FOUND", {"ids": ["999", "x"]})
    assert error["message"].startswith("Could not get some CONTACT objects")


@pytest.mark.parametrize("verb", ["read", "update", "archive", "create", "upsert"])
def test_a_batch_has_at_most_100_records(verb: str) -> None:
    served = start_portal(make_portal())
    assert served.post(f"{CONTACTS}/batch/{verb}", batch_body(*range(1, 102))).status_code == 400


def test_a_batch_with_history_has_at_most_50_records() -> None:
    served = start_portal(make_portal())
    body = {**batch_body(*range(1, 52)), "propertiesWithHistory": ["email"]}
    assert served.post(CONTACTS + "/batch/read", body).status_code == 400


def test_a_batch_needs_inputs_but_they_can_be_empty() -> None:
    served = start_portal(make_portal())
    for kind in ("read", "update", "create", "upsert", "archive"):
        reply = served.post(f"{CONTACTS}/batch/{kind}", {})
        assert (reply.status_code, "['inputs']" in reply.json()["message"]) == (400, True)
    assert served.post(CONTACTS + "/batch/update", {"inputs": []}).json()["results"] == []


def test_a_batch_is_read_by_email() -> None:
    served = start_portal(make_portal(make_contacts(2)))
    read = served.post(CONTACTS + "/batch/read", {**batch_body("person-2@example.com"), "idProperty": "email"})
    assert result_ids(read.json()) == ["2"]
    by_name = served.post(CONTACTS + "/batch/read", {**batch_body("Ana"), "idProperty": "firstname"})
    assert by_name.json()["message"] == "Unable to perform update/upsert by non-unique 0-1 property firstname"


def test_an_update_returns_the_written_values() -> None:
    served = start_portal(make_portal(make_contacts(2)))
    reply = batch_update(served, 1, 2, jobtitle="CTO")
    assert {item["id"]: item["properties"]["jobtitle"] for item in reply.json()["results"]} == {"1": "CTO", "2": "CTO"}
    assert served.value(1, "jobtitle") == "CTO"


def test_a_duplicate_id_rejects_the_whole_batch() -> None:
    served = start_portal(make_portal(make_contacts(2)))
    reply = batch_update(served, 1, 2, 1, jobtitle="CTO")
    assert reply.status_code == 400
    assert reply.json()["message"] == "Duplicate IDs found in batch input: [1]. IDs must be unique"
    assert reply.json()["context"] == {"ids": ["1"]}
    assert served.value(2, "jobtitle") is None


def test_one_bad_value_rejects_the_whole_batch() -> None:
    served = start_portal(make_portal(make_contacts(2)))
    body = {"inputs": [{"id": "1", "properties": {"jobtitle": "CTO"}}, {"id": "2", "properties": {"hs_lead_status": "NOPE"}}]}
    reply = served.post(CONTACTS + "/batch/update", body)
    assert (reply.status_code, reply.json()["errors"][0]["code"]) == (400, "INVALID_OPTION")
    assert served.value(1, "jobtitle") is None


@pytest.mark.parametrize(("honored", "status", "written"), [(True, 207, "CTO"), (False, 400, None)])
def test_trace_ids_accept_the_valid_inputs_by_switch(*, honored: bool, status: int, written: str | None) -> None:
    served = start_portal(make_portal(make_contacts(2)), switches=Switches(update_trace_ids=honored))
    body = {
        "inputs": [
            {"id": "1", "properties": {"jobtitle": "CTO"}, "objectWriteTraceId": "a"},
            {"id": "2", "properties": {"hs_lead_status": "NOPE"}, "objectWriteTraceId": "b"},
        ]
    }
    reply = served.post(CONTACTS + "/batch/update", body)
    assert (reply.status_code, served.value(1, "jobtitle")) == (status, written)
    if honored:
        assert reply.json()["errors"][0]["context"]["objectWriteTraceId"] == ["b"]


def test_missing_ids_do_not_stop_an_update() -> None:
    served = start_portal(make_portal(make_contacts(1)))
    reply = batch_update(served, 1, 999, jobtitle="CTO")
    assert (reply.status_code, result_ids(reply.json()), reply.json()["errors"][0]["context"]) == (207, ["1"], {"ids": ["999"]})


@pytest.mark.parametrize("name", ["firstname", "hs_object_id"])
def test_an_update_by_a_property_that_is_not_unique_is_rejected(name: str) -> None:
    served = start_portal(make_portal(make_contacts(1)))
    body = {"inputs": [{"id": "1", "idProperty": name, "properties": {"jobtitle": "CTO"}}]}
    assert served.post(CONTACTS + "/batch/update", body).status_code == 400


def test_an_update_by_email_writes() -> None:
    served = start_portal(make_portal(make_contacts(1)))
    body = {"inputs": [{"id": "person-1@example.com", "idProperty": "email", "properties": {"jobtitle": "CTO"}}]}
    assert result_ids(served.post(CONTACTS + "/batch/update", body).json()) == ["1"]
    assert served.value(1, "jobtitle") == "CTO"


def test_all_contacts_of_a_batch_are_created_or_none() -> None:
    served = start_portal(make_portal(make_contacts(1)))
    new = [{"properties": {"email": "a@example.com"}}, {"properties": {"email": "b@example.com"}}]
    assert served.post(CONTACTS + "/batch/create", {"inputs": new}).status_code == 201
    known = [{"properties": {"email": "c@example.com"}}, {"properties": {"email": "a@example.com"}}]
    assert served.post(CONTACTS + "/batch/create", {"inputs": known}).status_code == 409
    traced = [{**item, "objectWriteTraceId": str(at)} for at, item in enumerate(known)]
    reply = served.post(CONTACTS + "/batch/create", {"inputs": traced})
    assert (reply.status_code, len(reply.json()["results"]), reply.json()["errors"][0]["category"]) == (207, 1, "CONFLICT")
    assert len(served.get(CONTACTS).json()["results"]) == 4


def test_an_upsert_marks_new_records() -> None:
    served = start_portal(make_portal(make_contacts(1)))
    body = {
        "inputs": [
            {"id": "person-1@example.com", "idProperty": "email", "properties": {"city": "Bonn"}},
            {"id": "new@example.com", "idProperty": "email", "properties": {"city": "Lund"}},
        ]
    }
    results = served.post(CONTACTS + "/batch/upsert", body).json()["results"]
    assert {item["id"]: (item["new"], item["properties"]["city"]) for item in results} == {"1": (False, "Bonn"), "2": (True, "Lund")}
    assert served.value(2, "email") == "new@example.com"


def test_records_are_archived_in_a_batch() -> None:
    served = start_portal(make_portal([*make_contacts(2), make_contact(3)]))
    assert served.post(CONTACTS + "/batch/archive", batch_body(1, 3, 999)).status_code == 204
    assert result_ids(served.get(CONTACTS).json()) == ["2"]
