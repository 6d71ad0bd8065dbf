"""hubspot-api.md section 7: email events, event occurrences, forms and submissions; 3.8: associations; 1, 9: account and owners."""

from __future__ import annotations

import pytest

from sync_worker.sandbox.base.config import Switches
from tests.sandbox.portal_factories import DAY_MS, NOW_MS, make_click, make_contact, make_contacts, make_portal, result_ids, start_portal

EMAIL = "/email/public/v1/events"
VISITS = [
    {
        "id": f"visit-{number}",
        "eventType": "e_visited_page",
        "objectId": str(1 + number % 2),
        "occurredAt": f"2026-11-{number:02d}T00:00:00.000Z",
        "properties": {"hs_url": "https://example.com/pricing"},
    }
    for number in range(1, 8)
]
OCCURRENCES = ["/events/v3/events", "/events/event-occurrences/2026-03", "/events/event-occurrences/2026-09"]


def test_email_events_are_paged_newest_first_with_an_offset() -> None:
    events = [make_click(number, NOW_MS - number * DAY_MS) for number in (3, 1, 5, 2, 4)]
    served = start_portal(make_portal(make_contacts(1), email_events=events))
    first = served.get(EMAIL, limit=2).json()
    assert ([event["id"] for event in first["events"]], first["hasMore"]) == (["event-1", "event-2"], True)
    second = served.get(EMAIL, limit=2, offset=first["offset"]).json()
    third = served.get(EMAIL, limit=2, offset=second["offset"]).json()
    assert [event["id"] for event in second["events"] + third["events"]] == ["event-3", "event-4", "event-5"]
    assert (third["hasMore"], "offset" in third) == (False, False)


def test_both_time_bounds_are_inclusive() -> None:
    events = [make_click(number, 1_000 * number) for number in range(1, 6)]
    served = start_portal(make_portal(email_events=events))
    found = served.get(EMAIL, startTimestamp=2_000, endTimestamp=4_000).json()["events"]
    assert [event["created"] for event in found] == [4_000, 3_000, 2_000]


def test_email_events_are_selected_by_type_recipient_campaign_and_filter() -> None:
    events = [
        make_click(1, 1, emailCampaignId=7, appId=1),
        make_click(2, 2, recipient="other@example.com"),
        make_click(3, 3, type="OPEN", filteredEvent=True, obsoletedBy={"id": "event-9", "created": 9}),
    ]
    served = start_portal(make_portal(email_events=events))
    assert [event["id"] for event in served.get(EMAIL, eventType="CLICK").json()["events"]] == ["event-2", "event-1"]
    assert [event["id"] for event in served.get(EMAIL, recipient="PERSON-1@example.com").json()["events"]] == ["event-3", "event-1"]
    assert [event["id"] for event in served.get(EMAIL, campaignId=7, appId=1).json()["events"]] == ["event-1"]
    assert [event["id"] for event in served.get(EMAIL, excludeFilteredEvents="true").json()["events"]] == ["event-2", "event-1"]
    assert served.get(EMAIL).json()["events"][0]["obsoletedBy"] == {"id": "event-9", "created": 9}


