"""hubspot-api.md sections 1 and 2: tokens, scopes and rate limits."""

from __future__ import annotations

import asyncio
from contextlib import closing
from datetime import UTC, datetime

import pytest

from sync_worker.sandbox.server.server import Switches, create_gateway_app
from tests.sandbox.portal_factories import CONTACTS, make_contacts, make_portal, start_portal


@pytest.mark.parametrize("header", [None, "Bearer nonsense", "Basic pat-na1-sandbox", "Bearer"])
def test_without_the_token_nothing_is_returned(header: str | None) -> None:
    served = start_portal(make_portal(make_contacts(1)))
    served.http.headers = {"Authorization": header} if header else {}
    reply = served.get(CONTACTS)
    assert (reply.status_code, reply.json()["category"]) == (401, "INVALID_AUTHENTICATION")
    assert reply.json()["message"].startswith("Authentication credentials not found. This API supports OAuth 2.0")
    assert "results" not in reply.json()


@pytest.mark.parametrize(
    ("granted", "method", "path", "missing"),
    [
        ({"crm.lists.read"}, "GET", CONTACTS, "crm.objects.contacts.read"),
        ({"crm.objects.contacts.read"}, "GET", "/crm/objects/2026-09/0-2", "crm.objects.companies.read"),
        ({"crm.objects.contacts.read"}, "POST", f"{CONTACTS}/batch/update", "crm.objects.contacts.write"),
        ({"crm.lists.write"}, "PUT", "/crm/v3/lists/1/memberships/add", "crm.lists.read"),
        ({"forms"}, "GET", "/email/public/v1/events", "content"),
    ],
)
def test_a_missing_scope_is_named(granted: set[str], method: str, path: str, missing: str) -> None:
    reply = start_portal(make_portal(), scopes=frozenset(granted)).http.request(method, path)
    assert (reply.status_code, reply.json()["category"]) == (403, "MISSING_SCOPES")
    assert missing in reply.json()["errors"][0]["context"]["requiredGranularScopes"]


def test_unsupported_object_types_are_out_of_scope() -> None:
    """Section 1: 403 for an unsupported object type, which extractors skip; 400 for an unknown one."""
    served = start_portal(make_portal())
    replies = [served.get(path) for path in ("/crm/v3/objects/tickets", "/crm/v3/properties/calls", "/crm/v3/objects/nonsense")]
    assert [reply.status_code for reply in replies] == [403, 403, 400]
    assert replies[0].json()["errors"][0]["context"]["requiredGranularScopes"] == ["crm.objects.tickets.read"]


def test_any_scope_of_the_object_reads_properties() -> None:
    served = start_portal(make_portal(), scopes=frozenset({"crm.objects.contacts.read"}))
    assert served.get("/crm/v3/properties/contacts").status_code == 200
    assert served.get("/account-info/v3/details").status_code == 200


def test_the_burst_limit_is_a_rolling_window() -> None:
    served = start_portal(make_portal(), rate=3)
    remaining = []
    for _ in range(3):
        remaining.append(served.get(CONTACTS).headers["X-HubSpot-RateLimit-Remaining"])
        served.clock.advance(2)
    assert remaining == ["2", "1", "0"]
    rejected = served.get(CONTACTS)
    assert (rejected.status_code, rejected.json()["policyName"]) == (429, "TEN_SECONDLY_ROLLING")
    assert rejected.json()["message"] == "You have reached your ten_secondly_rolling limit."
    assert "Retry-After" not in rejected.headers
    served.clock.advance(4)  # ten seconds after the first request
    assert [served.get(CONTACTS).status_code for _ in range(2)] == [200, 429]


@pytest.mark.parametrize(("tier", "limit"), [("starter", "100"), ("professional", "190"), ("enterprise", "190")])
def test_the_burst_limit_depends_on_the_tier(tier: str, limit: str) -> None:
    reply = start_portal(make_portal(), tier=tier, rate=None).get(CONTACTS)
    assert reply.headers["X-HubSpot-RateLimit-Max"] == limit
    assert reply.headers["X-HubSpot-RateLimit-Interval-Milliseconds"] == "10000"


