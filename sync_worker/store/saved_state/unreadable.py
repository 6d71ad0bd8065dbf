"""The forms, webinars and lists that could not be read, as of the last attempt."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec
from sqlalchemy import Connection

from sync_worker.store.saved_state import key_value

_KEY: Final = "unreadable"


class UnreadableItem(msgspec.Struct, frozen=True, kw_only=True):
    """A form, webinar or list that HubSpot does not show."""

    kind: str
    id: str
    name: str
    reason: str

    def __str__(self) -> str:
        """Return the item and the reason in one line."""
        return f"{self.kind} “{self.name}” ({self.id}): {self.reason}"


def load(tx: Connection) -> tuple[UnreadableItem, ...]:
    """Return the items of all kinds."""
    return key_value.load(tx, _KEY, tuple[UnreadableItem, ...]) or ()


def replace(tx: Connection, kind: str, items: Iterable[UnreadableItem]) -> None:
    """Replace the items of one kind."""
    before = load(tx)
    after = (*(item for item in before if item.kind != kind), *items)
    if after != before:
        key_value.put(tx, _KEY, after)
