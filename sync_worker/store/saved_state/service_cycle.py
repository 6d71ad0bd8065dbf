"""The interval between the cycles of the service on this state, for `status`."""

from __future__ import annotations

from typing import Final

import msgspec
from sqlalchemy import Connection

from sync_worker.store.saved_state import key_value

_KEY: Final = "service_cycle"


class ServiceCycle(msgspec.Struct, frozen=True, kw_only=True):
    """The seconds between the starts of two cycles, and why: a word of `service.cycle_schedule`."""

    seconds: int
    reason: str


def load(tx: Connection) -> ServiceCycle | None:
    """Return the interval, or None if no service has saved one."""
    return key_value.load(tx, _KEY, ServiceCycle)


def save(tx: Connection, cycle: ServiceCycle) -> None:
    """Save the interval."""
    key_value.put(tx, _KEY, cycle)
