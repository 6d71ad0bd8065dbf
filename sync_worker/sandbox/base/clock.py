"""A clock that tests can wind forward."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta


class WoundClock:
    """Another clock, and how far it was wound forward."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._ahead = timedelta()

    def __call__(self) -> datetime:
        """Return the present."""
        return self._clock() + self._ahead

    def advance(self, seconds: float) -> None:
        """Wind it forward."""
        self._ahead += timedelta(seconds=seconds)
