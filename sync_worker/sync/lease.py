"""The lease that allows one worker per portal: stored in the state, renewed between two batches, released at the end of the run.

A killed run leaves its lease behind. If it ran on this machine and its process no longer exists, the next run takes over at once;
otherwise the lease has to expire. Workers with separate states do not see each other's leases, and HubSpot offers no lock.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from sync_worker.errors import PortalBusy, StateError
from sync_worker.progress import Progress
from sync_worker.store import leases
from sync_worker.store.database import Store
from sync_worker.store.leases import LeaseRow
from sync_worker.timestamps import from_ms, to_ms

RENEWALS_PER_LEASE: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """A process of a machine. `start_id` distinguishes it from other processes with the same pid."""

    host: str
    pid: int
    start_id: str  # boot id, pid namespace and start time; empty if the system does not provide them

    @classmethod
    def current(cls) -> Process:
        """Return this process."""
        return cls(host=socket.gethostname(), pid=os.getpid(), start_id=_read_start_id(os.getpid()))

    @classmethod
    def parse(cls, text: str) -> Process:
        """Parse the format of `text`."""
        host, pid, start_id = text.rsplit("|", 2)
        return cls(host=host, pid=int(pid), start_id=start_id)

    @property
    def text(self) -> str:
        """Return the text by which another process can recognize this one."""
        return f"{self.host}|{self.pid}|{self.start_id}"

    def is_dead(self, observer: Process) -> bool:
        """Return whether the process has certainly ended; only an observer on the same machine and in the same pid namespace can know."""
        if self.host != observer.host or not self.start_id or self.start_id.partition("/")[0] != observer.start_id.partition("/")[0]:
            return False
        return _read_start_id(self.pid) != self.start_id


@dataclass(slots=True, kw_only=True)
class Heartbeat(Progress):
    """Renews the lease when the run makes progress, and forwards the progress."""

    inner: Progress
    store: Store
    run_id: str
    clock: Callable[[], datetime]
    duration: timedelta
    next_renewal: datetime

    def expect(self, what: str, total: int) -> None:
        """Forward the total."""
        self.inner.expect(what, total)

    def advance(self, what: str, number: int) -> None:
        """Renew the lease if due, then forward the progress. Raises PortalBusy if another run holds the lease."""
        if (now := self.clock()) >= self.next_renewal:
            with self.store.transaction() as tx:
                renewed = leases.renew(tx, self.run_id, expires_at=to_ms(now + self.duration))
                other = leases.load(tx)
            if not renewed:
                raise _busy_error(other)
            self.next_renewal = now + self.duration / RENEWALS_PER_LEASE
        self.inner.advance(what, number)


@contextmanager
def acquire(
    store: Store, run_id: str, *, clock: Callable[[], datetime], duration: timedelta, progress: Progress | None = None
) -> Iterator[Progress]:
    """Hold the lease of the portal; the yielded observer forwards the progress and renews the lease.

    Raises PortalBusy if another run holds the lease, with its holder and its expiry.
    """
    own, now = Process.current(), clock()
    with store.transaction() as tx:
        other = leases.load(tx)
    dead_run = other.run if other and Process.parse(other.process).is_dead(own) else None
    with store.transaction() as tx:
        acquired = leases.acquire(
            tx,
            run_id,
            holder=f"{own.host}:{own.pid}",
            process=own.text,
            now=to_ms(now),
            expires_at=to_ms(now + duration),
            dead_run=dead_run,
        )
        other = leases.load(tx)
    if not acquired:
        raise _busy_error(other)
    try:
        yield Heartbeat(
            inner=progress or Progress(),
            store=store,
            run_id=run_id,
            clock=clock,
            duration=duration,
            next_renewal=now + duration / RENEWALS_PER_LEASE,
        )
    finally:
        # An error of the state must not replace the error that ended the run; the lease expires by itself.
        with suppress(StateError), store.transaction() as tx:
            leases.release(tx, run_id)


def _busy_error(other: LeaseRow | None) -> PortalBusy:
    if other is None:
        return PortalBusy("Another run started on this portal at the same time and has ended.", hint="Run the command again.")
    expiry = from_ms(other.expires_at)
    return PortalBusy(
        f"Another worker is running on this portal: {other.holder}, run {other.run}.",
        hint=f"Wait until it has finished, or stop it. If it has crashed, its lease expires at {expiry:%H:%M:%S} UTC.",
    )


def _read_start_id(pid: int) -> str:
    # Only Linux provides this; on other systems, the lease of a killed run has to expire.
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        namespace = f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return f"{namespace}/"
    # A zombie has ended, but its parent has not yet read its exit code.
    return f"{namespace}/" if stat[0] == "Z" else f"{namespace}/{stat[19]}"
