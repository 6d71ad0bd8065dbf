"""A clock that can be advanced."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from sync_worker.sandbox.base.timestamps import to_ms


class AdjustableClock:
    """A clock plus an offset."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._offset = timedelta()

    def __call__(self) -> datetime:
        """Return the current time, aware UTC."""
        return self._clock() + self._offset

    def now_ms(self) -> int:
        """Return the current time in epoch milliseconds."""
        return to_ms(self())

    def advance(self, seconds: float) -> None:
        """Increase the offset."""
        self._offset += timedelta(seconds=seconds)
