"""Monotonic time, wall time and waits in one object, so that tests can control time."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime

from sync_worker.errors import ExitCode, FatalError


class ConnectionClosed(FatalError):
    """The connection to HubSpot was closed."""

    exit_code = ExitCode.INTERRUPTED


class Clock:
    """The machine's clock. `stop` ends all waits with `ConnectionClosed`."""

    def __init__(self) -> None:
        self._stopped = threading.Event()

    def monotonic(self) -> float:
        """Return monotonic seconds."""
        return time.monotonic()

    def now(self) -> datetime:
        """Return the wall time, aware UTC."""
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        """Wait. Raises ConnectionClosed if stopped before or during the wait."""
        if self._stopped.wait(seconds):
            raise ConnectionClosed

    def wait(self, condition: threading.Condition, seconds: float | None) -> None:
        """Wait until the condition, whose lock the caller holds, is notified or the time is over. Raises ConnectionClosed if stopped."""
        if not self._stopped.is_set():
            condition.wait(seconds)
        self.raise_if_stopped()

    def raise_if_stopped(self) -> None:
        """Raise ConnectionClosed if stopped."""
        if self._stopped.is_set():
            raise ConnectionClosed

    def stop(self) -> None:
        """End all current and future waits."""
        self._stopped.set()
