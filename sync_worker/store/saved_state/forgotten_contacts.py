"""The ids of contacts that `forget` has deleted from the state; the next run reads those that still exist in HubSpot."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from sqlalchemy import Connection

from sync_worker.store.saved_state import key_value

_KEY: Final = "forgotten"


def load(tx: Connection) -> tuple[int, ...]:
    """Return the ids in order."""
    return key_value.load(tx, _KEY, tuple[int, ...]) or ()


def add(tx: Connection, ids: Collection[int]) -> None:
    """Add ids."""
    if ids:
        key_value.put(tx, _KEY, sorted({*load(tx), *ids}))


def clear(tx: Connection) -> None:
    """Delete all ids."""
    key_value.put(tx, _KEY, None)
