"""Monotonic time, wall time, and the ways to wait in them: one object, so that tests wind it by hand."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime

from sync_worker.errors import ExitCode, FatalError


class ConnectionClosed(FatalError):
    """The connection to HubSpot was closed while something waited for it."""

    exit_code = ExitCode.TRY_AGAIN


class Clock:
    """The machine's own time; `stop` wakes everybody who waits, with `Closed`."""

    def __init__(self) -> None:
        self._stopped = threading.Event()

    def monotonic(self) -> float:
        """Return seconds since some fixed moment."""
        return time.monotonic()

    def now(self) -> datetime:
        """Return the wall time, aware UTC."""
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        """Wait for some seconds; raise `Closed` when stopped before or meanwhile."""
        if self._stopped.wait(seconds):
            raise ConnectionClosed

    def wait(self, condition: threading.Condition, seconds: float | None) -> None:
        """Wait, holding the condition's lock, until it is notified or the seconds are over; raise `Closed` when stopped."""
        if not self._stopped.is_set():
            condition.wait(seconds)
        self.raise_if_stopped()

    def raise_if_stopped(self) -> None:
        """Raise `Closed` when stopped."""
        if self._stopped.is_set():
            raise ConnectionClosed

    def stop(self) -> None:
        """Let nobody wait any more."""
        self._stopped.set()
