"""The degraded state of the service: since when no cycle has been done, when the next one starts, and when the service gives up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sync_worker.errors import ExitCode, FatalError, SyncWorkerError, TransientError, UnsafePlan

FIRST_RETRY: Final = timedelta(minutes=1)  # after an error that needs an operator, who may have fixed it
MAX_RETRY: Final = timedelta(minutes=30)
FREE_FAILURES: Final = 2  # failures in a row of an error that may pass, after which the cycle keeps its interval


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
    failures: int = 0  # in a row
    fatal_failures: int = 0  # of them, with an error that needs an operator

    def add(self, error: SyncWorkerError) -> SyncWorkerError | None:
        """Add a failed cycle; return the error that ends the service, if it has to give up."""
        now = self.uptime()
        self.since = now if self.since is None else self.since
        self.failures += 1
        if not needs_operator(error):
            return None
        self.fatal_failures += 1
        self.fatal_since = now if self.fatal_since is None else self.fatal_since
        if now - self.fatal_since < self.patience.total_seconds():
            return None
        # Exit code 2 means a configuration that is broken at the start: process managers do not restart the service after it.
        return error if error.exit_code != ExitCode.USAGE else ServiceGaveUp(error.message, operation=error.operation, hint=error.hint)

    def delay(self, error: SyncWorkerError, interval: timedelta) -> timedelta:
        """Return the time until the next cycle; it grows while cycles fail. `interval` is that of healthy cycles."""
        if needs_operator(error):
            return min(FIRST_RETRY * float(2 ** (min(self.fatal_failures, 10) - 1)), interval)
        doublings = max(0, min(self.failures, 10) - FREE_FAILURES)
        return max(interval, min(interval * float(2**doublings), MAX_RETRY))

    def clear(self) -> bool:
        """Record a cycle that was done; return whether the service was degraded before."""
        was_degraded = self.since is not None
        self.since = self.fatal_since = None
        self.failures = self.fatal_failures = 0
        return was_degraded


def needs_operator(error: SyncWorkerError) -> bool:
    """Return whether the error stays until an operator acts. A refused plan does too, but the service can continue."""
    return isinstance(error, FatalError) and not isinstance(error, UnsafePlan)
