"""Ctrl-C or SIGTERM in a command that uses HubSpot: it stops in order, as `serve` does; no exception is raised in a transaction."""

from __future__ import annotations

import os
import shlex
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Event, Thread
from types import FrameType
from typing import Final

from sync_worker.cli.output.console import TerminalProgress, err
from sync_worker.errors import ExitCode, SyncWorkerError
from sync_worker.hubspot.client import ConnectionClosed
from sync_worker.worker import Worker

STOP_SECONDS: Final = 6.0  # how long the command waits for its requests in flight
RELEASE_SECONDS: Final = 1.0  # how long it then waits for the release of its leases
SIGNALS: Final[Mapping[signal.Signals, object]] = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}


@dataclass(slots=True, kw_only=True)
class Interruption:
    """The first Ctrl-C or SIGTERM stops the worker in order, and KeyboardInterrupt is raised at the end of the `with` block.

    The second one, or `stop_seconds`, ends the process at once; the state survives an end at any moment. Before the worker is connected
    to HubSpot, nothing can be in flight, and KeyboardInterrupt is raised at once. `exit_code` is that of the signal.
    """

    worker: Worker
    progress: TerminalProgress
    stop_seconds: float = STOP_SECONDS
    exit_process: Callable[[int], object] = os._exit
    exit_code: int = int(ExitCode.INTERRUPTED)
    _requested: bool = False
    _ended: bool = False
    _wake_up: Event = field(default_factory=Event)

    @contextmanager
    def handle(self) -> Iterator[None]:
        """Handle the signals during the block, except those that the process ignores, such as Ctrl-C in the background of a shell."""
        handled = {number: before for number, default in SIGNALS.items() if (before := signal.getsignal(number)) is default}
        for number in handled:
            signal.signal(number, self._handle_signal)
        try:
            yield
        except ConnectionClosed:
            raise KeyboardInterrupt from None
        finally:
            self._ended = True
            self._wake_up.set()
            for number, before in handled.items():
                signal.signal(number, before)

    def _handle_signal(self, number: int, _frame: FrameType | None) -> None:
        self.exit_code = 128 + number
        if self._requested:
            self._wake_up.set()
        elif self.worker.is_connected:
            self._requested = True
            # In a thread, because the interrupted code may hold a lock that the stop needs.
            Thread(target=self._stop, name="stop", daemon=True).start()
        else:
            raise KeyboardInterrupt

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
        self.exit_process(self.exit_code)

    def _release_leases(self) -> None:
        with suppress(SyncWorkerError):
            self.worker.release_leases()


def print_interruption() -> None:
    """Say how to resume a command that a signal has ended."""
    command = shlex.join(["sync-worker", *sys.argv[1:]])
    err.print(f"sync-worker: interrupted; what was read and written is saved. `{command}` resumes there.", markup=False)
