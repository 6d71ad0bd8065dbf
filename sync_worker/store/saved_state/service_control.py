"""What an operator has asked the service to do: pause, or read a stream again. The service looks before each cycle."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sqlalchemy import Connection

from sync_worker.store.saved_state import key_value

_PAUSE_KEY: Final = "service_paused"
_RESYNC_KEY: Final = "resync"


def load_pause(tx: Connection) -> int | None:
    """Return since when the service is paused (milliseconds), or None."""
    return key_value.load(tx, _PAUSE_KEY, int)


def save_pause(tx: Connection, at: int | None) -> None:
    """Save since when the service is paused (milliseconds); None: it runs."""
    key_value.put(tx, _PAUSE_KEY, at)


def load_resyncs(tx: Connection) -> dict[str, int]:
    """Return the streams to read again in the next run, each with its start (milliseconds)."""
    return key_value.load(tx, _RESYNC_KEY, dict[str, int]) or {}


def save_resyncs(tx: Connection, since: Mapping[str, int]) -> None:
    """Save the streams to read again in the next run."""
    key_value.put(tx, _RESYNC_KEY, dict(since) or None)
