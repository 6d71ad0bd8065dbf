"""The health of the service that runs on this state; `service.scheduler` saves it after each cycle."""

from __future__ import annotations

from typing import Final

import msgspec
from sqlalchemy import Connection

from sync_worker.store.saved_state import key_value

_KEY: Final = "service"


class ServiceHealth(msgspec.Struct, frozen=True, kw_only=True):
    """Why the service is degraded: since when no cycle has been done (milliseconds), and the last error."""

    degraded_since: int
    error: str


def load(tx: Connection) -> ServiceHealth | None:
    """Return why the service is degraded, or None if it is healthy."""
    return key_value.load(tx, _KEY, ServiceHealth)


def save(tx: Connection, health: ServiceHealth | None) -> None:
    """Save why the service is degraded; None: it is healthy."""
    key_value.put(tx, _KEY, health)