def test_a_late_event_does_not_move_a_cursor() -> None:
    events = [make_click(number, number * DAY_MS) for number in range(1, 6)]
    served = start_portal(make_portal(email_events=events))
    first = served.get(EMAIL, limit=2).json()
    served.post("/sandbox/email-events", make_click(9, DAY_MS // 2))
    served.post("/sandbox/email-events", make_click(10, 6 * DAY_MS))
    rest = served.get(EMAIL, limit=9, offset=first["offset"]).json()["events"]
    assert [event["id"] for event in first["events"] + rest] == [f"event-{number}" for number in (5, 4, 3, 2, 1, 9)]


@pytest.mark.parametrize(
    "query", [{"limit": 1_001}, {"eventType": "WINK"}, {"campaignId": 7}, {"startTimestamp": "today"}, {"offset": "not hexadecimal"}]
)
def test_an_invalid_query_of_email_events_is_rejected(query: dict[str, object]) -> None:
    assert start_portal(make_portal()).get(EMAIL, **query).status_code == 400


@pytest.mark.parametrize("tier", ["starter", "professional"])
def test_event_occurrences_need_enterprise(tier: str) -> None:
    served = start_portal(make_portal(events=VISITS, tier=tier))
    assert served.get(OCCURRENCES[0]).status_code == 403
    assert "e_visited_page" in served.get(OCCURRENCES[0] + "/event-types").json()["eventTypes"]
    hiding = start_portal(make_portal(events=VISITS, tier=tier), switches=Switches(hidden_occurrences="empty"))
    assert hiding.get(OCCURRENCES[0]).json() == {"results": []}


@pytest.mark.parametrize("path", OCCURRENCES)
def test_occurrences_are_selected_by_type_and_time_only_and_paged(path: str) -> None:
    served = start_portal(make_portal(make_contacts(2), events=VISITS))
    query = {"eventType": "e_visited_page", "occurredAfter": "2026-11-02T00:00:00Z", "occurredBefore": "2026-11-06T00:00:00Z", "limit": 3}
    first = served.get(path, **query).json()
    assert result_ids(first) == ["visit-6", "visit-5", "visit-4"]
    assert (first["results"][0]["objectType"], first["results"][0]["objectId"]) == ("CONTACT", "1")
    second = served.get(path, **query, after=first["paging"]["next"]["after"]).json()
    assert (result_ids(second), "paging" in second) == (["visit-3", "visit-2"], False)
    upwards = served.get(path, **query, sort="occurredAt").json()
    again = served.get(path, **query, sort="occurredAt", after=upwards["paging"]["next"]["after"]).json()
    assert result_ids(upwards) + result_ids(again) == ["visit-2", "visit-3", "visit-4", "visit-5", "visit-6"]


def test_occurrences_are_selected_by_contact() -> None:
    served = start_portal(make_portal(make_contacts(2), events=VISITS))
    assert result_ids(served.get(OCCURRENCES[0], objectType="contact", objectId="2").json()) == ["visit-7", "visit-5", "visit-3", "visit-1"]
    by_email = {"objectType": "contact", "objectProperty.email": "person-1@example.com"}
    assert result_ids(served.get(OCCURRENCES[0], **by_email).json()) == ["visit-6", "visit-4", "visit-2"]
    assert result_ids(served.get(OCCURRENCES[0], id=["visit-3", "visit-4"]).json()) == ["visit-4", "visit-3"]
    assert served.get(OCCURRENCES[0], objectId="2").status_code == 400
    assert served.get(OCCURRENCES[0], limit=101).status_code == 400


def test_the_event_types_are_readable() -> None:
    served = start_portal(make_portal(events=[*VISITS, {**VISITS[0], "eventType": "pe42_watched_demo"}]))
    assert served.get(OCCURRENCES[2] + "/event-types").json()["eventTypes"] == ["e_submitted_form", "e_visited_page", "pe42_watched_demo"]


def test_submissions_are_newest_first_50_at_most() -> None:
    sent = [{"formId": "f", "submittedAt": at, "values": [{"name": "email", "value": "a@example.com"}], "pageUrl": "u"} for at in range(60)]
    served = start_portal(make_portal(forms=[{"id": "f", "name": "Contact us"}], submissions=sent))
    path = "/form-integrations/v1/submissions/forms/f"
    first = served.get(path, limit=50).json()
    assert [item["submittedAt"] for item in first["results"]] == list(range(59, 9, -1))
    assert "formId" not in first["results"][0]
    last = served.get(path, limit=50, after=first["paging"]["next"]["after"]).json()
    assert ([item["submittedAt"] for item in last["results"]], "paging" in last) == (list(range(9, -1, -1)), False)
    assert len(served.get(path).json()["results"]) == 20
    assert served.get(path, limit=51).status_code == 400
    assert served.get("/form-integrations/v1/submissions/forms/none").status_code == 404


def test_forms_are_selected_by_type() -> None:
    kinds = ("hubspot", "captured", "flow", "blog_comment")
    served = start_portal(make_portal(forms=[{"id": kind, "name": kind, "formType": kind} for kind in kinds]))
    assert result_ids(served.get("/marketing/v3/forms").json()) == ["hubspot"]
    assert result_ids(served.get("/marketing/v3/forms", formTypes="all").json()) == list(kinds)
    found = served.get("/marketing/v3/forms", formTypes=["flow", "captured"]).json()
    assert result_ids(found) == ["captured", "flow"]
    required = {"id", "name", "formType", "createdAt", "updatedAt", "archived", "fieldGroups", "configuration"}
    assert found["results"][0].keys() == required | {"displayOptions", "legalConsentOptions"}


def test_submissions_of_blog_comments_are_refused() -> None:
    sent = [{"formId": "f", "submittedAt": 1, "values": []}]
    served = start_portal(make_portal(forms=[{"id": "f", "name": "Blog", "formType": "blog_comment"}], submissions=sent))
    reply = served.get("/form-integrations/v1/submissions/forms/f")
    assert (reply.status_code, reply.json()["subCategory"]) == (400, "FORM_TYPE_NOT_ALLOWED")


def test_forms_are_paged() -> None:
    served = start_portal(make_portal(forms=[{"id": str(number), "name": f"Form {number}"} for number in range(3)]))
    first = served.get("/marketing/v3/forms", limit=2).json()
    last = served.get("/marketing/v3/forms", limit=2, after=first["paging"]["next"]["after"]).json()
    assert result_ids(first) + result_ids(last) == ["0", "1", "2"]
    assert served.get("/marketing/v3/forms/1").json()["name"] == "Form 1"


@pytest.mark.parametrize(
    ("path", "status"),
    [("/crm/v4/associations", 207), ("/crm/associations/2026-03", 207), ("/crm/associations/2026-09", 200)],
)
def test_associations_are_read_in_batches_and_records_without_any_are_errors(path: str, status: int) -> None:
    contacts = [make_contact(1, associatedcompanyid="9"), make_contact(2)]
    served = start_portal(make_portal(contacts, companies=[{"id": "9", "properties": {}}]))
    reply = served.post(f"{path}/contacts/companies/batch/read", {"inputs": [{"id": "1"}, {"id": "2"}]})
    linked = reply.json()["results"]
    assert (reply.status_code, [item["from"]["id"] for item in linked]) == (status, ["1"])
    assert linked[0]["to"][0]["toObjectId"] == 9
    assert [kind["typeId"] for kind in linked[0]["to"][0]["associationTypes"]] == [1, 279]
    error = reply.json()["errors"][0]
    assert (error["subCategory"], error["context"]["fromObjectId"]) == ("crm.associations.NO_ASSOCIATIONS_FOUND", ["2"])


def test_associations_of_deals_and_companies() -> None:
    deals = [{"id": "5", "properties": {}, "contactIds": ["1", "2"]}]
    served = start_portal(
        make_portal([make_contact(1, associatedcompanyid="9"), make_contact(2)], companies=[{"id": "9", "properties": {}}], deals=deals)
    )
    of_deal = served.post("/crm/v4/associations/deals/contacts/batch/read", {"inputs": [{"id": "5"}]}).json()["results"][0]
    assert [(to["toObjectId"], to["associationTypes"][0]["typeId"]) for to in of_deal["to"]] == [(1, 3), (2, 3)]
    of_contact = served.get("/crm/v4/objects/contacts/1/associations/deals").json()["results"]
    assert [to["toObjectId"] for to in of_contact] == [5]
    of_company = served.get("/crm/objects/2026-03/companies/9/associations/contacts").json()["results"]
    assert [to["toObjectId"] for to in of_company] == [1]
    thousand = {"inputs": [{"id": str(number)} for number in range(1_001)]}
    assert served.post("/crm/v4/associations/contacts/companies/batch/read", thousand).status_code == 400


def test_the_account_has_a_time_zone() -> None:
    served = start_portal(make_portal(time_zone="America/New_York"))
    details = served.get("/account-info/v3/details").json()
    assert (details["portalId"], details["timeZone"], details["utcOffset"]) == (42, "America/New_York", "-05:00")
    assert details["utcOffsetMilliseconds"] == -18_000_000
    assert served.get("/account-info/2026-09/details").json()["portalName"] == "Sandbox"


def test_owners_are_the_owners_of_contacts() -> None:
    served = start_portal(make_portal([make_contact(1, hubspot_owner_id="501"), make_contact(2, hubspot_owner_id="502")]))
    owners = served.get("/crm/v3/owners", limit=1).json()
    assert (result_ids(owners), owners["paging"]["next"]["after"]) == (["501"], "502")
    assert served.get("/crm/owners/2026-09/502").json()["type"] == "PERSON"
    assert result_ids(served.get("/crm/v3/owners", email=owners["results"][0]["email"]).json()) == ["501"]


def test_deals_have_a_pipeline_with_stages() -> None:
    pipelines = start_portal(make_portal()).get("/crm/v3/pipelines/deals").json()["results"]
    won = next(stage for stage in pipelines[0]["stages"] if stage["id"] == "closedwon")
    assert (pipelines[0]["id"], won["metadata"]) == ("default", {"isClosed": "true", "probability": "1.0"})


def test_the_counters_of_a_contact_are_computed_from_its_events() -> None:
    sent = make_click(0, NOW_MS - 2 * DAY_MS, type="SENT", id="sent-1")
    click = make_click(1, NOW_MS - DAY_MS, sentBy={"id": "sent-1", "created": sent["created"]}, emailCampaignId=7)
    served = start_portal(make_portal(make_contacts(2), events=VISITS, email_events=[sent, click]))
    assert served.value(1, "hs_analytics_num_page_views") == "3"
    assert served.value(1, "hs_email_click") == "1"
    assert served.value(2, "hs_email_click") is None
