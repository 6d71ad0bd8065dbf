"""Every write as a row: the undo log with HubSpot's answers, one property or list at a time."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, Final, NamedTuple

import orjson
from sqlalchemy import Column, Connection, Row, Select, Table, func, select

from sync_worker.store import id_array
from sync_worker.store.schema import lists, runs, undo_members, undo_values

ACCEPTED: Final = "accepted"
NO_REPLY: Final = "no reply"  # the run ended before the answer
UNKNOWN: Final = "not recorded"  # by an earlier version
MEMBER: Final = "member"  # the value of a list for its members; other contacts have an empty one


class AuditRow(NamedTuple):
    """A write. `at` is in milliseconds; `shown` is the value that HubSpot shows after it, None: not known."""

    run: str
    command: str
    at: int
    contact: int
    property: str  # or `list “<name>”`
    before: str
    after: str
    answer: str
    shown: str | None


def load(
    tx: Connection, *, since: int | None = None, run: str | None = None, contact_ids: Collection[int] | None = None
) -> Iterator[AuditRow]:
    """Yield the values, then the list members, each in order of time and contact; from an instant (milliseconds) on, of a run."""
    for row in tx.execute(_select(undo_values, since, run, contact_ids)):
        yield from _read_values(row)
    for row in tx.execute(
        _select(undo_members, since, run, contact_ids, lists.c.name).outerjoin(lists, lists.c.key == undo_members.c.list)
    ):
        yield _read_member(row)


def _select(table: Table, since: int | None, run: str | None, contact_ids: Collection[int] | None, *columns: Column[Any]) -> Select[Any]:
    at = func.coalesce(table.c.at, runs.c.started_at)
    query = select(*table.c, runs.c.command, at.label("time"), *columns).select_from(table).join(runs, runs.c.id == table.c.run)
    query = query if since is None else query.where(at >= since)
    query = query if run is None else query.where(table.c.run == run)
    query = query if contact_ids is None else query.where(id_array.in_ids(table.c.contact_id, contact_ids))
    return query.order_by(at, table.c.contact_id)


def _read_values(row: Row[Any]) -> Iterator[AuditRow]:
    before, after, answers = orjson.loads(row.before), orjson.loads(row.after), orjson.loads(row.answers or "{}")
    default = UNKNOWN if row.at is None else NO_REPLY if row.answers is None else ACCEPTED
    for name, value in after.items():
        answer, shown = answers.get(name, (default, value if default is ACCEPTED else None)) or (NO_REPLY, None)
        yield AuditRow(row.run, row.command, row.time, row.contact_id, name, before.get(name, ""), value, answer, shown)


def _read_member(row: Row[Any]) -> AuditRow:
    before, after = ("", MEMBER) if row.added else (MEMBER, "")
    answer = UNKNOWN if row.at is None else row.answer or NO_REPLY
    shown = after if answer == ACCEPTED else None
    name = f"list “{row.name or row.list}”"
    return AuditRow(row.run, row.command, row.time, row.contact_id, name, before, after, answer, shown)
