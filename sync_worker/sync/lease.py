"""The lease that allows one worker per portal: stored in the state, renewed between two batches, released at the end of the run.

It is a fence as well: each request to HubSpot waits for `Lease.ensure`, and each transaction of the run checks the lease before its commit.
A process that was stopped past its lease therefore changes nothing more.

A killed run leaves its lease behind. If it ran on this machine and its process no longer exists, the next run takes over at once;
otherwise the lease has to expire. On PostgreSQL, the holder also locks its connection: a lease without that lock of which half is over is
free as well, because its holder would have to renew it before the next request. A run that has ended while the state did not respond
leaves its lease behind as well; its process knows that and takes it over at once. Workers with separate states do not see each other's
leases, and HubSpot offers no lock.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from threading import Lock
from typing import Final

from sqlalchemy import Connection

from sync_worker.errors import PortalBusy, StateBusy, StateError
from sync_worker.progress import Progress
from sync_worker.store import leases
from sync_worker.store.database import Store
from sync_worker.store.leases import LeaseRow
from sync_worker.timestamps import from_ms, to_ms, uptime

RENEWALS_PER_LEASE: Final = 10
_UNRELEASED: Final[set[str]] = set()  # runs of this process that have ended, but whose lease could not be released


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
class Lease:
    """The lease of a run or a service. Any thread may renew it and ask how long it lasts.

    `uptime` counts the time that the machine was suspended, so that a process that was stopped for too long knows it.
    """

    store: Store
    name: str
    run_id: str
    clock: Callable[[], datetime]
    uptime: Callable[[], float]
    duration: timedelta
    expires_at: float  # uptime, seconds
    lock: Lock = field(default_factory=Lock)

    def renew(self, transaction: Callable[[], AbstractContextManager[Connection]] | None = None) -> None:
        """Renew the lease, by default on another connection than that of the store. Raises PortalBusy if another run has acquired it."""
        started = self.uptime()
        with (transaction or self.store.separate_transaction)() as tx:
            renewed = leases.renew(tx, self.run_id, expires_at=to_ms(self.clock() + self.duration))
            other = leases.load(tx, self.name)
        if not renewed:
            raise _busy_error(self.name, other)
        self.expires_at = started + self.duration.total_seconds()

    def ensure(self) -> float:
        """Return for how many seconds the lease lasts; it is renewed first if less than half is left. Raises PortalBusy like `renew`."""
        with self.lock:
            if self._seconds_left() < self.duration.total_seconds() / 2:
                self.renew()
            return self._seconds_left()

    def is_due(self) -> bool:
        """Return whether it is time to renew the lease."""
        return self._seconds_left() <= self.duration.total_seconds() * (1 - 1 / RENEWALS_PER_LEASE)

    def check(self, tx: Connection) -> None:
        """Raise PortalBusy if another run has acquired the lease; `tx` is an open transaction."""
        if not leases.is_held(tx, self.run_id):
            raise _busy_error(self.name, leases.load(tx, self.name))

    def _seconds_left(self) -> float:
        return self.expires_at - self.uptime()


@dataclass(slots=True, kw_only=True)
class Heartbeat(Progress):
    """Renews the lease when the run makes progress, and forwards the progress. Belongs to the thread of the store."""

    inner: Progress
    lease: Lease

    def expect(self, what: str, total: int) -> None:
        """Forward the total."""
        self.inner.expect(what, total)

    def advance(self, what: str, number: int) -> None:
        """Renew the lease if due, then forward the progress. Raises PortalBusy if another run holds the lease."""
        if self.lease.is_due():
            self.lease.renew(self.lease.store.transaction)
        self.inner.advance(what, number)


@contextmanager
def acquire(
    store: Store,
    run_id: str,
    *,
    clock: Callable[[], datetime],
    duration: timedelta,
    name: str = leases.PORTAL,
    uptime: Callable[[], float] = uptime,
) -> Iterator[Lease]:
    """Hold the lease of the portal or of the service. Transactions of the store fail as soon as another run has it.

    Raises PortalBusy if another run holds the lease, with its holder and its expiry.
    """
    own, now, started = Process.current(), clock(), uptime()
    with store.transaction() as tx:
        other = leases.load(tx, name)
        locked = leases.lock_session(tx, name)
    has_lost_connection = locked and other is not None and other.expires_at <= to_ms(now + duration / 2)
    is_abandoned = other is not None and (has_lost_connection or other.run in _UNRELEASED or Process.parse(other.process).is_dead(own))
    with store.transaction() as tx:
        acquired = leases.acquire(
            tx,
            run_id,
            holder=f"{own.host}:{own.pid}",
            process=own.text,
            now=to_ms(now),
            expires_at=to_ms(now + duration),
            abandoned=other if is_abandoned else None,
            name=name,
        )
        other = leases.load(tx, name)
        if locked and not acquired:
            leases.unlock_session(tx, name)
    if not acquired:
        raise _busy_error(name, other)
    expires_at = started + duration.total_seconds()
    lease = Lease(store=store, name=name, run_id=run_id, clock=clock, uptime=uptime, duration=duration, expires_at=expires_at)
    store.fence = lease.check
    _UNRELEASED.discard(run_id)
    try:
        yield lease
    finally:
        store.fence = None
        # An error of the state must not replace the error that ended the run.
        try:
            with store.transaction() as tx:
                leases.release(tx, run_id)
                if locked:
                    leases.unlock_session(tx, name)
        except (StateError, StateBusy):
            _UNRELEASED.add(run_id)


def raise_if_used(store: Store, now: datetime) -> None:
    """Raise PortalBusy if a run or the service uses the state."""
    with store.transaction() as tx:
        for name in (leases.SERVICE, leases.PORTAL):
            if holder := find_holder(tx, name, now):
                raise _busy_error(name, holder)


def find_holder(tx: Connection, name: str, now: datetime) -> LeaseRow | None:
    """Return the lease, unless it has expired or its process on this machine has ended."""
    lease = leases.load(tx, name)
    is_over = lease is None or lease.expires_at <= to_ms(now) or Process.parse(lease.process).is_dead(Process.current())
    return None if is_over else lease


def _busy_error(name: str, other: LeaseRow | None) -> PortalBusy:
    if other is None:
        return PortalBusy(
            "Another run started on this portal while this one was stopped or waited, and has ended.", hint="Run the command again."
        )
    expiry = from_ms(other.expires_at)
    is_service = name == leases.SERVICE
    return PortalBusy(
        f"Another service is running on this state: {other.holder}."
        if is_service
        else f"Another worker is running on this portal: {other.holder}, run {other.run}.",
        hint=f"{'Stop it first' if is_service else 'Wait until it has finished, or stop it'}. If it has crashed, its lease expires at "
        f"{expiry:%H:%M:%S} UTC.",
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
