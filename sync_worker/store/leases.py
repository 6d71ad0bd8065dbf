"""The `leases` table: one run at a time may work on the portal, and one service on the state; `sync.lease` renews their leases."""

from __future__ import annotations

from typing import Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, bindparam, delete, func, literal, or_, select, update

from sync_worker.store.database import dialect_insert
from sync_worker.store.schema import leases

PORTAL: Final = "portal"  # the lease of a run: a state belongs to one portal
SERVICE: Final = "service"
# Each transaction of a run executes it, and to build a statement costs more than to execute it.
_HELD: Final = select(leases.c.run).where(leases.c.run == bindparam("run")).with_for_update(read=True)


class LeaseRow(NamedTuple):
    """The lease of a run or a service. `holder` is host:pid; `process` identifies the process even if its pid is used again."""

    run: str
    holder: str
    process: str
    expires_at: int


def load(tx: Connection, name: str = PORTAL) -> LeaseRow | None:
    """Return the lease, expired or not."""
    query = select(leases.c.run, leases.c.holder, leases.c.process, leases.c.expires_at).where(leases.c.name == name)
    row = tx.execute(query).first()
    return LeaseRow(*row) if row else None


def acquire(
    tx: Connection,
    run: str,
    *,
    holder: str,
    process: str,
    now: int,
    expires_at: int,
    abandoned: LeaseRow | None = None,
    name: str = PORTAL,
) -> bool:
    """Acquire the lease if it is free, has expired, or is `abandoned` and was not renewed since; return whether this run now has it.

    It is one statement, so that only one of two concurrent runs gets the lease. Times are in milliseconds.
    """
    statement = dialect_insert(tx.dialect.name, leases).values(name=name, run=run, holder=holder, process=process, expires_at=expires_at)
    new = statement.excluded
    free = or_(leases.c.expires_at <= now, leases.c.run == run)
    if abandoned is not None:
        free = or_(free, and_(leases.c.run == abandoned.run, leases.c.expires_at == abandoned.expires_at))
    values = {"run": new.run, "holder": new.holder, "process": new.process, "expires_at": new.expires_at}
    tx.execute(statement.on_conflict_do_update(index_elements=["name"], set_=values, where=free))
    return tx.execute(select(leases.c.run).where(leases.c.name == name)).scalar() == run


def lock_session(tx: Connection, name: str) -> bool:
    """Lock the name of a lease for this connection; return False if another connection has it, and on SQLite.

    PostgreSQL releases the lock when the connection ends, so a free lock means that the holder of the lease has lost its connection.
    """
    return tx.dialect.name == "postgresql" and bool(tx.execute(select(func.pg_try_advisory_lock(_lock_key(name)))).scalar())


def unlock_session(tx: Connection, name: str) -> None:
    """Release the lock of `lock_session`."""
    tx.execute(select(func.pg_advisory_unlock(_lock_key(name))))


def _lock_key(name: str) -> ColumnElement[int]:
    # Advisory locks are shared by the schemas of a database, and each schema can be a state.
    return func.hashtextextended(func.current_schema() + literal(f" sync_worker {name}"), 0)


def renew(tx: Connection, run: str, *, expires_at: int) -> bool:
    """Extend the lease; return False if another run has acquired it."""
    return tx.execute(update(leases).where(leases.c.run == run).values(expires_at=expires_at)).rowcount == 1


def is_held(tx: Connection, run: str) -> bool:
    """Return whether a run has the lease. In PostgreSQL, no other run can acquire it before the end of the transaction."""
    return tx.execute(_HELD, {"run": run}).first() is not None


def release_process(tx: Connection, process: str) -> None:
    """Release all leases of a process."""
    tx.execute(delete(leases).where(leases.c.process == process))


def release(tx: Connection, run: str) -> None:
    """Release the lease of a run."""
    tx.execute(delete(leases).where(leases.c.run == run))
