"""One worker on a portal at a time: a lease in the state, renewed between two batches, given back at the end.

A run that was killed leaves its lease behind. Where it ran on this machine and its process is no more, the next run takes over at once;
from another machine it waits until the lease expires. Two workers with two states do not see each other's leases: HubSpot has nothing
that could be locked.
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

RENEWALS_PER_LEASE: Final = 10  # in the time that a lease lasts


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """A process of some machine: `host` and `pid` name it for people, `era` sets it apart from others with its number."""

    host: str
    pid: int
    start_id: str  # which table of processes, and when it was started; empty where the system does not tell

    @classmethod
    def current(cls) -> Process:
        """Return this process."""
        return cls(host=socket.gethostname(), pid=os.getpid(), start_id=_read_start_id(os.getpid()))

    @classmethod
    def parse(cls, text: str) -> Process:
        """Return a process as `text` wrote it."""
        host, pid, era = text.rsplit("|", 2)
        return cls(host=host, pid=int(pid), start_id=era)

    @property
    def text(self) -> str:
        """Return what another process needs to recognise this one."""
        return f"{self.host}|{self.pid}|{self.start_id}"

    def is_dead(self, observer: Process) -> bool:
        """Tell whether it is sure to be no more: only a process of the same machine and table of processes can know."""
        if self.host != observer.host or not self.start_id or self.start_id.partition("/")[0] != observer.start_id.partition("/")[0]:
            return False
        return _read_start_id(self.pid) != self.start_id


@dataclass(slots=True, kw_only=True)
class Heartbeat(Progress):
    """Renews the lease wherever the run makes progress, and passes the progress on."""

    inner: Progress
    store: Store
    run_id: str
    clock: Callable[[], datetime]
    duration: timedelta
    next_renewal: datetime

    def expect(self, what: str, total: int) -> None:
        """Pass it on."""
        self.inner.expect(what, total)

    def advance(self, what: str, number: int) -> None:
        """Renew the lease where it is time to; raises Busy where another run has taken it meanwhile."""
        if (now := self.clock()) >= self.next_renewal:
            with self.store.transaction() as tx:
                held = leases.renew(tx, self.run_id, expires_at=to_ms(now + self.duration))
                other = leases.load(tx)
            if not held:
                raise _busy_error(other)
            self.next_renewal = now + self.duration / RENEWALS_PER_LEASE
        self.inner.advance(what, number)


@contextmanager
def acquire(
    store: Store, run_id: str, *, clock: Callable[[], datetime], duration: timedelta, progress: Progress | None = None
) -> Iterator[Progress]:
    """Hold the portal's lease; what is yielded hears of the progress and renews it.

    Raises Busy where another run holds it, with who that is and until when.
    """
    own, now = Process.current(), clock()
    with store.transaction() as tx:
        other = leases.load(tx)
    over = other.run if other and Process.parse(other.process).is_dead(own) else None
    with store.transaction() as tx:
        taken = leases.acquire(
            tx, run_id, holder=f"{own.host}:{own.pid}", process=own.text, now=to_ms(now), expires_at=to_ms(now + duration), dead_run=over
        )
        other = leases.load(tx)
    if not taken:
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
        # A state that has just failed is not to hide why the run ended; the lease expires by itself.
        with suppress(StateError), store.transaction() as tx:
            leases.release(tx, run_id)


def _busy_error(other: LeaseRow | None) -> PortalBusy:
    if other is None:
        return PortalBusy("Another run has taken this portal and ended meanwhile.", hint="Run again.")
    until = from_ms(other.expires_at)
    return PortalBusy(
        f"Another worker is at work on this portal: {other.holder}, run {other.run}.",
        hint=f"Wait until it is done, or stop it; if it is dead, its lease ends by itself at {until:%H:%M:%S} UTC.",
    )


def _read_start_id(pid: int) -> str:
    # Linux alone tells; elsewhere a lease that was left behind is waited for.
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        table = f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return f"{table}/"
    # A zombie is no more, though its parent has not looked yet.
    return f"{table}/" if stat[0] == "Z" else f"{table}/{stat[19]}"
