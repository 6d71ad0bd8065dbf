from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from sync_worker.errors import Unavailable
from sync_worker.hubspot.client import HubSpot
from sync_worker.hubspot.records.models import AccountDetails, DailyUsage
from tests.hubspot.fakes import Server, an_error, says

DETAILS = "/account-info/v3/details"
USAGE = "/account-info/v3/api-usage/daily/private-apps"


def a_day(**more: object) -> dict[str, Any]:
    day = {"name": "private-apps-api-calls-daily", "usageLimit": 625_000, "currentUsage": 1_234, "fetchStatus": "SUCCESS"}
    return {"results": [day | {"collectedAt": "2026-11-20T21:00:00Z", "resetsAt": "2026-11-20T23:00:00Z"} | more]}


def test_the_portal_says_who_it_is(hubspot: HubSpot, server: Server) -> None:
    said = {
        "portalId": 77,
        "accountType": "STANDARD",
        "timeZone": "US/Eastern",
        "companyCurrency": "USD",
        "uiDomain": "app-eu1.hubspot.com",
    }
    server.on("GET", DETAILS, says(said), says(said | {"portalName": "Acme"}))

    details = hubspot.account.read_details()

    assert details == AccountDetails(
        portal_id=77, time_zone="US/Eastern", account_type="STANDARD", currency="USD", ui_domain="app-eu1.hubspot.com"
    )
    assert hubspot.account.read_details().name == "Acme"
    assert hubspot.transport.rate_limiter.quota.next_reset() == datetime(2026, 11, 21, 5, 0, tzinfo=UTC)


def test_a_portal_without_an_id_is_no_answer(hubspot: HubSpot, server: Server) -> None:
    server.on("GET", DETAILS, says({"timeZone": "UTC", "accountType": "STANDARD"}))

    with pytest.raises(Unavailable, match="portalId"):
        hubspot.account.read_details()


def test_the_day_says_what_is_left(hubspot: HubSpot, server: Server) -> None:
    server.on("GET", USAGE, says(a_day()))

    assert hubspot.account.read_daily_usage() == DailyUsage(limit=625_000, used=1_234, resets_at=datetime(2026, 11, 20, 23, 0, tzinfo=UTC))


def test_a_day_that_hubspot_does_not_know_is_none(hubspot: HubSpot, server: Server) -> None:
    unknown = a_day(usageLimit=None, currentUsage=None, fetchStatus="TIMEOUT")
    server.on("GET", USAGE, says(unknown), says({"results": []}), says(an_error("not found"), 404))

    assert [hubspot.account.read_daily_usage() for _ in range(3)] == [None, None, None]
