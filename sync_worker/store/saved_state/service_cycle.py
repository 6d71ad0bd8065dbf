"""The interval between the cycles of the service on this state, for `status`, and the calls that it is computed from."""

from __future__ import annotations

from typing import Final

import msgspec
from sqlalchemy import Connection

from sync_worker.store.saved_state import key_value

_KEY: Final = "service_cycle"


class CycleUsage(msgspec.Struct, frozen=True, kw_only=True):
    """What the cycles of a day have used of HubSpot's daily limit. A process that continues the service continues to count."""

    day: str = ""  # in the portal's time zone
    calls: int = 0  # of all cycles of the day
    typical: tuple[int, ...] = ()  # calls of the last cycles without a backlog
    changed_at: int | None = None  # milliseconds, of the last cycle that read a change


class ServiceCycle(msgspec.Struct, frozen=True, kw_only=True):
    """The seconds between the starts of two cycles, and why: a word of `service.cycle_schedule`."""

    seconds: int
    reason: str
    usage: CycleUsage = CycleUsage()


def load(tx: Connection) -> ServiceCycle | None:
    """Return the interval, or None if no service has saved one."""
    return key_value.load(tx, _KEY, ServiceCycle)


def save(tx: Connection, cycle: ServiceCycle) -> None:
    """Save the interval."""
    key_value.put(tx, _KEY, cycle)
