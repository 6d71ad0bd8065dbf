from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sync_worker.errors import Forbidden, Unavailable
from sync_worker.hubspot.client import HubSpot
from sync_worker.hubspot.records.models import Event
from tests.hubspot.fakes import FakeServer, error_body, json_response, next_page_body

EVENTS = "/email/public/v1/events"
OCCURRENCES = "/events/v3/events"
START, STOP = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 2, 0, 0, 0, 500_000, UTC)
AT = datetime(2026, 11, 1, 12, 0, 0, 123_000, UTC)
AT_MS = 1_793_534_400_123

CLICK: dict[str, Any] = {
    "id": "4a5b",
    "created": AT_MS,
    "type": "CLICK",
    "recipient": "Ann@Acme.Example",
    "portalId": 77,
    "emailCampaignId": 9_001,
    "url": "https://acme.example/pricing",
    "userAgent": "Mozilla/5.0",
    "sentBy": {"id": "s", "created": AT_MS - 60_000},
    "filteredEvent": False,
}
VIEW: dict[str, Any] = {
    "id": "view-1",
    "eventType": "e_visited_page",
    "objectType": "CONTACT",
    "objectId": "51",
    "occurredAt": "2026-11-01T12:00:00.123Z",
    "properties": {"hs_url": "https://acme.example/", "hs_title": "Home", "hs_utm_campaign": "autumn"},
}


def test_clicks_have_every_field_that_a_model_uses(hubspot: HubSpot, server: FakeServer) -> None:
    server.respond(
        "GET",
        EVENTS,
        json_response({"hasMore": True, "offset": "abc", "events": [CLICK]}),
        json_response({"hasMore": False, "offset": "abc", "events": []}),
    )

    first = hubspot.email_events.read_page("CLICK", START, STOP)
    second = hubspot.email_events.read_page("CLICK", START, STOP, first.next)

    assert first.items == (
        Event(
            id=f"4a5b:{AT_MS}",
            kind="email_click",
            at=AT,
            email="ann@acme.example",
            url="https://acme.example/pricing",
            campaign="9001",
            user_agent="Mozilla/5.0",
            sent_at=AT - timedelta(minutes=1),
        ),
    )
    assert (first.next, second.next) == ("abc", None)
    assert server.queries[0] == {"eventType": "CLICK", "startTimestamp": "1793491200000", "endTimestamp": "1793577600500", "limit": "1000"}
    assert server.queries[1]["offset"] == "abc"


def test_machine_clicks_and_replaced_events_are_marked(hubspot: HubSpot, server: FakeServer) -> None:
    by_a_machine = CLICK | {"filteredEvent": True}
    replaced = CLICK | {"obsoletedBy": {"id": "newer", "created": AT_MS + 1}}
    bare = {"id": "b", "created": AT_MS, "type": "OPEN", "recipient": "ann@acme.example"}
    server.respond("GET", EVENTS, json_response({"hasMore": False, "events": [by_a_machine, replaced, bare]}))

    first, second, third = hubspot.email_events.read_page("CLICK", START, STOP).items

    assert first.filtered
    assert second.obsoleted_by == f"newer:{AT_MS + 1}"
    assert (third.kind, third.url, third.sent_at) == ("email_open", None, None)


@pytest.mark.parametrize(
    "odd",
    [
        {"id": 4},
        {"url": {"href": "x"}},
        {"userAgent": ["x"]},
        {"sentBy": []},
        {"sentBy": {"id": 1, "created": "x"}},
        {"obsoletedBy": "x"},
        {"emailCampaignId": 0},
        {"emailCampaignId": {}},
        {"filteredEvent": "perhaps", "url": 5},
    ],
)
def test_an_odd_field_that_is_not_needed_costs_no_event(hubspot: HubSpot, server: FakeServer, odd: dict[str, Any]) -> None:
    server.respond("GET", EVENTS, json_response({"hasMore": False, "events": [CLICK | odd]}))

    assert [event.email for event in hubspot.email_events.read_page("CLICK", START, STOP).items] == ["ann@acme.example"]
    assert all("the other fields are used" in reason for _, reason in hubspot.metrics.snapshot().unreadable)


@pytest.mark.parametrize(
    ("cursor", "expected"),
    [
        ({"hasMore": False, "offset": "abc"}, None),
        ({"hasMore": "false", "offset": "abc"}, None),
        ({}, None),
        ({"offset": "abc"}, "abc"),
        ({"hasMore": True, "offset": 12}, "12"),
    ],
)
def test_a_page_of_email_events_is_the_last_one_without_an_offset(
    hubspot: HubSpot, server: FakeServer, cursor: dict[str, Any], expected: str | None
) -> None:
    server.respond("GET", EVENTS, json_response({"events": [CLICK], **cursor}))

    assert hubspot.email_events.read_page("CLICK", START, STOP).next == expected


def test_more_events_without_an_offset_are_an_error(hubspot: HubSpot, server: FakeServer) -> None:
    server.respond("GET", EVENTS, json_response({"events": [CLICK], "hasMore": True, "offset": None}))

    with pytest.raises(Unavailable, match="no offset"):
        hubspot.email_events.read_page("CLICK", START, STOP)


