from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from sync_worker.hubspot.client import HubSpot
from sync_worker.hubspot.records.models import Event, MarketingEvent
from tests.hubspot.fakes import FakeServer, json_response, next_page_body

EVENTS = "/marketing/marketing-events/v3"
BREAKDOWN = "/marketing/marketing-events/v3/participations/501/breakdown"
AT = datetime(2026, 11, 1, 12, 0, 0, 123_000, UTC)
AT_MS = 1_793_534_400_123
SEMINAR = MarketingEvent(id="501", name="Scoring", type="WEBINAR", attendee_count=2, updated_at=AT)
ROW: dict[str, Any] = {
    "objectId": "501",
    "eventName": "Scoring",
    "eventType": "WEBINAR",
    "attendees": 2,
    "updatedAt": "2026-11-01T12:00:00.123Z",
}


def participation_body(number: int, state: str = "ATTENDED", at: object = AT_MS, **contact: str) -> dict[str, Any]:
    return {
        "id": f"p-{number}",
        "createdAt": "2026-10-01T00:00:00Z",
        "properties": {"attendanceState": state, "occurredAt": at, "attendancePercentage": "80"},
        "associations": {
            "contact": contact or {"contactId": str(number), "email": "Ann@Acme.Example"},
            "marketingEvent": {"marketingEventId": "501", "name": "Scoring"},
        },
    }


def test_webinars_are_read_page_by_page_without_other_events(hubspot: HubSpot, server: FakeServer) -> None:
    fair, untold = ROW | {"objectId": "502", "eventType": "Tradeshow"}, {"objectId": 503, "eventName": "Untold"}
    server.respond(
        "GET", EVENTS, json_response({"results": [ROW, fair], **next_page_body("502")}), json_response({"results": [untold, ROW]})
    )

    assert hubspot.marketing_events.list_webinars() == (SEMINAR, MarketingEvent(id="503", name="Untold"))
    assert server.queries == [{"limit": "100"}, {"limit": "100", "after": "502"}]


@pytest.mark.parametrize("type_", ["WEBINAR", "Zoom webinar", "", " "])
def test_an_event_is_a_webinar_by_type_or_without_a_type(type_: str) -> None:
    assert MarketingEvent(id="1", name="x", type=type_).is_webinar


@pytest.mark.parametrize("type_", ["CONFERENCE", "Workshop"])
def test_an_event_with_another_type_is_not_a_webinar(type_: str) -> None:
    assert not MarketingEvent(id="1", name="x", type=type_).is_webinar


def test_attendance_is_an_event_of_a_contact(hubspot: HubSpot, server: FakeServer) -> None:
    server.respond(
        "GET",
        BREAKDOWN,
        json_response({"total": 3, "results": [participation_body(51)], **next_page_body("1")}),
        json_response({"results": []}),
    )

    page = hubspot.marketing_events.read_attendances(SEMINAR)
    last = hubspot.marketing_events.read_attendances(SEMINAR, page.next)

    assert page.items == (Event(id="p-51", kind="webinar", at=AT, contact_id=51, campaign="501", name="Scoring"),)
    assert (last.items, last.next) == ((), None)
    assert server.queries == [{"state": "ATTENDED", "limit": "100"}, {"state": "ATTENDED", "limit": "100", "after": "1"}]


def test_the_time_formats_of_specification_and_guide_are_parsed(hubspot: HubSpot, server: FakeServer) -> None:
    server.respond(
        "GET", BREAKDOWN, json_response({"results": [participation_body(1), participation_body(2, at="2026-11-01T12:00:00.123Z")]})
    )

    assert [event.at for event in hubspot.marketing_events.read_attendances(SEMINAR).items] == [AT, AT]


def test_an_attendee_without_an_id_is_matched_by_email(hubspot: HubSpot, server: FakeServer) -> None:
    server.respond("GET", BREAKDOWN, json_response({"results": [participation_body(1, email=" Ann@Acme.Example")]}))

    (event,) = hubspot.marketing_events.read_attendances(SEMINAR).items
    assert (event.contact_id, event.email) == (None, "ann@acme.example")


@pytest.mark.parametrize("state", ["REGISTERED", "CANCELLED", "NO_SHOW", "EMPTY"])
def test_no_shows_are_omitted_even_if_hubspot_returns_them(hubspot: HubSpot, server: FakeServer, state: str) -> None:
    server.respond("GET", BREAKDOWN, json_response({"results": [participation_body(1, state)]}))

    assert hubspot.marketing_events.read_attendances(SEMINAR).items == ()


def test_a_participation_without_a_contact_is_left_out_and_counted(hubspot: HubSpot, server: FakeServer) -> None:
    odd = participation_body(1) | {"associations": {}}
    server.respond("GET", BREAKDOWN, json_response({"results": [odd, participation_body(2, contactId="51")]}))

    page = hubspot.marketing_events.read_attendances(SEMINAR)

    assert ([event.contact_id for event in page.items], page.unreadable) == ([51], 1)
    reason = "Object missing required field `contact` - at `associations`"
    assert hubspot.metrics.snapshot().unreadable == {("read the participations of a marketing event", reason): 1}


@pytest.mark.parametrize("body", [b"<html>Not Found</html>", b'{"status": "error", "message": "resource not found", "correlationId": "1"}'])
def test_the_path_of_the_sdks_is_used_where_hubspot_does_not_know_the_described_one(
    hubspot: HubSpot, server: FakeServer, body: bytes
) -> None:
    server.respond("GET", EVENTS, (404, {}, body))
    server.respond("GET", "/marketing/v3/marketing-events", json_response({"results": [ROW]}))
    assert [webinar.id for webinar in hubspot.marketing_events.list_webinars()] == ["501"]
    assert len(server.paths) == 2
