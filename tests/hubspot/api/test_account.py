from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from sync_worker.errors import Unavailable
from sync_worker.hubspot.client import HubSpot
from sync_worker.hubspot.records.models import AccountDetails, DailyUsage
from tests.hubspot.fakes import FakeServer, error_body, json_response

DETAILS = "/account-info/v3/details"
USAGE = "/account-info/v3/api-usage/daily/private-apps"


def usage_body(**more: object) -> dict[str, Any]:
    day = {"name": "private-apps-api-calls-daily", "usageLimit": 625_000, "currentUsage": 1_234, "fetchStatus": "SUCCESS"}
    return {"results": [day | {"collectedAt": "2026-11-20T21:00:00Z", "resetsAt": "2026-11-20T23:00:00Z"} | more]}


def test_the_account_details_have_the_portal_id(hubspot: HubSpot, server: FakeServer) -> None:
    details = {
        "portalId": 77,
        "accountType": "STANDARD",
        "timeZone": "US/Eastern",
        "companyCurrency": "USD",
        "uiDomain": "app-eu1.hubspot.com",
    }
    server.respond("GET", DETAILS, json_response(details), json_response(details | {"portalName": "Acme"}))

    details = hubspot.account.read_details()

    assert details == AccountDetails(
        portal_id=77, time_zone="US/Eastern", account_type="STANDARD", currency="USD", ui_domain="app-eu1.hubspot.com"
    )
    assert hubspot.account.read_details().name == "Acme"
    assert hubspot.transport.rate_limiter.quota.next_reset() == datetime(2026, 11, 21, 5, 0, tzinfo=UTC)


def test_account_details_without_an_id_are_an_invalid_reply(hubspot: HubSpot, server: FakeServer) -> None:
    server.respond("GET", DETAILS, json_response({"timeZone": "UTC", "accountType": "STANDARD"}))

    with pytest.raises(Unavailable, match="portalId"):
        hubspot.account.read_details()


def test_the_daily_usage_is_read(hubspot: HubSpot, server: FakeServer) -> None:
    server.respond("GET", USAGE, json_response(usage_body()))

    assert hubspot.account.read_daily_usage() == DailyUsage(limit=625_000, used=1_234, resets_at=datetime(2026, 11, 20, 23, 0, tzinfo=UTC))


def test_an_unknown_daily_usage_is_not_reported(hubspot: HubSpot, server: FakeServer) -> None:
    unknown = usage_body(usageLimit=None, currentUsage=None, fetchStatus="TIMEOUT")
    server.respond("GET", USAGE, json_response(unknown), json_response({"results": []}), json_response(error_body("not found"), 404))

    assert [hubspot.account.read_daily_usage() for _ in range(3)] == [None, None, None]


SCOPES = "/oauth/v2/private-apps/get/access-token-info"


def test_the_scopes_of_the_token_are_read(hubspot: HubSpot, server: FakeServer) -> None:
    server.respond("POST", SCOPES, json_response({"userId": 1, "hubId": 7, "scopes": ["forms", "content"]}))
    assert hubspot.access_token.read_scopes() == {"forms", "content"}
    assert set(server.bodies[0]) == {"tokenKey"}


@pytest.mark.parametrize("status", [400, 403, 404])
def test_the_scopes_of_a_service_key_may_be_unknown(hubspot: HubSpot, server: FakeServer, status: int) -> None:
    server.respond("POST", SCOPES, json_response(error_body("no such token"), status))
    assert hubspot.access_token.read_scopes() is None
