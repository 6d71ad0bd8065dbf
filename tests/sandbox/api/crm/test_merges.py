"""hubspot-api.md 3.7: merge, GDPR delete, and the old ids after a merge."""

from __future__ import annotations

from typing import Literal

import httpx
import pytest

from sync_worker.sandbox.server.server import Switches
from tests.sandbox.portal_factories import (
    CONTACTS,
    PortalClient,
    make_click,
    make_contact,
    make_contacts,
    make_portal,
    result_ids,
    start_portal,
)

READ = {"properties": ["email"], "inputs": [{"id": "1"}, {"id": "2"}]}
VISIT = {"eventType": "e_visited_page", "occurredAt": "2026-11-01T00:00:00.000Z", "properties": {"hs_url": "https://example.com/"}}


def merge_contacts(served: PortalClient, primary: int = 1, other: int = 2) -> httpx.Response:
    return served.post(f"{CONTACTS}/merge", {"primaryObjectId": str(primary), "objectIdToMerge": str(other)})


def test_a_merge_creates_a_new_record_that_both_old_ids_resolve_to() -> None:
    served = start_portal(make_portal(make_contacts(3)))
    reply = merge_contacts(served)
    assert (reply.status_code, reply.json()["id"]) == (200, "4")
    assert reply.json()["properties"]["hs_merged_object_ids"] == "1;2"
    assert [served.get(f"{CONTACTS}/{number}").json()["id"] for number in (1, 2, 4)] == ["4", "4", "4"]
    assert result_ids(served.get(CONTACTS).json()) == ["3", "4"]
    assert result_ids(served.search()) == ["3", "4"]
    assert served.get(CONTACTS, archived="true").json()["results"] == []


def test_the_values_of_the_primary_record_win_but_the_furthest_stage_stays() -> None:
    contacts = [
        make_contact(1, lifecyclestage="lead", city="Bonn"),
        make_contact(2, lifecyclestage="customer", city="Lund", jobtitle="CTO"),
    ]
    served = start_portal(make_portal(contacts))
    merge_contacts(served)
    assert [served.value(3, name) for name in ("city", "jobtitle", "lifecyclestage")] == ["Bonn", "CTO", "customer"]
    assert served.value(3, "hs_additional_emails") == "person-2@example.com"
    assert served.get(f"{CONTACTS}/person-2@example.com", idProperty="email").json()["id"] == "3"
    assert (served.value(3, "hs_calculated_merged_vids") or "").startswith("1:")


def test_merged_records_can_be_merged_again() -> None:
    served = start_portal(make_portal(make_contacts(3)))
    merge_contacts(served)
    assert merge_contacts(served, 3, 1).json()["properties"]["hs_merged_object_ids"] == "1;2;3;4"
    assert served.get(f"{CONTACTS}/2").json()["id"] == "5"
    assert merge_contacts(served, 1, 2).status_code == 400


def test_a_record_has_at_most_250_merged_ids() -> None:
    """Section 2 and 3.7: more than 250 merge identities are 414."""
    served = start_portal(make_portal([make_contact(1), make_contact(2), make_contact(3)]))
    first = served.post(f"{CONTACTS}/merge", {"primaryObjectId": "1", "objectIdToMerge": "2"}).json()["id"]
    table = served.portal.contacts
    table.writer.set_calculated(table.records.ids.index(3), {"hs_merged_object_ids": ";".join(map(str, range(1_000, 1_248)))})
    assert served.post(f"{CONTACTS}/merge", {"primaryObjectId": first, "objectIdToMerge": "3"}).status_code == 414


def test_lists_deals_and_events_move_to_the_merged_record() -> None:
    visits = [{**VISIT, "id": str(number), "objectId": str(number)} for number in (1, 2)]
    clicks = [make_click(number, 1_000 + number, recipient=f"person-{number}@example.com") for number in (1, 2)]
    deals = [{"id": "9", "properties": {"dealstage": "closedwon"}, "contactIds": ["2"]}]
    served = start_portal(make_portal(make_contacts(2), events=visits, email_events=clicks, deals=deals))
    served.post("/crm/v3/lists", {"name": "MQL", "objectTypeId": "0-1", "processingType": "MANUAL"})
    served.put("/crm/v3/lists/1/memberships/add", ["2"])
    merge_contacts(served)
    assert [item["recordId"] for item in served.get("/crm/v3/lists/1/memberships").json()["results"]] == ["3"]
    assert served.get("/crm/v4/objects/deals/9/associations/contacts").json()["results"][0]["toObjectId"] == 3
    found = served.get("/events/v3/events", objectType="contact", objectId="3").json()["results"]
    assert [event["objectId"] for event in found] == ["3", "3"]
    assert served.get("/events/v3/events", objectType="contact", objectId="1").json()["results"] == found
    assert served.value(3, "hs_analytics_num_page_views") == "2"


