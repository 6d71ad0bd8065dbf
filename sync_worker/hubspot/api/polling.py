"""Waiting for what HubSpot does in its own time: asked ever more seldom, since each look is a request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, TypeVar

from sync_worker.hubspot.rest.clock import Clock

T = TypeVar("T")

FIRST_WAIT_SECONDS: Final = 2.0  # seconds
WAIT_GROWTH_FACTOR: Final = 3  # each wait is so many times the one before
MAX_WAIT_SECONDS: Final = 120.0
HEARTBEAT_SECONDS: Final = 30.0  # seconds between two beats


@dataclass(frozen=True, slots=True, kw_only=True)
class Poller:
    """How long something is waited for; `beat` is called at least twice a minute meanwhile."""

    timeout: timedelta
    heartbeat: Callable[[], None]

    def poll(self, read: Callable[[], T | None], clock: Clock) -> T | None:
        """Return what `ask` says in the end, None when it has said nothing for too long."""
        left, step = self.timeout.total_seconds(), FIRST_WAIT_SECONDS
        while left > 0:
            self._sleep(min(step, left), clock)
            left, step = left - step, min(WAIT_GROWTH_FACTOR * step, MAX_WAIT_SECONDS)
            if (said := read()) is not None:
                return said
        return None

    def _sleep(self, seconds: float, clock: Clock) -> None:
        while seconds > 0:
            self.heartbeat()
            clock.sleep(min(seconds, HEARTBEAT_SECONDS))
            seconds -= HEARTBEAT_SECONDS
