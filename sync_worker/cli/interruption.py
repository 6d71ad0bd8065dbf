"""Ctrl-C in a command that uses HubSpot: it stops in order, as `serve` does, so that no exception is raised within a transaction."""

from __future__ import annotations

import os
import shlex
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Event, Thread
from types import FrameType
from typing import Final

from sync_worker.cli import EXIT_CODE_INTERRUPTED
from sync_worker.cli.output.console import TerminalProgress, err
from sync_worker.errors import SyncWorkerError
from sync_worker.hubspot.client import ConnectionClosed
from sync_worker.worker import Worker

STOP_SECONDS: Final = 6.0  # how long the command waits for its requests in flight
RELEASE_SECONDS: Final = 1.0  # how long it then waits for the release of its leases


@dataclass(slots=True, kw_only=True)
class Interruption:
    """The first Ctrl-C stops the worker in order, and KeyboardInterrupt is raised at the end of the `with` block.

    The second one, or `stop_seconds`, ends the process at once; the state survives an end at any moment. Before the worker is connected
    to HubSpot, nothing can be in flight, and Ctrl-C has its usual effect.
    """

    worker: Worker
    progress: TerminalProgress
    stop_seconds: float = STOP_SECONDS
    exit_process: Callable[[int], object] = os._exit
    _requested: bool = False
    _ended: bool = False
    _wake_up: Event = field(default_factory=Event)

    @contextmanager
    def handle(self) -> Iterator[None]:
        """Handle Ctrl-C during the block, unless the process ignores it, such as one in the background of a shell."""
        if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
            yield
            return
        signal.signal(signal.SIGINT, self._handle_signal)
        try:
            yield
        except ConnectionClosed:
            raise KeyboardInterrupt from None
        finally:
            self._ended = True
            self._wake_up.set()
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def _handle_signal(self, number: int, frame: FrameType | None) -> None:
        if self._requested:
            self._wake_up.set()
        elif self.worker.is_connected:
            self._requested = True
            # In a thread, because the interrupted code may hold a lock that the stop needs.
            Thread(target=self._stop, name="stop", daemon=True).start()
        else:
            signal.default_int_handler(number, frame)

    def _stop(self) -> None:
        err.print("sync-worker: stopping after the requests in flight; Ctrl-C again stops at once.", markup=False)
        self.worker.interrupt()
        self._wake_up.wait(self.stop_seconds)
        if not self._ended:
            self._abandon()

    def _abandon(self) -> None:
        # The command waits for HubSpot or the database, which may not respond; leases that are not released expire.
        release = Thread(target=self._release_leases, name="release", daemon=True)
        release.start()
        release.join(RELEASE_SECONDS)
        self.progress.close()
        print_interruption()
        self.exit_process(EXIT_CODE_INTERRUPTED)

    def _release_leases(self) -> None:
        with suppress(SyncWorkerError):
            self.worker.release_leases()


def print_interruption() -> None:
    """Say how to resume a command that Ctrl-C has ended."""
    command = shlex.join(["sync-worker", *sys.argv[1:]])
    err.print(f"sync-worker: interrupted; what was read and written is saved. `{command}` resumes there.", markup=False)