def test_searches_have_their_own_limit_and_no_limit_headers() -> None:
    served = start_portal(make_portal(), search_rate=5, rate=1)
    replies = [served.post(f"{path}/search", {}) for path in (CONTACTS, "/crm/v3/objects/deals") * 3]
    assert [reply.status_code for reply in replies] == [200] * 5 + [429]
    assert replies[5].json()["policyName"] == "SECONDLY"
    assert replies[5].json()["message"] == "You have reached your secondly limit."
    assert not [name for reply in replies for name in reply.headers if "ratelimit" in name.lower()]
    assert served.get(CONTACTS).status_code == 200
    served.clock.advance(1)
    assert served.post(f"{CONTACTS}/search", {}).status_code == 200


def test_association_batches_are_outside_of_the_burst_limit() -> None:
    served = start_portal(make_portal(), rate=1)
    path = "/crm/v4/associations/contacts/companies/batch/read"
    assert [served.post(path, {"inputs": []}).status_code for _ in range(3)] == [200, 200, 200]


def test_the_day_ends_at_midnight_of_the_portal() -> None:
    served = start_portal(make_portal(time_zone="Europe/Berlin"), daily=2)
    served.clock.now = datetime(2026, 11, 20, 22, 59, 50, tzinfo=UTC)
    assert [served.get(CONTACTS).status_code, served.post(f"{CONTACTS}/search", {}).status_code] == [200, 200]
    rejected = served.get(CONTACTS)
    assert (rejected.status_code, rejected.json()["policyName"], rejected.json()["message"]) == (
        429,
        "DAILY",
        "You have reached your daily limit.",
    )
    served.clock.advance(10)
    reply = served.get(CONTACTS)
    assert (reply.status_code, reply.headers["X-HubSpot-RateLimit-Daily-Remaining"]) == (200, "1")


def test_the_daily_usage_is_readable() -> None:
    served = start_portal(make_portal(), daily=1_000)
    served.get(CONTACTS)
    usage = served.get("/account-info/v3/api-usage/daily/private-apps").json()["results"][0]
    assert (usage["usageLimit"], usage["currentUsage"], usage["resetsAt"]) == (1_000, 2, "2026-11-20T23:00:00Z")


def test_retry_after_is_sent_by_switch_only() -> None:
    served = start_portal(make_portal(), rate=1, switches=Switches(retry_after=True))
    served.get(CONTACTS)
    served.clock.advance(4)
    assert served.get(CONTACTS).headers["Retry-After"] == "6"


def test_every_response_takes_at_least_the_latency() -> None:
    served = start_portal(make_portal(), latency_ms=150)
    served.get(CONTACTS)
    assert served.sleeps == [pytest.approx(0.15, abs=0.1)]


def test_the_latency_starts_when_the_whole_request_has_arrived() -> None:
    class Loop(asyncio.SelectorEventLoop):
        offset = 0.0

        def time(self) -> float:
            return super().time() + self.offset

    served, loop = start_portal(make_portal(make_contacts(1)), latency_ms=150), Loop()

    async def receive() -> dict[str, object]:
        loop.offset += 60  # the body takes a minute to arrive
        return {"type": "http.request", "body": b"{}"}

    async def send(_: object) -> None:
        pass

    head = {"method": "POST", "path": f"{CONTACTS}/search", "query_string": b"", "headers": [(b"host", b"127.0.0.1")]}
    with closing(loop):
        loop.run_until_complete(create_gateway_app(served.gate)({"type": "http", **head}, receive, send))
    assert served.sleeps == [pytest.approx(0.15, abs=0.1)]


def test_every_response_has_a_correlation_id() -> None:
    served = start_portal(make_portal())
    first, second = served.get(CONTACTS), served.get(f"{CONTACTS}/9")
    assert first.headers["x-hubspot-correlation-id"] != second.headers["x-hubspot-correlation-id"]
    assert second.json()["correlationId"] == second.headers["x-hubspot-correlation-id"]
    assert first.headers["content-type"] == "application/json;charset=utf-8"
