"""What the service knows about itself: is it alive, and are the scores in HubSpot up to date? Answers need no call and no query."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sync_worker.progress import Progress

MAX_TICK_SECONDS: Final = 300.0  # the lease is renewed every 30 s; a database that does not respond delays it
CYCLES: Final = 3  # a good cycle that is older than this number of intervals is too old ...
MIN_MAX_AGE: Final = timedelta(minutes=15)  # ... but not before this time


@dataclass(slots=True, kw_only=True)
class Health(Progress):
    """Facts that the threads of the service set and the HTTP server reads. As a progress observer, it knows whether a run advances.

    `uptime` is in seconds.
    """

    clock: Callable[[], datetime]
    uptime: Callable[[], float]
    cycle: timedelta
    last_done: datetime | None = None  # end of the last good cycle
    error: str | None = None  # of the last cycle, if it failed
    is_running: bool = False
    lease_error: str | None = "The lease of the service is not acquired yet."
    lease_until: float = 0.0  # uptime
    ticked_at: float | None = None  # uptime of the last attempt to renew the lease
    advanced_at: float | None = None  # uptime of the last progress of a run
    paused_since: datetime | None = None

    def advance(self, what: str, number: int) -> None:  # noqa: ARG002 -- the interface
        """Record that the run makes progress."""
        self.advanced_at = self.uptime()

    def confirm_lease(self, duration: timedelta) -> None:
        """Record that the state was reachable and the lease of the service was renewed."""
        self.ticked_at, self.lease_error = self.uptime(), None
        self.lease_until = self.uptime() + duration.total_seconds()

    def miss_lease(self, error: str) -> None:
        """Record that the lease could not be renewed."""
        self.ticked_at, self.lease_error = self.uptime(), error

    def is_alive(self) -> bool:
        """Return whether the threads of the service still run."""
        return self.ticked_at is None or self.uptime() - self.ticked_at < MAX_TICK_SECONDS

    def problems(self) -> list[str]:
        """Return why the service is not ready, one sentence each."""
        found = [self.lease_error] if self.lease_error else []
        if not found and self.uptime() > self.lease_until:
            found.append("The lease of the service has expired.")
        if self.paused_since is None and (problem := self._find_stale_cycle()):
            found.append(problem)
        return found

    def details(self) -> Mapping[str, object]:
        """Return whether the service is paused."""
        return {"paused": self.paused_since is not None}

    def _find_stale_cycle(self) -> str | None:
        age = None if self.last_done is None else self.clock() - self.last_done
        if (age is not None and age <= self._max_age) or self._advances():
            return None
        since = "No cycle is done yet." if age is None else f"The last good cycle ended {timedelta(seconds=int(age.total_seconds()))} ago."
        return f"{since} {self.error or ''}".strip()

    def _advances(self) -> bool:
        # A full scan takes longer than a cycle. A cycle that fails each time advances as well, so it does not count.
        is_recent = self.advanced_at is not None and self.uptime() - self.advanced_at <= self._max_age.total_seconds()
        return self.is_running and self.error is None and is_recent

    @property
    def _max_age(self) -> timedelta:
        return max(CYCLES * self.cycle, MIN_MAX_AGE)
