"""The endpoints for tests and demos under /sandbox, and the data of the web page."""

from __future__ import annotations

import pytest

from sync_worker.sandbox.base.errors import PortalFolderError
from sync_worker.sandbox.base.portal_data import PortalData
from tests.sandbox.portal_factories import CONTACTS, NOW_MS, make_click, make_contact, make_contacts, make_portal, start_portal


def test_requests_are_counted_by_endpoint_and_status() -> None:
    served = start_portal(make_portal(make_contacts(1)), rate=2)
    for path in (CONTACTS, f"{CONTACTS}/9", CONTACTS):
        served.get(path)
    summary = served.get("/sandbox/requests", last=1).json()
    assert summary["total"] == 3
    assert summary["byEndpoint"] == {
        "GET /crm/v3/objects/{objectType}": {"200": 1, "429": 1},
        "GET /crm/v3/objects/{objectType}/{id}": {"404": 1},
    }
    assert summary["rateLimited"] == {"TEN_SECONDLY_ROLLING": 1}
    assert (summary["last"][0]["status"], len(summary["last"])) == (429, 1)
    served.post("/sandbox/requests/reset", {})
    assert served.get("/sandbox/requests").json()["total"] == 0


def test_the_digest_depends_on_changes_but_not_on_their_time() -> None:
    served, later = start_portal(make_portal(make_contacts(2))), start_portal(make_portal(make_contacts(2)))
    later.clock.advance(100)

    def digests() -> list[str]:
        return [one.get("/sandbox/digest").json()["digest"] for one in (served, later)]

    assert len(set(digests())) == 1
    for one in (served, later):
        one.patch(f"{CONTACTS}/1", {"properties": {"lifecyclestage": "lead"}})
    assert len(set(digests())) == 1
    served.post("/crm/v3/lists", {"name": "MQL", "objectTypeId": "0-1", "processingType": "MANUAL"})
    assert len(set(digests())) == 2


def test_another_user_can_edit_a_contact() -> None:
    served = start_portal(make_portal(make_contacts(1)))
    edited = served.http.post("/sandbox/contacts/1", json={"properties": {"jobtitle": "CTO"}}, headers={"Authorization": ""})
    assert edited.json()["properties"]["jobtitle"] == "CTO"
    history = served.get(f"{CONTACTS}/1", propertiesWithHistory="jobtitle").json()["propertiesWithHistory"]["jobtitle"]
    assert history[0]["sourceType"] == "CRM_UI"
    assert served.post("/sandbox/contacts/9", {"jobtitle": "CTO"}).status_code == 404
    assert served.post("/sandbox/contacts/1", {"hs_email_click": "3"}).status_code == 400


def test_the_page_reads_contacts_with_their_events() -> None:
    portal = start_portal(
        make_portal(
            [make_contact(1, firstname="Zoë", associatedcompanyid="9"), *make_contacts(3)[1:]],
            companies=[{"id": "9", "properties": {"name": "Acme"}}],
            email_events=[make_click(1, 5_000)],
            events=[{"id": "v", "eventType": "e_visited_page", "objectId": "1", "occurredAt": "1970-01-01T00:00:09Z", "properties": {}}],
            forms=[{"id": "f", "name": "Contact us"}],
            submissions=[
                {"formId": "f", "submittedAt": 7_000, "values": [{"name": "email", "value": "PERSON-1@example.com"}], "pageUrl": "u"}
            ],
        )
    ).portal
    assert [contact["hs_object_id"] for contact in portal.list_records("contacts", offset=1, limit=1)] == ["2"]
    found, total = portal.find_records("contacts", "zoë")
    assert ([contact["hs_object_id"] for contact in found], total) == (["1"], 1)
    assert [(event["kind"], event["at"]) for event in portal.contact_events(1)] == [
        ("e_visited_page", 9_000),
        ("FORM_SUBMISSION", 7_000),
        ("CLICK", 5_000),
    ]
    company = portal.record("companies", 9)
    assert company is not None
    assert company["name"] == "Acme"
    groups = {group.name: [definition.name for definition in definitions] for group, definitions in portal.properties_by_group()}
    assert "email" in groups["contactinformation"]


