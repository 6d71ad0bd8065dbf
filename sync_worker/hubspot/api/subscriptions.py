"""Subscriptions API: the email subscription types of the portal, and which of them each address has opted in to or unsubscribed from.

Source: "Subscriptions" of HubSpot's communication preferences API (v4 and 2026-09). HubSpot documents no largest batch; 100 is the limit of
its other batches. The name of the type is optional in a status; a missing one is looked up in the definitions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from sync_worker.errors import Forbidden
from sync_worker.hubspot.records.models import EmailSubscriptions
from sync_worker.hubspot.records.parsing import translate_parse_errors
from sync_worker.hubspot.records.row_parser import JsonObject
from sync_worker.hubspot.rest.error_responses import InvalidRequest
from sync_worker.hubspot.rest.transport import Transport

BATCH_SIZE: Final = 100  # addresses
PROBE_ADDRESS: Final = "access-check@example.com"  # only the permission matters, not the statuses
SUBSCRIBED: Final = "SUBSCRIBED"
UNSUBSCRIBED: Final = "UNSUBSCRIBED"
_CHANNEL: Final = (("channel", "EMAIL"),)


class Subscriptions:
    """The subscription types of the portal and the statuses of addresses. The SDK lacks these endpoints."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._names: Mapping[str, str] = {}  # by id

    def check_access(self) -> None:
        """Raise Forbidden if the plan or a missing scope hides the subscriptions."""
        self.list_type_names()
        self.read_statuses((PROBE_ADDRESS,))

    def is_available(self) -> bool:
        """Return whether the plan and the scopes of the token show the subscriptions."""
        try:
            self.check_access()
        except Forbidden:
            return False
        return True

    def list_type_names(self) -> frozenset[str]:
        """Return the names of the subscription types, of all brands."""
        data = self._transport.get("/communication-preferences/v4/definitions")
        with translate_parse_errors("read the subscription types"):
            self._names = {str(row["id"]): row["name"] for row in data["results"]}
        return frozenset(self._names.values())

    def read_statuses(self, emails: Sequence[str]) -> tuple[EmailSubscriptions, ...]:
        """Return the subscriptions of up to 100 addresses, in lower case; without an address that HubSpot does not accept."""
        with translate_parse_errors("read subscription statuses"):
            return tuple(map(self._parse_statuses, self._read_batch(emails)))

    def _read_batch(self, emails: Sequence[str]) -> Iterator[JsonObject]:
        try:
            data = self._transport.send(
                "POST", "/communication-preferences/v4/statuses/batch/read", query=_CHANNEL, body={"inputs": list(emails)}
            )
        except InvalidRequest:
            # HubSpot refuses a hundred addresses for an invalid one. The batch is bisected until that one is alone.
            middle = len(emails) // 2
            for part in (emails[:middle], emails[middle:]) if middle else ():
                yield from self._read_batch(part)
        else:
            yield from data["results"]

    def _parse_statuses(self, row: JsonObject) -> EmailSubscriptions:
        names: dict[str, set[str]] = {SUBSCRIBED: set(), UNSUBSCRIBED: set()}
        for status in row["statuses"]:
            if status["status"] in names:
                names[status["status"]].add(status.get("subscriptionName") or self._find_name(str(status["subscriptionId"])))
        return EmailSubscriptions(
            email=row["subscriberIdString"].strip().lower(),
            subscribed_to=tuple(sorted(names[SUBSCRIBED])),
            unsubscribed_from=tuple(sorted(names[UNSUBSCRIBED])),
        )

    def _find_name(self, type_id: str) -> str:
        if type_id not in self._names:
            self.list_type_names()
        return self._names.get(type_id, type_id)
