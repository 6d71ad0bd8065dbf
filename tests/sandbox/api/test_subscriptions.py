"""HubSpot's communication preferences: subscription types and the statuses of addresses."""

from __future__ import annotations

import pytest

from sync_worker.sandbox.server import user_actions
from tests.sandbox.portal_factories import PortalClient, make_contact, make_portal, start_portal

PATHS = ["/communication-preferences/v4", "/communication-preferences/2026-03", "/communication-preferences/2026-09"]
ADDRESS = "person-1@example.com"
ROWS = [
    {"email": ADDRESS, "subscription": "Newsletter", "status": "UNSUBSCRIBED", "timestamp": "2026-10-02T00:00:00Z"},
    {"email": "Person-1@Example.com", "subscription": "Newsletter", "status": "SUBSCRIBED", "timestamp": "2026-10-01T00:00:00Z"},
    {"email": ADDRESS, "subscription": "Events", "status": "SUBSCRIBED", "timestamp": 1_790_000_000_000},
]
MARKETING = "Marketing Information"


def start_subscription_portal(**options: object) -> PortalClient:
    return start_portal(make_portal([make_contact(1), make_contact(2)], subscriptions=ROWS), **options)


def read_statuses(served: PortalClient, path: str, *emails: str) -> dict[str, dict[str, str]]:
    results = served.post(f"{path}/statuses/batch/read?channel=EMAIL", {"inputs": list(emails)}).json()["results"]
    return {row["subscriberIdString"]: {each["subscriptionName"]: each["status"] for each in row["statuses"]} for row in results}


@pytest.mark.parametrize("path", PATHS)
def test_a_batch_returns_the_newest_status_of_every_type(path: str) -> None:
    served = start_subscription_portal()
    found = read_statuses(served, path, ADDRESS, "other@example.com")
    expected = {"Newsletter": "UNSUBSCRIBED", "Events": "SUBSCRIBED", MARKETING: "NOT_SPECIFIED"}
    assert expected.items() <= found[ADDRESS].items()
    assert set(found["other@example.com"].values()) == {"NOT_SPECIFIED"}
    names = [row["name"] for row in served.get(f"{path}/definitions").json()["results"]]
    assert names == [MARKETING, "Customer Service Communication", "One to One", "Newsletter", "Events"]


def test_a_batch_has_at_most_100_addresses_and_each_must_be_one() -> None:
    served, path = start_subscription_portal(), f"{PATHS[0]}/statuses/batch/read?channel=EMAIL"
    assert served.post(path, {"inputs": [f"p{number}@example.com" for number in range(101)]}).status_code == 400
    assert served.post(path, {"inputs": ["no address"]}).status_code == 400
    assert served.post(path, {}).status_code == 400
    assert served.post(path.partition("?")[0], {"inputs": [ADDRESS]}).status_code == 400


def test_a_status_can_be_written_and_the_contact_counts_as_changed() -> None:
    served = start_subscription_portal()
    types = {row["name"]: row["id"] for row in served.get(f"{PATHS[0]}/definitions").json()["results"]}
    before = served.get("/crm/v3/objects/contacts/1").json()["updatedAt"]
    served.portal.clock.advance(60)
    body = {"channel": "EMAIL", "statusState": "SUBSCRIBED", "subscriptionId": types[MARKETING]}
    assert served.post(f"{PATHS[0]}/statuses/{ADDRESS}", body).json()["results"][0]["status"] == "SUBSCRIBED"
    statuses = served.get(f"{PATHS[0]}/statuses/{ADDRESS}", channel="EMAIL").json()["results"]
    assert {row["subscriptionName"]: row["status"] for row in statuses}[MARKETING] == "SUBSCRIBED"
    assert served.get("/crm/v3/objects/contacts/1").json()["updatedAt"] > before
    assert served.post(f"{PATHS[0]}/statuses/{ADDRESS}", {**body, "statusState": "MAYBE"}).status_code == 400


def test_a_user_changes_a_subscription() -> None:
    served = start_subscription_portal()
    action = {"email": ADDRESS, "subscription": "Newsletter", "status": "SUBSCRIBED"}
    assert user_actions.change_subscription(served.portal, action)["id"] == "1"
    assert read_statuses(served, PATHS[0], ADDRESS)[ADDRESS]["Newsletter"] == "SUBSCRIBED"
    assert user_actions.change_subscription(served.portal, {**action, "email": "nobody@example.com"}) == {}


def test_the_batch_needs_a_scope_of_its_own() -> None:
    served = start_subscription_portal(scopes=frozenset({"communication_preferences.read_write"}))
    reply = served.post(f"{PATHS[0]}/statuses/batch/read?channel=EMAIL", {"inputs": [ADDRESS]})
    assert reply.status_code == 403
    assert reply.json()["errors"][0]["context"]["requiredGranularScopes"] == ["communication_preferences.statuses.batch.read"]
    assert served.get(f"{PATHS[0]}/definitions").status_code == 200