def test_page_views_are_read_oldest_first(hubspot: HubSpot, server: FakeServer) -> None:
    server.respond("GET", OCCURRENCES, json_response({"results": [VIEW], **next_page_body("next")}))

    page = hubspot.event_occurrences.read_page("e_visited_page", START, STOP)
    hubspot.event_occurrences.read_page("e_visited_page", START, STOP, page.next)

    view = Event(id="view-1", kind="page_view", at=AT, contact_id=51, url="https://acme.example/", name="Home", campaign="autumn")
    assert page.items == (view,)
    assert server.queries[0] == {
        "objectType": "contact",
        "eventType": "e_visited_page",
        "occurredAfter": "2026-11-01T00:00:00.000Z",
        "occurredBefore": "2026-11-02T00:00:00.500Z",
        "sort": "occurredAt",
        "limit": "100",
    }
    assert server.queries[1]["after"] == "next"


@pytest.mark.parametrize(
    ("event_type", "kind"),
    [("pe77_demo_watched", "custom:demo_watched"), ("e_submitted_form", "form_submission"), ("e_something_new", "custom:e_something_new")],
)
def test_each_type_of_event_has_a_kind(hubspot: HubSpot, server: FakeServer, event_type: str, kind: str) -> None:
    server.respond("GET", OCCURRENCES, json_response({"results": [VIEW | {"eventType": event_type, "properties": None}]}))

    assert hubspot.event_occurrences.read_page(event_type, START, STOP).items[0].kind == kind


def test_event_types_are_read(hubspot: HubSpot, server: FakeServer) -> None:
    server.respond("GET", "/events/v3/events/event-types", json_response({"eventTypes": ["e_visited_page", "pe77_demo"]}))

    assert hubspot.event_occurrences.list_types() == ("e_visited_page", "pe77_demo")


def scope_error_body(*scopes: str) -> dict[str, Any]:
    return error_body("no", "MISSING_SCOPES", errors=[{"message": "…", "context": {"requiredScopes": list(scopes)}}])


def test_a_plan_without_occurrences_is_not_an_error(hubspot: HubSpot, server: FakeServer) -> None:
    server.respond(
        "GET",
        OCCURRENCES,
        json_response({"results": []}),
        json_response(error_body("Enterprise only"), 403),
        json_response(scope_error_body("oauth"), 403),
    )

    assert [hubspot.event_occurrences.is_available() for _ in range(3)] == [True, False, False]


def test_a_token_without_the_scope_for_occurrences_is_an_error(hubspot: HubSpot, server: FakeServer) -> None:
    server.respond("GET", OCCURRENCES, json_response(scope_error_body("behavioral_events.read"), 403))

    with pytest.raises(Forbidden, match=r"behavioral_events\.read"):
        hubspot.event_occurrences.is_available()


def test_all_forms_are_read(hubspot: HubSpot, server: FakeServer) -> None:
    first, second = {"id": "f-1", "name": "Demo", "archived": False}, {"id": "f-2", "name": "News"}
    server.respond(
        "GET", "/marketing/v3/forms", json_response({"results": [first], **next_page_body("100")}), json_response({"results": [second]})
    )

    assert [(form.id, form.name) for form in hubspot.forms.list_all()] == [("f-1", "Demo"), ("f-2", "News")]
    assert [(query["formTypes"], query.get("after")) for query in server.queries] == [("all", None), ("all", "100")]


@pytest.mark.parametrize(
    ("paging", "cursor"),
    [
        (None, None),
        ([], None),
        ({"next": None}, None),
        ({"next": {}}, None),
        ({"next": {"after": ""}}, None),
        ({"next": {"after": 100}}, "100"),
        ({"next": {"link": "https://api.hubapi.com/x?limit=5&after=MTAw%3D"}}, "MTAw="),
    ],
)
def test_the_cursor_of_the_next_page_may_have_several_forms(
    hubspot: HubSpot, server: FakeServer, paging: object, cursor: str | None
) -> None:
    server.respond("GET", "/form-integrations/v1/submissions/forms/f-1", json_response({"results": [], "paging": paging}))

    assert hubspot.forms.read_submissions("f-1").next == cursor


def test_archived_forms_are_requested_separately(hubspot: HubSpot, server: FakeServer) -> None:
    old = {"id": "f-3", "name": "Old", "archived": True, "archivedAt": "2026-05-01T00:00:00Z"}
    server.respond("GET", "/marketing/v3/forms", json_response({"results": [old]}))

    assert [(form.id, form.archived_at) for form in hubspot.forms.list_all(archived=True)] == [("f-3", datetime(2026, 5, 1, tzinfo=UTC))]
    assert server.queries[0]["archived"] == "true"


def submission_body(**more: object) -> dict[str, Any]:
    values = [
        {"name": "firstname", "value": "Ann", "objectTypeId": "0-1"},
        {"name": "email", "value": " Ann@Acme.Example", "objectTypeId": "0-1"},
    ]
    return {"submittedAt": AT_MS, "values": values, "pageUrl": "https://acme.example/demo", **more}


