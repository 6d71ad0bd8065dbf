"""Account information API: the portal of the token, and its daily usage."""

from __future__ import annotations

from sync_worker.errors import NotFound
from sync_worker.hubspot.records.field_parsers import parse_account, parse_daily_usage, translate_parse_errors
from sync_worker.hubspot.records.models import AccountDetails as Details
from sync_worker.hubspot.records.models import DailyUsage
from sync_worker.hubspot.rest.transport import Transport


class Account:
    """The account that the token belongs to. The SDK lacks these endpoints."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def read_details(self) -> Details:
        """Return the portal's id, time zone and other details. The daily quota uses the time zone for its reset."""
        data = self._transport.get("/account-info/v3/details")
        with translate_parse_errors("read the account's details"):
            details = parse_account(data)
        self._transport.rate_limiter.quota.set_time_zone(details.time_zone)
        return details

    def read_daily_usage(self) -> DailyUsage | None:
        """Return today's calls of all private apps, or None if HubSpot does not report them."""
        try:
            data = self._transport.get("/account-info/v3/api-usage/daily/private-apps")
        except NotFound:
            return None
        with translate_parse_errors("read the daily usage of the API"):
            known = (row for row in data["results"] if row.get("usageLimit") and row.get("currentUsage") is not None)
            return next(map(parse_daily_usage, known), None)
