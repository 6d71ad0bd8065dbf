"""Polling with growing intervals, for asynchronous jobs of HubSpot. Each poll is a request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, TypeVar

from sync_worker.hubspot.rest.clock import Clock

T = TypeVar("T")

FIRST_WAIT_SECONDS: Final = 2.0
WAIT_GROWTH_FACTOR: Final = 3
MAX_WAIT_SECONDS: Final = 120.0
HEARTBEAT_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Poller:
    """Polls until a result or `timeout`. Calls `heartbeat` at least every 30 s while it waits."""

    timeout: timedelta
    heartbeat: Callable[[], None]

    def poll(self, read: Callable[[], T | None], clock: Clock) -> T | None:
        """Return the first result of `read` that is not None, or None on timeout."""
        left, step = self.timeout.total_seconds(), FIRST_WAIT_SECONDS
        while left > 0:
            self._sleep(min(step, left), clock)
            left, step = left - step, min(WAIT_GROWTH_FACTOR * step, MAX_WAIT_SECONDS)
            if (result := read()) is not None:
                return result
        return None

    def _sleep(self, seconds: float, clock: Clock) -> None:
        while seconds > 0:
            self.heartbeat()
            clock.sleep(min(seconds, HEARTBEAT_SECONDS))
            seconds -= HEARTBEAT_SECONDS
