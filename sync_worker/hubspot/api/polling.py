"""Waiting for what HubSpot does in its own time: asked ever more seldom, since each look is a request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, TypeVar

from sync_worker.hubspot.rest.clock import Clock

T = TypeVar("T")

FIRST: Final = 2.0  # seconds
GROWTH: Final = 3  # each wait is so many times the one before
LONGEST: Final = 120.0
BREATH: Final = 30.0  # seconds between two beats


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """How long something is waited for; `beat` is called at least twice a minute meanwhile."""

    at_most: timedelta
    beat: Callable[[], None]

    def for_answer(self, ask: Callable[[], T | None], clock: Clock) -> T | None:
        """Return what `ask` says in the end, None when it has said nothing for too long."""
        left, step = self.at_most.total_seconds(), FIRST
        while left > 0:
            self._pause(min(step, left), clock)
            left, step = left - step, min(GROWTH * step, LONGEST)
            if (said := ask()) is not None:
                return said
        return None

    def _pause(self, seconds: float, clock: Clock) -> None:
        while seconds > 0:
            self.beat()
            clock.sleep(min(seconds, BREATH))
            seconds -= BREATH
