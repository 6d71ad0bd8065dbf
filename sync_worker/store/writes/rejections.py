"""The `rejections` table: what HubSpot rejected or `undo` restored, by part of the contact, with the time of the next try."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, FromClause, and_, delete, func, or_, select, update

from sync_worker.store import id_array
from sync_worker.store.database import upsert_tuples
from sync_worker.store.schema import contacts, rejections, verdicts

PROPERTIES: Final = "properties"
STAGE: Final = "stage"
ADD: Final = "add"  # to a list; the `desired` value of such a part
REMOVE: Final = "remove"
LEFT_ALONE: Final = "left alone by `sync-worker undo`"  # a reason to write nothing, of contacts that have changed since the run
FIRST_DISTANCE: Final = 5 * 60_000  # milliseconds between the second try and the third; it doubles with each try
MAX_DISTANCE: Final = 20 * 3_600_000  # so that a worker that runs once a day tries every day


class Rejection(NamedTuple):
    """A part of a contact that HubSpot rejected: the value sent (canonical JSON for properties), and why.

    After `max_tries` with the same reason, it is not sent again until another value is desired; None: it is tried forever, at growing
    distance. `invalid` is JSON: property → (value that HubSpot calls invalid, reason).
    """

    contact_id: int
    part: str
    desired: str
    reason: str
    max_tries: int | None = None
    invalid: str | None = None


def list_part(key: str) -> str:
    """Return the part that is the membership in a list."""
    return f"list:{key}"


def save(tx: Connection, rows: Sequence[Rejection], *, at: int, max_distance: int = MAX_DISTANCE) -> None:
    """Save what a run that started at `at` (milliseconds) was refused. Several tries within a run count once.

    `max_distance` is the longest distance between two tries (milliseconds).
    """
    if not rows:
        return
    ids = {row.contact_id for row in rows}
    changed = dict(tx.execute(select(contacts.c.id, contacts.c.updated_at).where(id_array.in_ids(contacts.c.id, ids))).all())
    known = tx.execute(select(rejections).where(id_array.in_ids(rejections.c.contact_id, ids))).all()
    earlier = {(row.contact_id, row.part, row.reason): row for row in known}
    values = []
    for row in rows:
        last = earlier.get((row.contact_id, row.part, row.reason))
        tries = last.tries + (last.tried_at != at) if last else 1
        retry_at = None if row.max_tries is not None and tries >= row.max_tries else at + retry_distance(tries, max_distance)
        since = last.at if last else at
        stored = (row.contact_id, row.part, row.desired, row.reason, since, False, at, tries, retry_at)
        values.append((*stored, changed.get(row.contact_id, 0), row.invalid))
    upsert_tuples(tx, rejections, tuple(rejections.c.keys()), values)


def delete_part(tx: Connection, part: str, ids: Collection[int]) -> None:
    """Delete the rejections of a part that HubSpot has accepted."""
    if ids:
        tx.execute(delete(rejections).where(rejections.c.part == part, id_array.in_ids(rejections.c.contact_id, ids)))


def delete_tried_since(tx: Connection, at: int, ids: Collection[int], parts: Collection[str]) -> None:
    """Delete what HubSpot has rejected at a time (milliseconds) or later, of these parts of contacts, so that it is sent again."""
    tried = and_(~rejections.c.held, rejections.c.tried_at >= at, rejections.c.part.in_(parts))
    tx.execute(delete(rejections).where(tried, id_array.in_ids(rejections.c.contact_id, ids)))


def clear(tx: Connection) -> None:
    """Delete what HubSpot rejected, so that it is sent again: `setup` may have fixed the cause."""
    tx.execute(delete(rejections).where(~rejections.c.held))


def release(tx: Connection) -> None:
    """Let the next plan contain everything that is tried again at some time."""
    tx.execute(update(rejections).where(rejections.c.retry_at.is_not(None)).values(retry_at=0))


def next_retry(tx: Connection, *, after: int) -> int | None:
    """Return the first moment at or after a time (milliseconds) until which a rejection holds something back, or None."""
    return tx.execute(select(func.min(rejections.c.retry_at)).where(rejections.c.retry_at >= after)).scalar()


def suspend(tx: Connection, ids: Sequence[int], *, reason: str, at: int) -> None:
    """Stop writes to the properties of contacts, with a reason, until their desired values change."""
    desired = dict(tx.execute(select(verdicts.c.contact_id, verdicts.c.desired).where(id_array.in_ids(verdicts.c.contact_id, ids))).all())
    values = [(id_, PROPERTIES, text, reason, at, True, at, 1, None, 0, None) for id_, text in desired.items()]
    upsert_tuples(tx, rejections, tuple(rejections.c.keys()), values)


def holds_back(table: FromClause, part: str, desired: ColumnElement[str], *, now: int | ColumnElement[int]) -> ColumnElement[bool]:
    """Return the condition that a rejection stops a run that starts at `now` from sending a value to a contact.

    `table` is the table of rejections, or an alias. A rejection that is not final ends when the contact changes in HubSpot.
    """
    waits = and_(table.c.retry_at >= now, table.c.contact_updated_at >= contacts.c.updated_at)
    return and_(applies(table, part, desired), or_(table.c.retry_at.is_(None), waits))


def applies(table: FromClause, part: str, desired: ColumnElement[str]) -> ColumnElement[bool]:
    """Return the condition that a rejection is about the desired value of a contact, whether it is due again or not."""
    return and_(table.c.contact_id == contacts.c.id, table.c.part == part, table.c.desired == desired)


def retry_distance(tries: int, max_distance: int) -> int:
    """Return the time from a try to the next one (milliseconds): none after the first one, then growing."""
    return 0 if tries == 1 else min(FIRST_DISTANCE * 2 ** min(tries - 2, 10), max_distance)
