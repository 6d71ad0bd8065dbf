"""A clock that tests can wind forward."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta


class AdjustableClock:
    """Another clock, and how far it was wound forward."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._offset = timedelta()

    def __call__(self) -> datetime:
        """Return the present."""
        return self._clock() + self._offset

    def advance(self, seconds: float) -> None:
        """Wind it forward."""
        self._offset += timedelta(seconds=seconds)