def test_a_batch_update_silently_drops_merged_ids() -> None:
    served = start_portal(make_portal(make_contacts(3)))
    merge_contacts(served)
    body = {"inputs": [{"id": number, "properties": {"city": "Bonn"}} for number in ("1", "3")]}
    reply = served.post(f"{CONTACTS}/batch/update", body)
    assert (reply.status_code, result_ids(reply.json()), "errors" in reply.json()) == (200, ["3"], False)
    assert served.value(4, "city") is None
    assert served.patch(f"{CONTACTS}/1", {"properties": {"city": "Lund"}}).json()["id"] == "4"


@pytest.mark.parametrize(("reading", "status", "found"), [("survivor", 200, ["3"]), ("dropped", 207, [])])
def test_a_batch_read_of_merged_ids_depends_on_the_switch(reading: Literal["survivor", "dropped"], status: int, found: list[str]) -> None:
    served = start_portal(make_portal(make_contacts(2)), switches=Switches(batch_read_merged=reading))
    merge_contacts(served)
    reply = served.post(f"{CONTACTS}/batch/read", READ)
    assert (reply.status_code, result_ids(reply.json())) == (status, found)


def test_a_permanently_deleted_record_is_not_found() -> None:
    served = start_portal(make_portal(make_contacts(3)))
    assert served.post(f"{CONTACTS}/gdpr-delete", {"objectId": "1"}).status_code == 204
    assert served.post(f"{CONTACTS}/gdpr-delete", {"objectId": "person-2@example.com", "idProperty": "email"}).status_code == 204
    assert served.post(f"{CONTACTS}/gdpr-delete", {"objectId": "1"}).status_code == 404
    assert [served.get(f"{CONTACTS}/{number}").status_code for number in (1, 2, 3)] == [404, 404, 200]
    assert served.get(CONTACTS, archived="true").json()["results"] == []
    assert result_ids(served.search()) == ["3"]


def test_the_email_of_a_permanently_deleted_contact_is_rejected() -> None:
    """Section 3.7: gdpr-delete is permanent, and the email address is blocklisted."""
    served = start_portal(make_portal(make_contacts(2)))
    served.post(f"{CONTACTS}/gdpr-delete", {"objectId": "1"})
    again = served.post(CONTACTS, {"properties": {"email": "Person-1@example.com"}})
    assert (again.status_code, again.json()["errors"][0]["code"]) == (400, "EMAIL_BLOCKLISTED")
    assert served.patch(f"{CONTACTS}/2", {"properties": {"email": "person-1@example.com"}}).status_code == 400


def test_an_archived_record_can_be_deleted_permanently() -> None:
    served = start_portal(make_portal(make_contacts(1)))
    served.delete(f"{CONTACTS}/1")
    assert served.post(f"{CONTACTS}/gdpr-delete", {"objectId": "1"}).status_code == 204
    assert served.get(CONTACTS, archived="true").json()["results"] == []


def test_subscription_changes_are_derived_from_email_events() -> None:
    events = [
        make_click(1, 1_000),
        make_click(2, 2_000, type="BOUNCE"),
        make_click(3, 3_000, type="STATUSCHANGE", portalSubscriptionStatus="UNSUBSCRIBED", source="SOURCE_RECIPIENT", portalId=42),
    ]
    served = start_portal(make_portal(email_events=events))
    path = "/email/public/v1/subscriptions/timeline"
    first = served.get(path, limit=1).json()
    assert first["timeline"][0]["changes"] == [
        {
            "change": "UNSUBSCRIBED",
            "changeType": "PORTAL_STATUS",
            "source": "SOURCE_RECIPIENT",
            "causedByEvent": {"id": "event-3", "created": 3_000},
        }
    ]
    last = served.get(path, limit=1, offset=first["offset"]).json()
    assert ([row["timestamp"] for row in last["timeline"]], last["hasMore"]) == ([2_000], False)
    only = served.get(path, changeType="PORTAL_BOUNCE", startTimestamp=2_000, endTimestamp=2_000).json()
    assert [row["recipient"] for row in only["timeline"]] == ["Person-1@example.com"]
