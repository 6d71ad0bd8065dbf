"""Whether a worker process of the fleet is alive and reaches the database, for probes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

MAX_SILENCE: Final = timedelta(minutes=5)  # of the event loop
MAX_AGE: Final = timedelta(minutes=1)  # of the last answer of the database


@dataclass(slots=True, kw_only=True)
class FleetHealth:
    """Facts that the event loop sets and the HTTP server reads."""

    clock: Callable[[], datetime]
    ticked_at: datetime | None = None
    reached_at: datetime | None = None
    error: str = "The database of the fleet is not reached yet."

    def confirm(self) -> None:
        """Record an answer of the database."""
        self.ticked_at = self.reached_at = self.clock()

    def fail(self, error: str) -> None:
        """Record that the database did not answer."""
        self.ticked_at, self.error = self.clock(), error

    def is_alive(self) -> bool:
        """Return whether the event loop runs."""
        return self.ticked_at is None or self.clock() - self.ticked_at < MAX_SILENCE

    def problems(self) -> list[str]:
        """Return why the process is not ready, one sentence each."""
        is_recent = self.reached_at is not None and self.clock() - self.reached_at < MAX_AGE
        return [] if is_recent else [self.error]

    def details(self) -> Mapping[str, object]:
        """Return nothing: a single portal is paused in the table."""
        return {}