def test_the_page_shows_the_recent_changes() -> None:
    served = start_portal(make_portal(make_contacts(2)))
    body = {"name": "lead_score", "label": "Score", "type": "number", "fieldType": "number", "groupName": "contactinformation"}
    served.post("/crm/v3/properties/contacts", body)
    for score in ("10", "20"):
        served.patch(f"{CONTACTS}/1", {"properties": {"lead_score": score, "city": "Bonn"}})
    changes = served.portal.recent_changes()
    assert [(change.record_id, change.property_name, change.old_value, change.new_value) for change in changes] == [
        (1, "lead_score", "10", "20"),
        (1, "lead_score", None, "10"),
    ]
    assert changes[0].source.type == "INTEGRATION"
    assert [change.new_value for change in served.portal.contact_changes(1, "city")] == ["Bonn"]
    assert len(served.portal.recent_changes(custom_only=False)) == 3


def test_users_can_create_merge_archive_and_delete_contacts() -> None:
    served = start_portal(make_portal(make_contacts(4)))
    assert served.post("/sandbox/contacts", {"properties": {"email": "new@example.com"}}).json()["id"] == "5"
    assert served.post("/sandbox/contacts/merge", {"primaryObjectId": "1", "objectIdToMerge": "2"}).json()["id"] == "6"
    assert served.post("/sandbox/contacts/archive", {"id": "3"}).json() == {"id": "3", "archived": True}
    assert served.post("/sandbox/contacts/forget", {"id": "4"}).status_code == 200
    assert served.post("/sandbox/contacts/edit", {"id": "6", "properties": {"city": "Bonn"}}).json()["properties"]["city"] == "Bonn"
    assert [item["id"] for item in served.get(CONTACTS).json()["results"]] == ["5", "6"]


def test_a_new_event_updates_the_counters_but_not_the_timestamp() -> None:
    served = start_portal(make_portal(make_contacts(1), forms=[{"id": "f", "name": "Contact us"}]))
    before = served.value(1, "lastmodifieddate")
    visit = {
        "id": "v",
        "eventType": "e_visited_page",
        "objectId": "1",
        "occurredAt": "2026-11-20T11:00:00.000Z",
        "properties": {"hs_url": "u"},
    }
    sent = make_click(0, 1_000, type="SENT", id="s")
    submission = {"formId": "f", "submittedAt": 5_000, "values": [{"name": "email", "value": "person-1@example.com"}], "pageUrl": "u"}
    served.post("/sandbox/events", visit)
    served.post("/sandbox/email-events", sent)
    served.post("/sandbox/email-events", make_click(1, 2_000, sentBy={"id": "s", "created": 1_000}))
    properties = served.post("/sandbox/submissions", submission).json()["properties"]
    assert (properties["hs_analytics_num_page_views"], properties["hs_email_click"], properties["num_conversion_events"]) == ("1", "1", "1")
    assert served.value(1, "lastmodifieddate") == before
    assert [event["id"] for event in served.get("/email/public/v1/events").json()["events"]] == ["event-1", "s"]


def test_an_archived_contact_can_be_restored() -> None:
    served = start_portal(make_portal(make_contacts(2)))
    before = served.value(1, "lastmodifieddate")
    served.post("/sandbox/contacts/archive", {"id": "1"})
    served.clock.advance(60)
    assert served.post("/sandbox/contacts/restore", {"id": "1"}).json()["id"] == "1"
    assert served.value(1, "lastmodifieddate") == before
    assert served.get(f"{CONTACTS}/person-1@example.com", idProperty="email").json()["id"] == "1"
    assert served.get(CONTACTS, archived="true").json()["results"] == []
    assert [served.post("/sandbox/contacts/restore", {"id": number}).status_code for number in ("1", "9")] == [404, 404]


def test_a_contact_whose_address_was_taken_is_not_restored() -> None:
    served = start_portal(make_portal(make_contacts(1)))
    served.post("/sandbox/contacts/archive", {"id": "1"})
    served.post("/sandbox/contacts", {"properties": {"email": "person-1@example.com"}})
    assert served.post("/sandbox/contacts/restore", {"id": "1"}).status_code == 409


