"""Subscriptions API: the email subscription types of the portal, and which of them each address has opted in to or unsubscribed from.

Source: "Subscriptions" of HubSpot's communication preferences API (v4 and 2026-09). HubSpot documents no largest batch; 100 is the limit of
its other batches. The name of the type is optional in a status; a missing one is looked up in the definitions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from sync_worker.errors import Forbidden
from sync_worker.hubspot.records.field_parsers import translate_parse_errors
from sync_worker.hubspot.records.field_types import Email, RecordId, TextId, convert
from sync_worker.hubspot.records.models import EmailSubscriptions
from sync_worker.hubspot.records.row_parser import JsonObject, RowParser
from sync_worker.hubspot.rest.error_responses import InvalidRequest
from sync_worker.hubspot.rest.transport import Transport

BATCH_SIZE: Final = 100  # addresses
MAX_REFUSED: Final = 10  # refused addresses of a batch without an accepted one, until an address of ours is tried
PROBE_ADDRESS: Final = "access-check@example.com"  # only the permission matters, not the statuses
SUBSCRIBED: Final = "SUBSCRIBED"
UNSUBSCRIBED: Final = "UNSUBSCRIBED"
VALIDATION_CATEGORY: Final = "VALIDATION_ERROR"
_CHANNEL: Final = (("channel", "EMAIL"),)


class _TypeRow(msgspec.Struct):
    id: TextId | RecordId
    name: TextId


class _StatusRow(msgspec.Struct, rename="camel"):
    status: str
    subscription_id: TextId | RecordId
    subscription_name: str | None = None


class _AddressRow(msgspec.Struct, rename="camel"):
    subscriber_id_string: Email
    statuses: list[_StatusRow]


class Subscriptions:
    """The subscription types of the portal and the statuses of addresses. The SDK lacks these endpoints."""

    def __init__(self, transport: Transport, rows: RowParser) -> None:
        self._transport = transport
        self._rows = rows
        self._names: dict[str, str] = {}  # by id; a type that the definitions lack has its id as its name

    def check_access(self) -> None:
        """Raise Forbidden if the plan or a missing scope hides the subscriptions."""
        self.list_type_names()
        try:
            self._send((PROBE_ADDRESS,))
        except InvalidRequest as error:
            # HubSpot does not document its answer about an address that is no contact. Any other refusal concerns the request.
            if error.response.status != 400 or error.response.category != VALIDATION_CATEGORY:
                raise

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
        operation = "read the subscription types"
        with translate_parse_errors(operation):
            types = self._rows.parse(data["results"], lambda row: convert(row, _TypeRow), operation=operation).items
        self._names.update({str(each.id): each.name for each in types})
        return frozenset(each.name for each in types)

    def read_statuses(self, emails: Sequence[str]) -> tuple[EmailSubscriptions, ...]:
        """Return the subscriptions of up to 100 addresses, in lower case; without an address that HubSpot does not accept.

        Raises InvalidRequest if HubSpot refuses a valid address as well, because no status could be read then.
        """
        operation = "read subscription statuses"
        with translate_parse_errors(operation):
            return self._rows.parse([*self._read_batch(emails)], self._parse_statuses, operation=operation).items

    def _read_batch(self, emails: Sequence[str]) -> Iterator[JsonObject]:
        # HubSpot refuses a hundred addresses for an invalid one. The batch is bisected until that one is alone.
        parts, refused, any_accepted = [emails], 0, False
        while parts:
            part = parts.pop()
            try:
                data = self._send(part)
            except InvalidRequest:
                if len(part) > 1:
                    middle = len(part) // 2
                    parts += [part[middle:], part[:middle]]
                    continue
                refused += 1
                if not any_accepted and len(emails) > 1 and refused == min(len(emails), MAX_REFUSED):
                    self._send((PROBE_ADDRESS,))  # raises if HubSpot refuses the request, and not the addresses
            else:
                any_accepted = True
                yield from data["results"]

    def _send(self, emails: Sequence[str]) -> JsonObject:
        path, body = "/communication-preferences/v4/statuses/batch/read", {"inputs": list(emails)}
        reply: JsonObject = self._transport.send("POST", path, query=_CHANNEL, body=body)
        return reply

    def _parse_statuses(self, row: JsonObject) -> EmailSubscriptions:
        data = convert(row, _AddressRow)
        names: dict[str, set[str]] = {SUBSCRIBED: set(), UNSUBSCRIBED: set()}
        for status in data.statuses:
            if status.status in names:
                names[status.status].add(status.subscription_name or self._find_name(str(status.subscription_id)))
        return EmailSubscriptions(
            email=data.subscriber_id_string.strip().lower(),
            subscribed_to=tuple(sorted(names[SUBSCRIBED])),
            unsubscribed_from=tuple(sorted(names[UNSUBSCRIBED])),
        )

    def _find_name(self, type_id: str) -> str:
        if type_id not in self._names:
            self.list_type_names()
        return self._names.setdefault(type_id, type_id)
