from __future__ import annotations

from typing import Any

import pytest

from sync_worker.errors import Forbidden, Unavailable
from sync_worker.hubspot.api.subscriptions import PROBE_ADDRESS
from sync_worker.hubspot.client import HubSpot
from sync_worker.hubspot.records.models import EmailSubscriptions
from sync_worker.hubspot.rest.error_responses import InvalidRequest, MissingScope
from tests.hubspot.fakes import FakeServer, json_response

TYPES = "/communication-preferences/v4/definitions"
STATUSES = "/communication-preferences/v4/statuses/batch/read"
DEFINITIONS = {"results": [{"id": "1", "name": "Newsletter"}, {"id": "2", "name": "Events"}, {"id": "3", "name": "Jobs"}]}


def status(type_id: int, value: str, **fields: object) -> dict[str, Any]:
    return {"channel": "EMAIL", "subscriptionId": type_id, "status": value, "source": "FORM", "timestamp": "2026-11-01T00:00:00Z", **fields}


def statuses_body(*rows: tuple[str, list[dict[str, Any]]], **fields: object) -> dict[str, Any]:
    return {"status": "COMPLETE", "results": [{"subscriberIdString": email, "statuses": found} for email, found in rows], **fields}


def test_statuses_are_read_by_address_and_named_by_their_type(hubspot: HubSpot, server: FakeServer) -> None:
    server.respond("GET", TYPES, json_response(DEFINITIONS))
    anna = [
        status(1, "SUBSCRIBED", subscriptionName="Newsletter"),
        status(2, "UNSUBSCRIBED"),
        status(3, "NOT_SPECIFIED"),
        status(9, "SUBSCRIBED"),
    ]
    server.respond("POST", STATUSES, json_response(statuses_body(("Anna@Acme.example", anna), ("bo@acme.example", []))))

    found = hubspot.subscriptions.read_statuses(["anna@acme.example", "bo@acme.example"])

    assert found == (
        EmailSubscriptions(email="anna@acme.example", subscribed_to=("9", "Newsletter"), unsubscribed_from=("Events",)),
        EmailSubscriptions(email="bo@acme.example", subscribed_to=(), unsubscribed_from=()),
    )
    assert server.queries[0] == {"channel": "EMAIL"}
    assert server.bodies[0] == {"inputs": ["anna@acme.example", "bo@acme.example"]}


def test_types_are_read_only_for_a_status_without_a_name(hubspot: HubSpot, server: FakeServer) -> None:
    server.respond("GET", TYPES, json_response(DEFINITIONS))
    named, nameless = status(1, "SUBSCRIBED", subscriptionName="News"), status(2, "SUBSCRIBED")
    replies = [json_response(statuses_body(("a@b.example", [one]))) for one in (named, nameless, nameless)]
    server.respond("POST", STATUSES, *replies)
    assert [hubspot.subscriptions.read_statuses(["a@b.example"])[0].subscribed_to for _ in replies] == [("News",), ("Events",), ("Events",)]
    assert server.paths.count(f"GET {TYPES}") == 1


def test_an_address_that_hubspot_refuses_costs_only_its_own_statuses(hubspot: HubSpot, server: FakeServer) -> None:
    server.respond("GET", TYPES, json_response(DEFINITIONS))
    refused = json_response({"category": "VALIDATION_ERROR", "message": "Email address x is invalid"}, status=400)
    good = [json_response(statuses_body((email, [status(1, "SUBSCRIBED")]))) for email in ("a@b.example", "c@d.example")]
    server.respond("POST", STATUSES, refused, good[0], refused, refused, good[1])

    found = hubspot.subscriptions.read_statuses(["a@b.example", "x", "c@d.example"])

    assert [(each.email, each.subscribed_to) for each in found] == [("a@b.example", ("Newsletter",)), ("c@d.example", ("Newsletter",))]


@pytest.mark.parametrize(("addresses", "requests"), [(2, 4), (100, 30)])
def test_a_request_that_hubspot_always_refuses_is_an_error_after_few_requests(
    hubspot: HubSpot, server: FakeServer, addresses: int, requests: int
) -> None:
    server.respond("POST", STATUSES, json_response({"category": "VALIDATION_ERROR", "message": "unknown channel"}, status=400))
    with pytest.raises(InvalidRequest, match="unknown channel"):
        hubspot.subscriptions.read_statuses([f"p{number}@b.example" for number in range(addresses)])
    assert len(server.bodies) <= requests


def test_a_batch_of_only_invalid_addresses_is_no_error(hubspot: HubSpot, server: FakeServer) -> None:
    refused = json_response({"category": "VALIDATION_ERROR", "message": "Email address x is invalid"}, status=400)
    server.respond("POST", STATUSES, refused, refused, refused, json_response(statuses_body((PROBE_ADDRESS, []))))
    assert hubspot.subscriptions.read_statuses(["x", "y"]) == ()
    assert server.bodies[-1] == {"inputs": [PROBE_ADDRESS]}


