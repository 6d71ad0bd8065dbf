"""hubspot-api.md section 7e: marketing events and participations."""

from __future__ import annotations

from typing import Any

import pytest

from sync_worker.sandbox.server import user_actions
from tests.sandbox.portal_factories import DAY_MS, NOW_MS, PortalClient, make_contact, make_portal, start_portal

PATHS = ["/marketing/v3/marketing-events", "/marketing/marketing-events/2026-03", "/marketing/marketing-events/2026-09"]
STATES = ["ATTENDED", "REGISTERED", "ATTENDED", "CANCELLED", "NO_SHOW"]


def make_participation(number: int, state: str, event: str = "20") -> dict[str, Any]:
    return {
        "id": f"p{number}",
        "properties": {"attendanceState": state, "occurredAt": NOW_MS - DAY_MS + number},
        "associations": {"contact": {"contactId": str(number)}, "marketingEvent": {"marketingEventId": event}},
    }


def start_webinar_portal(**options: object) -> PortalClient:
    contacts = [make_contact(number, lastname=f"N{number}") for number in range(1, 6)]
    events = [{"objectId": id_, "eventName": f"Webinar {id_}", "eventType": "WEBINAR"} for id_ in ("30", "9", "20")]
    rows = [make_participation(number, state) for number, state in enumerate(STATES, start=1)]
    return start_portal(make_portal(contacts, marketing_events=events, participations=rows), **options)


@pytest.mark.parametrize("path", PATHS)
def test_marketing_events_are_sorted_by_id_and_have_counts(path: str) -> None:
    served = start_webinar_portal()
    first = served.get(path, limit=2).json()
    last = served.get(path, limit=2, after=first["paging"]["next"]["after"]).json()
    assert [event["objectId"] for event in first["results"] + last["results"]] == ["9", "20", "30"]
    assert "paging" not in last
    counts = {"attendees": 2, "registrants": 1, "cancellations": 1, "noShows": 1}
    assert counts.items() <= first["results"][1].items()
    assert served.get(f"{path}/20").json()["eventName"] == "Webinar 20"
    assert served.get(f"{path}/21").status_code == 404
    assert served.get(path, limit=101).status_code == 400


@pytest.mark.parametrize("path", PATHS)
def test_participations_are_paged_with_name_and_state(path: str) -> None:
    served = start_webinar_portal()
    first = served.get(f"{path}/participations/20/breakdown", state="ATTENDED", limit=1).json()
    last = served.get(f"{path}/participations/20/breakdown", state="ATTENDED", limit=1, after=first["paging"]["next"]["after"]).json()
    assert [row["id"] for row in first["results"] + last["results"]] == ["p1", "p3"]
    assert (first["total"], "paging" in last) == (2, False)
    assert first["results"][0]["associations"] == {
        "contact": {"contactId": "1", "email": "person-1@example.com", "firstname": "Ana", "lastname": "N1"},
        "marketingEvent": {"marketingEventId": "20", "name": "Webinar 20"},
    }
    participations = served.get(f"{path}/participations/20/breakdown", limit=100).json()["results"]
    assert [row["properties"]["attendanceState"] for row in participations] == STATES
    assert served.get(f"{path}/participations/20").json() == {"attended": 2, "registered": 1, "cancelled": 1, "noShows": 1}


def test_participations_are_selected_by_contact() -> None:
    served, path = start_webinar_portal(), f"{PATHS[0]}/participations/20/breakdown"
    for identifier in ("3", "person-3@example.com"):
        assert [row["id"] for row in served.get(path, contactIdentifier=identifier).json()["results"]] == ["p3"]
    assert served.get(path, contactIdentifier="unknown@example.com").json()["results"] == []


def test_an_invalid_query_of_participations_is_rejected() -> None:
    served = start_webinar_portal()
    assert served.get(f"{PATHS[0]}/participations/20/breakdown", state="ASLEEP").status_code == 400
    assert served.get(f"{PATHS[0]}/participations/20/breakdown", limit=101).status_code == 400
    assert served.get(f"{PATHS[0]}/participations/21/breakdown").status_code == 404


def test_marketing_events_need_a_separate_scope() -> None:
    served = start_webinar_portal(scopes=frozenset({"crm.objects.contacts.read"}))
    reply = served.get(PATHS[0])
    assert reply.status_code == 403
    assert reply.json()["errors"][0]["context"]["requiredGranularScopes"] == ["crm.objects.marketing_events.read"]


def test_attendance_moves_with_a_merge_and_can_be_corrected() -> None:
    served = start_webinar_portal()
    user_actions.save_participation(served.portal, make_participation(3, "NO_SHOW"))
    merged = user_actions.merge_contacts(served.portal, {"primaryObjectId": "1", "objectIdToMerge": "2"})["id"]
    attended = served.get(f"{PATHS[0]}/participations/20/breakdown", state="ATTENDED").json()["results"]
    assert [row["associations"]["contact"]["contactId"] for row in attended] == [merged]


def test_a_rep_sees_who_attended() -> None:
    page = start_webinar_portal().get("/contacts/1").text
    assert "Attended “Webinar 20”" in page


@pytest.mark.parametrize(
    "path",
    [
        "/marketing/marketing-events/v3",
        "/marketing/v3/marketing-events",
        "/marketing/v3/marketing-events/",
        "/marketing/marketing-events/2026-09",
    ],
)
def test_marketing_events_have_the_described_path_and_the_path_of_the_sdks(path: str) -> None:
    served = start_portal(make_portal(marketing_events=[{"objectId": "501", "eventName": "Scoring"}]))
    assert [item["objectId"] for item in served.get(path).json()["results"]] == ["501"]
