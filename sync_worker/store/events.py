"""Events as they were recorded, and the forms that some of them name."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cache
from typing import Final, NamedTuple

from sqlalchemy import Connection, and_, delete, or_, select, update

from sync_worker.store import contacts as contact_store
from sync_worker.store.database import Insert, dialect_insert, execute_many, upsert_rows
from sync_worker.store.emails import has_any_email
from sync_worker.store.schema import contacts, events, forms

EVENTS_PER_STATEMENT: Final = 1_000  # events in one statement


class EventRow(NamedTuple):
    """An event. Its contact is named by `contact_id`, or by `email` in lower case."""

    kind: str
    id: str
    at: int
    contact_id: int | None = None
    email: str | None = None
    url: str | None = None
    form_id: str | None = None
    campaign: str | None = None
    name: str | None = None
    user_agent: str | None = None
    sent_at: int | None = None
    filtered: bool = False  # HubSpot takes it for the event of a bot


def save(tx: Connection, rows: Sequence[EventRow]) -> int:
    """Remember events, each once; return how many were new or differ.

    Their contacts are to be judged anew. An event read twice changes nothing.
    """
    return sum(_save_batch(tx, rows[start : start + EVENTS_PER_STATEMENT]) for start in range(0, len(rows), EVENTS_PER_STATEMENT))


def _save_batch(tx: Connection, rows: Sequence[EventRow]) -> int:
    unique = {(row.kind, row.id): row for row in rows}
    # By kind as well, though an id says enough: the key begins with it, and without it every event there is would be looked at.
    kinds, ids = {kind for kind, _ in unique}, {id_ for _, id_ in unique}
    query = select(events.c.kind, events.c.id, events.c.filtered).where(events.c.kind.in_(kinds), events.c.id.in_(ids))
    known = {(kind, id_): filtered for kind, id_, filtered in tx.execute(query)}
    # What HubSpot changes of an event afterwards is its own mark for machines.
    news = [row for key, row in unique.items() if known.get(key) != row.filtered]
    execute_many(tx, _upsert_statement(tx.dialect.name), EventRow._fields, news)
    if news:
        contact_ids = {row.contact_id for row in news if row.contact_id is not None}
        contact_store.mark_due(tx, contact_ids, {row.email for row in news if row.email is not None})
    return len(news)


@cache
def _upsert_statement(dialect: str) -> Insert:
    statement = dialect_insert(dialect, events)
    return statement.on_conflict_do_update(index_elements=["kind", "id"], set_={"filtered": statement.excluded.filtered})


def delete_by_id(tx: Connection, kind: str, ids: Sequence[str]) -> None:
    """Forget events that HubSpot has replaced by others."""
    gone = tx.execute(
        delete(events).where(events.c.kind == kind, events.c.id.in_(ids)).returning(events.c.contact_id, events.c.email)
    ).all()
    if gone:
        contact_store.mark_due(tx, {id_ for id_, _ in gone if id_ is not None}, {email for _, email in gone if email is not None})


def delete_except(tx: Connection, kind: str, campaign: str, keep_ids: Collection[str]) -> None:
    """Forget the events of a campaign that HubSpot does not tell of any more: all but the `kept` ids."""
    known = tx.execute(select(events.c.id).where(events.c.kind == kind, events.c.campaign == campaign)).scalars()
    gone = sorted(set(known).difference(keep_ids))
    for start in range(0, len(gone), EVENTS_PER_STATEMENT):
        delete_by_id(tx, kind, gone[start : start + EVENTS_PER_STATEMENT])


def delete_before(tx: Connection, kind: str, at: int) -> None:
    """Forget the events of a kind that happened before an instant (milliseconds); whose they were is to be judged anew."""
    old = and_(events.c.kind == kind, events.c.at < at)
    theirs = or_(contacts.c.id.in_(select(events.c.contact_id).where(old)), has_any_email(select(events.c.email).where(old)))
    tx.execute(update(contacts).where(theirs).values(revision=contacts.c.revision + 1))
    tx.execute(delete(events).where(old))


def save_forms(tx: Connection, names: Mapping[str, str]) -> None:
    """Remember forms, by id, with the names that the model's rules may use."""
    known = dict(tx.execute(select(forms.c.id, forms.c.name)).all())
    upsert_rows(tx, forms, [{"id": id_, "name": name} for id_, name in names.items() if known.get(id_) != name])
