"""The degraded state of the service: since when no cycle has been done, and when the service gives up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from sync_worker.errors import ExitCode, FatalError, SyncWorkerError, TransientError, UnsafePlan


class ServiceGaveUp(TransientError):
    """The service has given up."""


class ServiceCrashed(TransientError):
    """A cycle ended with a bug; its traceback is in the log."""


@dataclass(slots=True, kw_only=True)
class DegradedState:
    """Failed cycles without one that was done between them. All times are seconds of `uptime`.

    One odd reply of HubSpot must not end the service, so an error that needs an operator has to repeat for `patience` first.
    """

    patience: timedelta
    uptime: Callable[[], float]
    since: float | None = None  # first failed cycle
    fatal_since: float | None = None  # first cycle that failed with an error that needs an operator

    def add(self, error: SyncWorkerError) -> SyncWorkerError | None:
        """Add a failed cycle; return the error that ends the service, if it has to give up."""
        now = self.uptime()
        self.since = now if self.since is None else self.since
        if not isinstance(error, FatalError) or isinstance(error, UnsafePlan):
            return None
        self.fatal_since = now if self.fatal_since is None else self.fatal_since
        if now - self.fatal_since < self.patience.total_seconds():
            return None
        # Exit code 2 means a configuration that is broken at the start: process managers do not restart the service after it.
        return error if error.exit_code != ExitCode.USAGE else ServiceGaveUp(error.message, operation=error.operation, hint=error.hint)

    def clear(self) -> bool:
        """Record a cycle that was done; return whether the service was degraded before."""
        was_degraded = self.since is not None
        self.since = self.fatal_since = None
        return was_degraded
