"""The email subscriptions of a portal folder, as of a time."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sync_worker.hubspot.api.subscriptions import SUBSCRIBED, UNSUBSCRIBED
from sync_worker.hubspot.records.field_types import parse_timestamp
from sync_worker.hubspot.records.models import EmailSubscriptions
from sync_worker.hubspot.records.row_parser import JsonObject


class FolderSubscriptions:
    """The newest status of each address for each subscription type; rows are {email, subscription, status, timestamp}."""

    def __init__(self, rows: Iterable[JsonObject], at: datetime) -> None:
        self._statuses: dict[str, dict[str, str]] = {}
        for row in sorted(rows, key=_status_time):
            if _status_time(row) <= at:
                self._statuses.setdefault(row["email"].strip().lower(), {})[row["subscription"]] = row["status"]

    def find(self, email: str | None) -> EmailSubscriptions | None:
        """Return the subscriptions of an address, None without an address."""
        statuses = self._statuses.get(email or "", {})
        chosen = {each: tuple(sorted(name for name in statuses if statuses[name] == each)) for each in (SUBSCRIBED, UNSUBSCRIBED)}
        if not email:
            return None
        return EmailSubscriptions(email=email, subscribed_to=chosen[SUBSCRIBED], unsubscribed_from=chosen[UNSUBSCRIBED])


def _status_time(row: JsonObject) -> datetime:
    return parse_timestamp(str(row["timestamp"]))
