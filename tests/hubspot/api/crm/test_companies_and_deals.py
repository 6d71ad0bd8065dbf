from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sync_worker.hubspot.client import HubSpot
from tests.hubspot.fakes import FakeServer, json_response, make_record, next_page_body

DEALS = "/crm/v3/objects/deals"
LINKS = "/crm/v4/associations/deals/contacts/batch/read"
SINCE = datetime(2026, 1, 1, tzinfo=UTC)


def deal_with_contacts(id_: int, *contact_ids: int, more: str | None = None) -> dict[str, Any]:
    results = [{"id": str(contact_id), "type": "deal_to_contact"} for contact_id in contact_ids]
    contacts = {"results": results, **(next_page_body(more) if more else {})}
    return make_record(id_, dealstage="won") | {"associations": {"contacts": contacts}}


def association_row(id_: int, *contact_ids: int, more: str | None = None) -> dict[str, Any]:
    to = [{"toObjectId": contact_id, "associationTypes": [{"category": "HUBSPOT_DEFINED", "typeId": 3}]} for contact_id in contact_ids]
    return {"from": {"id": str(id_)}, "to": to, **(next_page_body(more) if more else {})}


def test_companies_are_listed_searched_and_read(hubspot: HubSpot, server: FakeServer) -> None:
    server.respond("GET", "/crm/v3/objects/companies", json_response({"results": [make_record(9001, industry="COMPUTER_SOFTWARE")]}))
    server.respond("POST", "/crm/v3/objects/companies/search", json_response({"total": 1, "results": [make_record(9001)]}))
    server.respond("POST", "/crm/v3/objects/companies/batch/read", json_response({"results": [make_record(9001)]}))

    (company,) = hubspot.companies.list_from_id(0, ["industry"]).items
    changed = hubspot.companies.search_modified(SINCE, 0, ["industry"])
    found = hubspot.companies.read([9001, 9002], ["industry"])

    assert (company.id, company.properties["industry"]) == (9001, "COMPUTER_SOFTWARE")
    assert changed.items[0].id == 9001
    assert found.missing == {9002}
    assert server.bodies[1]["filterGroups"][0]["filters"][0]["propertyName"] == "hs_lastmodifieddate"
    assert server.queries[0]["properties"] == "industry"


def test_deals_are_listed_with_their_contacts(hubspot: HubSpot, server: FakeServer) -> None:
    labelled_twice = deal_with_contacts(1, 51, 51, 52)
    server.respond("GET", DEALS, json_response({"results": [labelled_twice], **next_page_body("2")}))

    page = hubspot.deals.list_from_id(0, ["dealstage"])

    assert page.items[0].contact_ids == (51, 52)
    assert page.next == 2
    assert server.queries[0]["associations"] == "contacts"
    assert len(server.paths) == 1


def test_a_deal_without_contacts_has_none(hubspot: HubSpot, server: FakeServer) -> None:
    server.respond("GET", DEALS, json_response({"results": [make_record(1)]}))
    server.respond("POST", LINKS, json_response({"status": "COMPLETE", "results": [], "numErrors": 1, "errors": []}, 207))

    assert hubspot.deals.list_from_id(0, []).items[0].contact_ids == ()


def test_all_contacts_of_a_deal_are_read(hubspot: HubSpot, server: FakeServer) -> None:
    server.respond("GET", DEALS, json_response({"results": [deal_with_contacts(1, 51, more="52"), deal_with_contacts(2, 60)]}))
    server.respond(
        "POST",
        LINKS,
        json_response({"results": [association_row(1, 51, 52, more="53")]}),
        json_response({"results": [association_row(1, 53)]}),
    )

    page = hubspot.deals.list_from_id(0, [])

    assert [deal.contact_ids for deal in page.items] == [(51, 52, 53), (60,)]
    assert server.bodies[1:] == [{"inputs": [{"id": "1"}]}, {"inputs": [{"id": "1", "after": "53"}]}]


def test_of_two_values_with_the_same_time_the_newer_one_is_last(hubspot: HubSpot, server: FakeServer) -> None:
    at = "2026-01-02T03:04:05Z"
    versions = [{"value": value, "timestamp": at, "sourceType": "API"} for value in ("newer", "older")]
    row = make_record(1) | {"propertiesWithHistory": {"dealstage": versions}}
    server.respond("POST", f"{DEALS}/batch/read", json_response({"status": "COMPLETE", "results": [row]}))

    (history,) = hubspot.property_histories.read("deals", [1], ["dealstage"])

    assert [value.value for value in history.values] == ["older", "newer"]


def test_changed_deals_include_their_contacts(hubspot: HubSpot, server: FakeServer) -> None:
    server.respond("POST", f"{DEALS}/search", json_response({"total": 2, "results": [make_record(1), make_record(2)]}))
    server.respond("POST", LINKS, json_response({"results": [association_row(2, 60)]}, 207))

    page = hubspot.deals.search_modified(SINCE, 0, ["dealstage"])

    assert [(deal.id, deal.contact_ids) for deal in page.items] == [(1, ()), (2, (60,))]
    assert server.bodies[1] == {"inputs": [{"id": "1"}, {"id": "2"}]}
