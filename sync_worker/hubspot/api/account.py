"""The portal behind the token: who it is, and what is left of its day."""

from __future__ import annotations

from sync_worker.errors import NotFound
from sync_worker.hubspot.records.models import Account as Details
from sync_worker.hubspot.records.models import Usage
from sync_worker.hubspot.records.parsing import account, sense_of, usage
from sync_worker.hubspot.rest.transport import Transport


class Account:
    """The account that the token belongs to; the SDK does not know these endpoints."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def details(self) -> Details:
        """Return the portal's id, time zone and so on; its midnight is from then on known as the start of a new day of calls."""
        data = self._transport.get("/account-info/v3/details")
        with sense_of("read the account's details"):
            details = account(data)
        self._transport.throttle.quota.keep_time_of(details.time_zone)
        return details

    def daily_usage(self) -> Usage | None:
        """Return the calls of all private apps today, None where HubSpot does not know."""
        try:
            data = self._transport.get("/account-info/v3/api-usage/daily/private-apps")
        except NotFound:
            return None
        with sense_of("read the daily usage of the API"):
            return next((usage(row) for row in data["results"] if row.get("usageLimit") and row.get("currentUsage") is not None), None)
