"""The pauses of hand-off channels: a channel that fails as a whole is tried again at growing distance."""

from __future__ import annotations

from typing import Final

import msgspec
from sqlalchemy import Connection, delete

from sync_worker.store import schema
from sync_worker.store.saved_state import key_value

_PREFIX: Final = "hand_off_pause:"


class HandOffPause(msgspec.Struct, frozen=True, kw_only=True):
    """How often a channel has failed in a row, and when it is tried again (milliseconds)."""

    tries: int
    retry_at: int


def load(tx: Connection, channel: str) -> HandOffPause | None:
    """Return the pause of a channel, or None if its last delivery did not fail."""
    return key_value.load(tx, _PREFIX + channel, HandOffPause)


def save(tx: Connection, channel: str, pause: HandOffPause | None) -> None:
    """Save the pause of a channel; None ends it."""
    key_value.put(tx, _PREFIX + channel, pause)


def clear(tx: Connection) -> None:
    """End all pauses: the cause may be fixed."""
    tx.execute(delete(schema.meta).where(schema.meta.c.key.startswith(_PREFIX, autoescape=True)))