def test_a_type_that_the_definitions_lack_is_looked_up_once(hubspot: HubSpot, server: FakeServer) -> None:
    server.respond("GET", TYPES, json_response(DEFINITIONS))
    server.respond("POST", STATUSES, json_response(statuses_body(("a@b.example", [status(9, "SUBSCRIBED")]))))
    assert [hubspot.subscriptions.read_statuses(["a@b.example"])[0].subscribed_to for _ in range(3)] == [("9",)] * 3
    assert server.paths.count(f"GET {TYPES}") == 1
    assert hubspot.subscriptions.list_type_names() == {"Newsletter", "Events", "Jobs"}


def test_statuses_with_errors_of_other_addresses_are_used(hubspot: HubSpot, server: FakeServer) -> None:
    server.respond("GET", TYPES, json_response(DEFINITIONS))
    body = statuses_body(
        ("a@b.example", [status(2, "SUBSCRIBED")]), numErrors=1, errors=[{"message": "no", "category": "VALIDATION_ERROR"}]
    )
    server.respond("POST", STATUSES, json_response(body, status=207))
    assert [each.subscribed_to for each in hubspot.subscriptions.read_statuses(["a@b.example", "c@d.example"])] == [("Events",)]


def test_a_missing_scope_is_named(hubspot: HubSpot, server: FakeServer) -> None:
    scope = "communication_preferences.statuses.batch.read"
    error = {"message": "One or more of the following scopes are required.", "context": {"requiredGranularScopes": [scope]}}
    server.respond("GET", TYPES, json_response(DEFINITIONS))
    server.respond("POST", STATUSES, json_response({"category": "MISSING_SCOPES", "errors": [error]}, status=403))
    with pytest.raises(MissingScope, match=scope):
        hubspot.subscriptions.check_access()
    assert not hubspot.subscriptions.is_available()


def test_a_plan_without_subscriptions_is_no_error(hubspot: HubSpot, server: FakeServer) -> None:
    server.respond("GET", TYPES, json_response({"category": "FORBIDDEN", "message": "no access to this feature"}, status=403))
    assert not hubspot.subscriptions.is_available()
    with pytest.raises(Forbidden):
        hubspot.subscriptions.list_type_names()


def test_access_is_available_even_if_the_probe_is_no_known_address(hubspot: HubSpot, server: FakeServer) -> None:
    server.respond("GET", TYPES, json_response(DEFINITIONS))
    server.respond("POST", STATUSES, json_response({"category": "VALIDATION_ERROR", "message": "unknown contact"}, status=400))
    assert hubspot.subscriptions.is_available()


@pytest.mark.parametrize(("status", "category"), [(400, "INVALID_AUTHENTICATION"), (400, None), (405, None), (410, "VALIDATION_ERROR")])
def test_a_refusal_of_the_request_is_not_access(hubspot: HubSpot, server: FakeServer, status: int, category: str | None) -> None:
    server.respond("GET", TYPES, json_response(DEFINITIONS))
    server.respond("POST", STATUSES, json_response({"status": "error", "category": category, "message": "no"}, status=status))
    with pytest.raises(InvalidRequest):
        hubspot.subscriptions.is_available()


@pytest.mark.parametrize("body", [{}, {"results": None}])
def test_an_unexpected_reply_is_never_treated_as_no_subscription(hubspot: HubSpot, server: FakeServer, body: dict[str, Any]) -> None:
    server.respond("POST", STATUSES, json_response(body))
    with pytest.raises(Unavailable, match="unexpected format"):
        hubspot.subscriptions.read_statuses(["a@b.example"])


@pytest.mark.parametrize(
    "odd",
    [
        None,
        {"statuses": []},
        {"subscriberIdString": None, "statuses": []},
        {"subscriberIdString": "a@b.example", "statuses": None},
        {"subscriberIdString": "a@b.example", "statuses": [{}]},
        {"subscriberIdString": "a@b.example", "statuses": [{"status": [], "subscriptionId": 1}]},
    ],
)
def test_an_odd_row_is_no_subscription_of_its_address_and_costs_no_other(hubspot: HubSpot, server: FakeServer, odd: object) -> None:
    good = {"subscriberIdString": "C@b.example", "statuses": []}
    server.respond("POST", STATUSES, json_response({"results": [odd, good]}))

    assert [each.email for each in hubspot.subscriptions.read_statuses(["a@b.example", "c@b.example"])] == ["c@b.example"]
    assert sum(hubspot.metrics.snapshot().unreadable.values()) == 1
