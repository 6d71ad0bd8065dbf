"""Owners API: the users that contacts and tasks can be assigned to."""

from __future__ import annotations

from dataclasses import dataclass

from sync_worker.hubspot.records.field_parsers import parse_next_cursor, translate_parse_errors
from sync_worker.hubspot.rest.transport import Transport

PAGE_SIZE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """An active owner. HubSpot may show no email."""

    id: str
    email: str | None


class ActiveOwners:
    """The owners of the portal, without users who have left."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list_active(self) -> list[Owner]:
        """Return the active owners."""
        owners: list[Owner] = []
        after: str | None = None
        while True:
            query = [("limit", str(PAGE_SIZE)), ("archived", "false"), *([("after", after)] if after else [])]
            data = self._transport.get("/crm/v3/owners", query)
            with translate_parse_errors("read the owners"):
                owners += [Owner(id=str(row["id"]), email=(row.get("email") or "").lower() or None) for row in data["results"]]
                after = parse_next_cursor(data.get("paging"))
            if after is None:
                return owners
