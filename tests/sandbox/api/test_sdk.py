"""HubSpot's SDK, unmodified, with its own HTTP client and models, for every endpoint that it and the sandbox support."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sync_worker.sandbox.server import server
from sync_worker.sandbox.server.server import SandboxConfig
from tests.sandbox.portal_factories import make_contact, make_portal

hubspot = pytest.importorskip("hubspot")

DEALS = [{"id": "5", "properties": {"dealstage": "closedwon"}, "contactIds": ["1"]}]
VISIT = {"id": "v", "eventType": "e_visited_page", "objectId": "1", "occurredAt": "2026-11-20T11:00:00.000Z", "properties": {}}
PARTICIPATION = {
    "id": "p",
    "properties": {"attendanceState": "ATTENDED", "occurredAt": 1_793_525_400_000},
    "associations": {"contact": {"contactId": "1"}, "marketingEvent": {"marketingEventId": "501"}},
}
NEW_PROPERTY = {"name": "lead_score", "label": "Score", "type": "number", "fieldType": "number", "groupName": "lead_scoring"}
EXPORT = {
    "exportType": "VIEW",
    "exportName": "a",
    "format": "CSV",
    "language": "EN",
    "objectType": "CONTACT",
    "objectProperties": ["email"],
    "associatedObjectType": "",
    "exportInternalValuesOptions": [],
}
GRANT = {"client_id": "sandbox-client", "client_secret": "sandbox-secret", "refresh_token": "sandbox-refresh"}


@pytest.fixture
def sdk() -> Iterator[Any]:
    data = make_portal(
        [make_contact(number, associatedcompanyid="9") for number in range(1, 6)],
        companies=[{"id": "9", "properties": {"name": "Acme"}}],
        deals=DEALS,
        events=[VISIT],
        forms=[{"id": "f", "name": "Contact us"}],
        marketing_events=[{"objectId": "501", "eventName": "Scoring", "eventType": "WEBINAR"}],
        participations=[PARTICIPATION],
    )
    with server.run_in_thread(data, SandboxConfig(index_lag_s=0)) as portal:
        client = hubspot.HubSpot(access_token=portal.token)
        client.config["host"] = portal.base_url
        yield client


def result_ids(page: Any) -> list[str]:
    return sorted(item.id for item in page.results)


def test_contacts_are_listed_read_created_written_and_deleted(sdk: Any) -> None:
    contacts = sdk.crm.contacts.basic_api
    assert [contact.id for contact in sdk.crm.contacts.get_all(properties=["email"])] == ["1", "2", "3", "4", "5"]
    page = contacts.get_page(limit=2, associations=["companies"], properties_with_history=["email"])
    assert page.paging.next.after == "3"
    assert page.results[0].associations["companies"].results[0].id == "9"
    assert contacts.create({"properties": {"email": "new@example.com"}, "associations": []}).id == "6"
    assert contacts.update("1", {"properties": {"city": "Bonn"}}).properties["city"] == "Bonn"
    merged = contacts.merge({"primaryObjectId": "1", "objectIdToMerge": "2"})
    assert contacts.get_by_id("2").id == merged.id == "7"
    contacts.archive("3")
    assert result_ids(contacts.get_page(archived=True)) == ["3"]


def test_contacts_are_searched_and_written_in_batches(sdk: Any) -> None:
    batches = sdk.crm.contacts.batch_api
    read = batches.read({"properties": ["email"], "propertiesWithHistory": ["email"], "inputs": [{"id": "1"}, {"id": "99"}]})
    assert (result_ids(read), read.num_errors, read.errors[0].category) == (["1"], 1, "OBJECT_NOT_FOUND")
    assert result_ids(batches.update({"inputs": [{"id": "1", "properties": {"city": "Bonn"}}]})) == ["1"]
    assert result_ids(batches.create({"inputs": [{"properties": {"email": "q@example.com"}, "associations": []}]})) == ["6"]
    upserted = batches.upsert({"inputs": [{"id": "q@example.com", "idProperty": "email", "properties": {"city": "Lund"}}]})
    assert upserted.results[0].new is False
    batches.archive({"inputs": [{"id": "5"}]})
    filters = [{"propertyName": "city", "operator": "HAS_PROPERTY"}]
    found = sdk.crm.contacts.search_api.do_search(
        {"filterGroups": [{"filters": filters}], "limit": 10, "after": "0", "sorts": ["hs_object_id"]}
    )
    assert (found.total, [contact.id for contact in found.results]) == (2, ["1", "6"])


def test_companies_deals_and_associations(sdk: Any) -> None:
    assert result_ids(sdk.crm.companies.basic_api.get_page()) == ["9"]
    assert result_ids(sdk.crm.companies.batch_api.read({"inputs": [{"id": "9"}], "properties": [], "propertiesWithHistory": []})) == ["9"]
    assert sdk.crm.deals.basic_api.get_page(associations=["contacts"]).results[0].associations["contacts"].results[0].id == "1"
    links = sdk.crm.associations.v4.batch_api.get_page("contacts", "companies", {"inputs": [{"id": "1"}]})
    assert str(links.results[0].to[0].to_object_id) == "9"
    assert str(sdk.crm.associations.v4.basic_api.get_page("contacts", 1, "deals").results[0].to_object_id) == "5"


def test_properties_and_groups(sdk: Any) -> None:
    groups, properties, batches = sdk.crm.properties.groups_api, sdk.crm.properties.core_api, sdk.crm.properties.batch_api
    groups.create("contacts", {"name": "lead_scoring", "label": "Lead scoring"})
    assert groups.update("contacts", "lead_scoring", {"label": "Scores"}).label == "Scores"
    assert "lead_scoring" in [group.name for group in groups.get_all("contacts").results]
    properties.create("contacts", NEW_PROPERTY)
    assert properties.update("contacts", "lead_score", {"label": "Lead score"}).label == "Lead score"
    assert properties.get_by_name("contacts", "lead_score").modification_metadata.read_only_value is False
    assert batches.read("contacts", {"archived": False, "inputs": [{"name": "lead_score"}]}).results[0].name == "lead_score"
    batches.create("contacts", {"inputs": [{**NEW_PROPERTY, "name": "other", "label": "Other"}]})
    batches.archive("contacts", {"inputs": [{"name": "other"}]})
    properties.archive("contacts", "lead_score")
    assert len(properties.get_all("contacts", archived=True).results) == 2
    groups.archive("contacts", "lead_scoring")
    assert "lead_scoring" not in [group.name for group in groups.get_all("contacts").results]


def test_lists_and_members(sdk: Any) -> None:
    lists, members = sdk.crm.lists.lists_api, sdk.crm.lists.memberships_api
    created = lists.create({"objectTypeId": "0-1", "processingType": "MANUAL", "name": "MQL"}).list
    assert lists.get_by_name("mql", "0-1").list.list_id == created.list_id == lists.get_by_id(created.list_id).list.list_id
    assert members.add(created.list_id, ["1", "2", "99"]).record_ids_missing == ["99"]
    assert members.remove(created.list_id, ["1"]).record_ids_removed == ["1"]
    changed = members.add_and_remove(created.list_id, {"recordIdsToAdd": ["3"], "recordIdsToRemove": ["2"]})
    assert changed.records_ids_added == ["3"]
    assert [item.record_id for item in members.get_page(created.list_id).results] == ["3"]
    assert [item.record_id for item in members.get_page_ordered_by_added_to_list_date(created.list_id).results] == ["3"]
    assert members.get_lists("0-1", "3").results[0].list_id == created.list_id
    assert lists.update_name(created.list_id, list_name="MQL 2").updated_list.name == "MQL 2"
    query = {"additionalProperties": ["hs_list_size"], "offset": 0, "count": 10, "query": "mql", "processingTypes": []}
    assert lists.do_search(query).total == 1
    members.remove_all(created.list_id)
    lists.remove(created.list_id)
    lists.restore(created.list_id)
    assert [one.list_id for one in lists.get_all(list_ids=[created.list_id]).lists] == [created.list_id]


# The remaining endpoints: how the SDK reads each, and what the sandbox returns.
READS: dict[str, tuple[Callable[[Any], object], object]] = {
    "pipelines": (lambda sdk: [each.id for each in sdk.crm.pipelines.pipelines_api.get_all("deals").results], ["default"]),
    "pipeline": (lambda sdk: sdk.crm.pipelines.pipelines_api.get_by_id("deals", "default").id, "default"),
    "stages": (lambda sdk: len(sdk.crm.pipelines.pipeline_stages_api.get_all("deals", "default").results), 7),
    "owners": (lambda sdk: result_ids(sdk.crm.owners.owners_api.get_page(limit=2)), ["77001", "77002"]),
    "more owners": (lambda sdk: sdk.crm.owners.owners_api.get_page(limit=2).paging.next.after, "77003"),
    "owner": (lambda sdk: sdk.crm.owners.owners_api.get_by_id(77_001).type, "PERSON"),
    "occurrences": (lambda sdk: result_ids(sdk.events.events_api.get_page(object_type="contact", object_id=1)), ["v"]),
    "event types": (lambda sdk: sorted(sdk.events.events_api.get_types().event_types), ["e_submitted_form", "e_visited_page"]),
    "marketing events": (lambda sdk: [each.attendees for each in sdk.marketing.events.basic_api.get_all(limit=100).results], [1]),
    "marketing event": (lambda sdk: sdk.marketing.events.basic_api.get_by_object_id("501").event_name, "Scoring"),
    "participations": (
        lambda sdk: (
            sdk.marketing.events.retrieve_participant_state_api.get_participations_breakdown_by_marketing_event_id(
                501, state="ATTENDED"
            ).total
        ),
        1,
    ),
    "participation counts": (
        lambda sdk: sdk.marketing.events.retrieve_participant_state_api.get_participations_counters_by_marketing_event_id(501).attended,
        1,
    ),
    "forms": (lambda sdk: result_ids(sdk.marketing.forms.forms_api.get_page()), ["f"]),
    "export": (lambda sdk: sdk.crm.exports.public_exports_api.start(EXPORT).id, "1"),
    "imports": (lambda sdk: sdk.crm.imports.core_api.get_page().results, []),
    "oauth": (lambda sdk: sdk.oauth.tokens_api.create(grant_type="refresh_token", **GRANT).expires_in, 1_800),
}


@pytest.mark.parametrize("name", READS)
def test_the_sdk_parses_every_other_endpoint(sdk: Any, name: str) -> None:
    read, expected = READS[name]
    assert read(sdk) == expected


def test_the_sdk_raises_its_own_error_for_a_missing_contact(sdk: Any) -> None:
    from hubspot.crm.contacts.exceptions import NotFoundException  # noqa: PLC0415 -- only if the SDK is installed

    with pytest.raises(NotFoundException) as caught:
        sdk.crm.contacts.basic_api.get_by_id("999")
    assert caught.value.status == 404