def test_a_submission_identifies_its_contact_by_email(hubspot: HubSpot, server: FakeServer) -> None:
    server.respond(
        "GET",
        "/form-integrations/v1/submissions/forms/f-1",
        json_response({"results": [submission_body(conversionId="c-1")], **next_page_body("50")}),
    )

    page = hubspot.forms.read_submissions("f-1")

    assert page.items == (
        Event(id="c-1", kind="form_submission", at=AT, email="ann@acme.example", url="https://acme.example/demo", form_id="f-1"),
    )
    assert page.next == "50"
    assert server.queries[0] == {"limit": "50"}


def test_a_submission_without_an_id_gets_a_stable_opaque_one(hubspot: HubSpot, server: FakeServer) -> None:
    nameless = submission_body(values=[])
    other = submission_body(submittedAt=AT_MS + 1)
    server.respond("GET", "/form-integrations/v1/submissions/forms/f-1", json_response({"results": [submission_body(), other, nameless]}))

    first = hubspot.forms.read_submissions("f-1").items
    again = hubspot.forms.read_submissions("f-1", "50").items

    assert [event.id for event in first] == [event.id for event in again]
    assert len({event.id for event in first}) == 3
    assert "ann" not in first[0].id
    assert first[2].email is None


def test_only_the_email_field_of_the_contact_names_the_contact(hubspot: HubSpot, server: FakeServer) -> None:
    own, other = (
        {"name": "email", "value": f"{name}@acme.example", "objectTypeId": type_} for name, type_ in (("ann", "0-1"), ("bob", "2-7"))
    )
    rows = [submission_body(values=values) for values in ([own, other], [other, own], [other], [{"value": "x"}, own])]
    server.respond("GET", "/form-integrations/v1/submissions/forms/f-1", json_response({"results": rows}))

    addresses = [event.email for event in hubspot.forms.read_submissions("f-1").items]

    assert addresses == ["ann@acme.example", "ann@acme.example", None, "ann@acme.example"]


def test_a_field_of_a_form_that_is_not_the_address_may_hold_anything(hubspot: HubSpot, server: FakeServer) -> None:
    own = {"name": "email", "value": "ann@acme.example", "objectTypeId": "0-1"}
    rows = [submission_body(values=[odd, own], pageUrl={}) for odd in (None, [], {"name": ["x"], "objectTypeId": 5}, {"name": "email"})]
    server.respond("GET", "/form-integrations/v1/submissions/forms/f-1", json_response({"results": rows}))

    assert [event.email for event in hubspot.forms.read_submissions("f-1").items] == ["ann@acme.example"] * 4


def test_a_form_with_any_id_and_time_of_archiving_is_read(hubspot: HubSpot, server: FakeServer) -> None:
    form = {"id": "a/b?c", "name": "Demo", "archivedAt": "soon"}
    server.respond("GET", "/marketing/v3/forms", json_response({"results": [form]}))
    server.respond("GET", "/form-integrations/v1/submissions/forms/a%2Fb%3Fc", json_response({"results": [submission_body()]}))

    assert [(found.id, found.archived_at) for found in hubspot.forms.list_all()] == [("a/b?c", None)]
    assert len(hubspot.forms.read_submissions("a/b?c").items) == 1


@pytest.mark.parametrize(
    ("odd", "reason"),
    [
        ({"created": None}, "Expected `int`, got `null` - at `created`"),
        ({"created": 253_402_300_799_999}, "Expected `int` <= 7258118399999 - at `created`"),
        ({"created": AT_MS + 3 * 86_400_000}, "a time outside of the requested range"),
        ({"recipient": ["b@x.example"]}, "Expected `str`, got `array` - at `recipient`"),
        ({"recipient": " "}, "the recipient is empty"),
        ({"created": AT_MS // 1_000}, "Expected `int` >= 1149120000000 - at `created`"),
        ({"recipient": "b" * 321}, "Expected `str` of length <= 320 - at `recipient`"),
        ({"id": ""}, "Expected `str` of length >= 1 - at `id`"),
    ],
)
def test_an_event_with_an_odd_field_is_left_out_and_counted(
    hubspot: HubSpot, server: FakeServer, odd: dict[str, object], reason: str
) -> None:
    server.respond("GET", EVENTS, json_response({"hasMore": False, "events": [CLICK | odd, CLICK]}))

    page = hubspot.email_events.read_page("CLICK", START, STOP)

    assert ([event.id for event in page.items], page.unreadable) == ([f"4a5b:{AT_MS}"], 1)
    assert hubspot.metrics.snapshot().unreadable == {("read email events", reason): 1}


def test_many_rows_without_a_readable_one_are_a_new_format(hubspot: HubSpot, server: FakeServer) -> None:
    server.respond("GET", EVENTS, json_response({"hasMore": False, "events": [{"id": "x", "at": AT_MS}] * 10}))

    with pytest.raises(Unavailable, match=r"unexpected format .*`created`"):
        hubspot.email_events.read_page("CLICK", START, STOP)