def test_an_event_can_become_visible_long_after_its_time() -> None:
    served = start_portal(make_portal(make_contacts(1), forms=[{"id": "f", "name": "Contact us"}]))
    late = NOW_MS - 3 * 3_600_000
    visit = {"id": "v", "eventType": "e_visited_page", "objectId": "1", "occurredAt": "2026-11-20T09:00:00.000Z", "properties": {}}
    submission = {"formId": "f", "submittedAt": late, "values": [{"name": "email", "value": "person-1@example.com"}], "pageUrl": "u"}
    assert served.post("/sandbox/email-events", {**make_click(1, late), "visibleAfter": 60}).json() == {}
    served.post("/sandbox/events", {**visit, "visibleAfter": 120})
    served.post("/sandbox/submissions", {**submission, "visibleAfter": 180})

    def count_visible() -> list[int]:
        pages = (
            served.get("/email/public/v1/events").json()["events"],
            served.get("/events/v3/events").json()["results"],
            served.get("/form-integrations/v1/submissions/forms/f").json()["results"],
        )
        return [len(page) for page in pages]

    assert (count_visible(), served.value(1, "hs_email_click")) == ([0, 0, 0], None)
    for expected in ([1, 0, 0], [1, 1, 0], [1, 1, 1]):
        served.clock.advance(60)
        assert count_visible() == expected
    [event] = served.get("/email/public/v1/events").json()["events"]
    assert (event["created"], event["portalId"], "visibleAfter" in event) == (late, 42, False)
    assert (served.value(1, "hs_email_click"), served.value(1, "num_conversion_events")) == ("1", "1")
    assert served.post("/sandbox/events", {"id": "w", "visibleAfter": 1}).status_code == 400


@pytest.mark.parametrize("change", [{"filteredEvent": True}, {"obsoletedBy": {"id": "event-9", "created": 9}}])
def test_an_email_event_can_be_flagged_later(change: dict[str, object]) -> None:
    served = start_portal(make_portal(make_contacts(1), email_events=[make_click(1, 1_000), make_click(2, 2_000, id="other", type="OPEN")]))
    assert served.value(1, "hs_email_click") == "1"
    assert served.post("/sandbox/email-events/edit", {"id": "event-1", **change}).json()["id"] == "1"
    events = {event["id"]: event for event in served.get("/email/public/v1/events").json()["events"]}
    assert events["event-1"].items() >= change.items()
    assert "filteredEvent" not in events["other"]
    assert served.value(1, "hs_email_click") is None
    assert served.post("/sandbox/email-events/edit", {"id": "none", **change}).status_code == 404
    assert served.post("/sandbox/email-events/edit", {"id": "event-1", "created": 5}).status_code == 400


def test_the_clock_can_be_advanced_and_a_property_archived() -> None:
    served = start_portal(make_portal(make_contacts(1)))
    served.post("/sandbox/clock", {"seconds": 3_600})
    served.patch(f"{CONTACTS}/1", {"properties": {"city": "Bonn"}})
    assert served.value(1, "lastmodifieddate") == "2026-11-20T13:00:00Z"
    assert served.post("/sandbox/properties/delete", {"name": "city"}).json() == {"name": "city", "archived": True}
    assert served.get("/crm/v3/properties/contacts/city").status_code == 404
    assert served.post("/sandbox/clock", {}).status_code == 400


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (make_portal(time_zone="Mars/Olympus"), r"timeZone 'Mars/Olympus' does not exist"),
        (make_portal([make_contact(1), make_contact(2), make_contact(1)]), r"contacts.jsonl: id 1 occurs twice"),
        (make_portal([{**make_contact(1), "id": "one"}]), r"'one' is not a contact id"),
    ],
)
def test_invalid_portal_data_is_an_error(data: PortalData, message: str) -> None:
    with pytest.raises(PortalFolderError, match=message):
        start_portal(data)
