"""Whether a worker process of the fleet is alive and can run portals, for probes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from sync_worker.fleet.fleet_status import FleetStatus

MAX_SILENCE: Final = timedelta(minutes=5)  # of the event loop
MAX_AGE: Final = timedelta(minutes=1)  # of the last answer of the database


@dataclass(slots=True, kw_only=True)
class FleetHealth:
    """Facts that the event loop sets and the HTTP server reads."""

    clock: Callable[[], datetime]
    ticked_at: datetime | None = None
    reached_at: datetime | None = None
    error: str | None = "The database of the fleet is not reached yet."
    lane_errors: dict[str, str] = field(default_factory=dict)
    status: FleetStatus | None = None

    def confirm(self, status: FleetStatus) -> None:
        """Record an answer of the database."""
        self.ticked_at = self.reached_at = self.clock()
        self.error, self.status = None, status

    def fail(self, error: str) -> None:
        """Record that the database did not answer."""
        self.ticked_at, self.error = self.clock(), error

    def is_alive(self) -> bool:
        """Return whether the event loop runs."""
        return self.ticked_at is None or self.clock() - self.ticked_at < MAX_SILENCE

    def problems(self) -> list[str]:
        """Return why the process is not ready, one sentence each."""
        found = [self.error] if self.error else []
        if not found and (self.reached_at is None or self.clock() - self.reached_at > MAX_AGE):
            found.append("The database of the fleet has not answered for a minute.")
        return found + [f"The lane {lane} does not run: {error}" for lane, error in self.lane_errors.items()]

    def details(self) -> Mapping[str, object]:
        """Return the portals by condition, the runs that wait, and the number of processes of the fleet."""
        if self.status is None:
            return {}
        return {"portals": self.status.count(), "queued": self.status.queued, "workers": len(self.status.workers)}
