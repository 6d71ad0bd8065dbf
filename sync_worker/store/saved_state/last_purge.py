"""The time of the last purge; `sync.retention` purges once a day."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection

from sync_worker.store.saved_state import key_value

_KEY: Final = "tidied_at"


def load(tx: Connection) -> int | None:
    """Return the time of the last purge in milliseconds, or None."""
    return key_value.load(tx, _KEY, int)


def save(tx: Connection, at: int) -> None:
    """Save the time of the last purge (milliseconds)."""
    key_value.put(tx, _KEY, at)
