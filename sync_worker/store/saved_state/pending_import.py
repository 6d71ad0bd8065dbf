"""The import that HubSpot may still be working on; `sync.apply.pending_import` waits for it."""

from __future__ import annotations

from typing import Final

import msgspec
from sqlalchemy import Connection

from sync_worker.store.saved_state import key_value

_KEY: Final = "import"


class PendingImport(msgspec.Struct, frozen=True, kw_only=True, rename={"import_id": "id", "started_at": "at"}):
    """An import that was sent, or is about to be sent."""

    name: str
    import_id: str | None  # None until HubSpot has returned an id
    started_at: int  # milliseconds


def load(tx: Connection) -> PendingImport | None:
    """Return the pending import, if there is one."""
    return key_value.load(tx, _KEY, PendingImport)


def save(tx: Connection, pending: PendingImport) -> None:
    """Save the pending import."""
    key_value.put(tx, _KEY, pending)


def delete(tx: Connection) -> None:
    """Delete the pending import."""
    key_value.put(tx, _KEY, None)
