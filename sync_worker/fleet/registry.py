"""The portals of a fleet in its table."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import (
    Connection,
    Row,
    Select,
    and_,
    case,
    column,
    delete,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    table,
    text,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.exc import IntegrityError

from sync_worker.errors import ConfigurationError
from sync_worker.fleet.database import FleetDatabase
from sync_worker.fleet.fleet_portal import Failures, FleetPortal, Lane, LastRun, RunKind
from sync_worker.fleet.fleet_status import FleetStatus, FleetWorker
from sync_worker.fleet.schema import portals, workers

WORKER_SILENCE: Final = timedelta(seconds=45)  # a process is seen every ten seconds
JOBS: Final = table("procrastinate_jobs", column("lock"), column("queue_name"))
#: Runs of a portal; its name is the lock of its jobs. The status is an enumeration of PostgreSQL, so it is compared with a literal.
RUNNING: Final = exists().select_from(JOBS).where(JOBS.c.lock == portals.c.name, text("status = 'doing'"))
LONG_SECONDS: Final = 60.0
LARGE_CONTACTS: Final = 20_000
#: A full scan, and a portal that needs long, must not delay short runs.
IS_LONG: Final = or_(
    portals.c.next_run.in_([RunKind.BACKFILL, RunKind.RESCAN]),
    portals.c.seconds > LONG_SECONDS,
    and_(portals.c.contacts > LARGE_CONTACTS, portals.c.next_run == RunKind.REEVALUATION),
)
LANE: Final = case((IS_LONG, literal(Lane.LONG.value)), else_=literal(Lane.SHORT.value))
QUEUED: Final = exists().select_from(JOBS).where(JOBS.c.lock == portals.c.name, text("status IN ('todo', 'doing')"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """Reads and writes the entries of the portals. Each method is a transaction."""

    database: FleetDatabase

    def add(self, portal: FleetPortal) -> None:
        """Add an entry; raises ConfigurationError if its name or its portal exists."""
        values = {
            "name": portal.name,
            "token": portal.token,
            "model": portal.model,
            "state_url": portal.state_url,
            "settings": dict(portal.settings),
            "priority": portal.priority,
            "portal_id": portal.portal_id,
            "next_run_at": portal.next_run_at,
            "next_run": portal.next_run,
            "failures": 0,
            "fatal_failures": 0,
        }
        with self.database.transaction() as tx:
            if portal.name in self._load_names(tx):
                raise ConfigurationError(
                    f"The fleet has a portal {portal.name} already.", hint="Choose another name, or remove that entry."
                )
            if portal.portal_id is not None:
                self._refuse_double(tx, portal.name, portal.portal_id)
            try:
                with tx.begin_nested():
                    tx.execute(insert(portals).values(values))
            except IntegrityError:  # another command was faster
                raise ConfigurationError(
                    f"The fleet has got a portal {portal.name} at this moment.", hint="Run the command again."
                ) from None

    def remove(self, name: str) -> FleetPortal:
        """Remove an entry and return it; raises ConfigurationError if it does not exist or its run is active."""
        portal = self.load(name)
        with self.database.transaction() as tx:
            tx.execute(delete(JOBS).where(JOBS.c.lock == name, text("status = 'todo'")))
            if not tx.execute(delete(portals).where(portals.c.name == name, ~RUNNING)).rowcount:
                raise ConfigurationError(
                    f"A run of {name} is active.", hint=f"Run `sync-worker fleet pause {name}`, and remove it when the run has ended."
                )
        return portal

    def find(self, name: str) -> FleetPortal | None:
        """Return an entry, or None if it does not exist."""
        with self.database.transaction() as tx:
            row = tx.execute(_select_portals().where(portals.c.name == name)).one_or_none()
        return _read_row(row) if row else None

    def load(self, name: str) -> FleetPortal:
        """Return an entry; raises ConfigurationError if it does not exist."""
        if portal := self.find(name):
            return portal
        with self.database.transaction() as tx:
            raise self._unknown(tx, [name])

    def load_all(self) -> Sequence[FleetPortal]:
        """Return all entries, by name."""
        with self.database.transaction() as tx:
            return [_read_row(row) for row in tx.execute(_select_portals().order_by(portals.c.name))]

    def load_due(self, now: datetime, limit: int) -> Sequence[FleetPortal]:
        """Return the portals whose run is due and not in the queue yet, the most urgent first.

        In each lane, at most `limit` runs wait in the queue, so that backfills take no room of syncs.
        """
        due = _select_portals().where(portals.c.paused_at.is_(None), portals.c.next_run_at <= now, ~QUEUED)
        ordered = due.order_by(portals.c.priority.desc(), portals.c.next_run_at)
        found: list[FleetPortal] = []
        with self.database.transaction() as tx:
            queued = _count_queued(tx)
            for lane in Lane:
                rows = tx.execute(ordered.where(LANE.in_([lane])).limit(max(0, limit - queued[lane])))
                found.extend(_read_row(row) for row in rows)
        return found

    def load_status(self, now: datetime, names: Collection[str] = ()) -> FleetStatus:
        """Return the status of some portals, by default of all. Raises ConfigurationError if one does not exist."""
        seen = select(workers).where(workers.c.seen_at > func.now() - WORKER_SILENCE).order_by(workers.c.place)
        with self.database.transaction() as tx:
            chosen = portals.c.name.in_(self._require(tx, names)) if names else true()
            rows = tx.execute(_select_portals().where(chosen).order_by(portals.c.name))
            return FleetStatus(
                portals=[_read_row(row) for row in rows],
                workers=[FleetWorker(**row) for row in tx.execute(seen).mappings()],
                queued=_count_queued(tx),
                now=now,
            )

    def save_worker(self, worker: FleetWorker) -> None:
        """Save that a worker process is alive, and forget those that have been silent for a day."""
        values = {**asdict(worker), "seen_at": func.now()}
        with self.database.transaction() as tx:
            tx.execute(pg_insert(workers).values(values).on_conflict_do_update(index_elements=["place"], set_=values))
            tx.execute(delete(workers).where(workers.c.seen_at < func.now() - timedelta(days=1)))

    def remove_worker(self, place: str) -> None:
        """Record that a worker process has ended."""
        with self.database.transaction() as tx:
            tx.execute(delete(workers).where(workers.c.place == place))

    def pause(self, names: Iterable[str], now: datetime, reason: str) -> None:
        """Pause portals; a run in progress ends first. Raises ConfigurationError if one does not exist."""
        with self.database.transaction() as tx:
            chosen = self._require(tx, names)
            tx.execute(
                update(portals).where(portals.c.name.in_(chosen), portals.c.paused_at.is_(None)).values(paused_at=now, pause_reason=reason)
            )

    def resume(self, names: Iterable[str], at: datetime) -> None:
        """End the pauses of portals, and let them run at a time. Raises ConfigurationError if one does not exist."""
        with self.database.transaction() as tx:
            chosen = self._require(tx, names)
            healthy = {"failures": 0, "fatal_failures": 0, "failing_since": None, "fatal_since": None, "error": None, "cause": None}
            values = {"paused_at": None, "pause_reason": None, "next_run_at": at, **healthy}
            tx.execute(update(portals).where(portals.c.name.in_(chosen)).values(values))

    def claim_portal(self, name: str, portal_id: int) -> None:
        """Record which portal the token of an entry opens; raises ConfigurationError if another entry has it."""
        with self.database.transaction() as tx:
            self._refuse_double(tx, name, portal_id)
            try:
                with tx.begin_nested():
                    tx.execute(update(portals).where(portals.c.name == name).values(portal_id=portal_id))
            except IntegrityError:  # another entry was faster
                self._refuse_double(tx, name, portal_id)
                raise

    def save_start(self, name: str, kind: RunKind, now: datetime, place: str) -> bool:
        """Record that a run has started; return False if the entry was removed."""
        values = {"started_at": now, "started_on": place, "last_run": kind}
        with self.database.transaction() as tx:
            return bool(tx.execute(update(portals).where(portals.c.name == name).values(values)).rowcount)

    def save_end(self, portal: FleetPortal) -> None:
        """Save what the last run said, and when the next one is due. A pause that began during the run stays."""
        if portal.paused_at:
            self.pause([portal.name], portal.paused_at, portal.pause_reason or "")
        last, failures = portal.last, portal.failures
        values = {
            "finished_at": last.finished_at,
            "seconds": last.seconds,
            "exit_code": last.exit_code,
            "error": last.error,
            "cause": last.cause,
            "last_done_at": last.done_at,
            "contacts": last.contacts,
            "mqls": last.mqls,
            "held_back": last.held_back,
            "read_to": last.read_to,
            "failing_since": failures.since,
            "fatal_since": failures.fatal_since,
            "failures": failures.number,
            "fatal_failures": failures.fatal_number,
            "next_run_at": portal.next_run_at,
            "next_run": portal.next_run,
            "rescan_not_before": portal.rescan_not_before,
        }
        with self.database.transaction() as tx:
            tx.execute(update(portals).where(portals.c.name == portal.name).values(values))

    def _refuse_double(self, tx: Connection, name: str, portal_id: int) -> None:
        other = tx.execute(select(portals.c.name).where(portals.c.portal_id == portal_id, portals.c.name != name)).scalar()
        if other is not None:
            raise ConfigurationError(
                f"The token of {name} opens portal {portal_id}, which is {other} in this fleet.",
                hint="Two entries would write different scores into the same properties. Use another token, or remove one of them.",
            )

    def _require(self, tx: Connection, names: Iterable[str]) -> set[str]:
        chosen = set(names)
        if missing := sorted(chosen - self._load_names(tx)):
            raise self._unknown(tx, missing)
        return chosen

    def _load_names(self, tx: Connection) -> set[str]:
        return set(tx.execute(select(portals.c.name)).scalars())

    def _unknown(self, tx: Connection, missing: Sequence[str]) -> ConfigurationError:
        known = sorted(self._load_names(tx))
        listed = f"It has {', '.join(known[:10])}{' ...' if len(known) > 10 else ''}." if known else "It is empty."
        return ConfigurationError(f"The fleet has no portal {', '.join(missing)}.", hint=listed)


def _count_queued(tx: Connection) -> Mapping[Lane, int]:
    rows = tx.execute(select(JOBS.c.queue_name, func.count()).where(text("status = 'todo'")).group_by(JOBS.c.queue_name))
    queued: dict[str, int] = {name: number for name, number in rows}  # noqa: C416 -- rows, not pairs
    return {lane: queued.get(lane, 0) for lane in Lane}


def _select_portals() -> Select[tuple[object, ...]]:
    return select(portals, RUNNING.label("is_running"), LANE.label("lane"))


def _read_row(row: Row[tuple[object, ...]]) -> FleetPortal:
    values = row._mapping  # noqa: SLF001 -- the documented name of SQLAlchemy
    last = LastRun(
        kind=RunKind(values["last_run"]) if values["last_run"] else None,
        started_at=values["started_at"],
        started_on=values["started_on"],
        finished_at=values["finished_at"],
        seconds=values["seconds"],
        exit_code=values["exit_code"],
        error=values["error"],
        cause=values["cause"],
        done_at=values["last_done_at"],
        contacts=values["contacts"],
        mqls=values["mqls"],
        held_back=values["held_back"],
        read_to=values["read_to"],
    )
    failures = Failures(
        since=values["failing_since"],
        fatal_since=values["fatal_since"],
        number=values["failures"],
        fatal_number=values["fatal_failures"],
    )
    own = (
        "name",
        "token",
        "model",
        "state_url",
        "settings",
        "priority",
        "portal_id",
        "paused_at",
        "pause_reason",
        "next_run_at",
        "rescan_not_before",
        "is_running",
    )
    return FleetPortal(
        **{key: values[key] for key in own},
        next_run=RunKind(values["next_run"]),
        lane=Lane(values["lane"]),
        last=last,
        failures=failures,
    )
