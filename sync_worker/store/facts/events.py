"""The `events` and `forms` tables."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cache
from typing import Final, NamedTuple

from sqlalchemy import Connection, Text, and_, cast, delete, distinct, func, or_, select, union_all, update

from sync_worker.batched import batched
from sync_worker.store.database import Insert, dialect_insert, execute_many, upsert_rows
from sync_worker.store.facts import contacts as contact_store
from sync_worker.store.facts import merges
from sync_worker.store.facts.emails import FormerEmail, has_any_email, load_former_owners, load_owners
from sync_worker.store.id_array import in_ids
from sync_worker.store.schema import contact_emails, contacts, events, forms

EVENTS_PER_STATEMENT: Final = 1_000


class EventRow(NamedTuple):
    """An event. Its contact is named by `contact_id`, which may be a merged-away id, or by `email` in lower case."""

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
    filtered: bool = False  # HubSpot classifies it as the event of a bot


def save(tx: Connection, rows: Sequence[EventRow]) -> int:
    """Save events and mark their contacts as due; return how many were new or differ. An event read twice changes nothing."""
    return sum(len(_save_batch(tx, batch)) for batch in batched(rows, EVENTS_PER_STATEMENT))


def save_late(tx: Connection, rows: Sequence[EventRow]) -> set[int]:
    """Save events of a time that was read before; return the contacts with events that were new or differ.

    Only events of known contacts are saved: the events of a contact that was forgotten must not come back.
    """
    return {contact for batch in batched(rows, EVENTS_PER_STATEMENT) for contact in _save_late_batch(tx, batch)}


def _save_late_batch(tx: Connection, rows: Sequence[EventRow]) -> set[int]:
    assigned = _attribute(tx, rows)
    owners = contact_store.find_owners(
        tx, {row.contact_id for row in assigned if row.contact_id is not None}, {row.email for row in assigned if row.email is not None}
    )
    saved = _save_batch(tx, [row for row in assigned if owners.of(row.contact_id, row.email)])
    return {contact for row in saved for contact in owners.of(row.contact_id, row.email)}


def _attribute(tx: Connection, rows: Sequence[EventRow]) -> list[EventRow]:
    """Return the events with the contacts that they belong to: survivors of merges, and former contacts of an email."""
    survivors = merges.find_survivors(tx, {row.contact_id for row in rows if row.contact_id is not None})
    assigned = [row._replace(contact_id=survivors[row.contact_id]) if row.contact_id in survivors else row for row in rows]
    former = load_former_owners(tx, {row.email for row in rows if row.email is not None and row.contact_id is None})
    return _attribute_former_emails(assigned, former, load_owners(tx, [*former])) if former else assigned


def _attribute_former_emails(
    rows: Sequence[EventRow], former: Mapping[str, Sequence[FormerEmail]], current: Collection[str]
) -> list[EventRow]:
    """Give an event the contact that had its email at that time, or the last one that had it if no contact has it now."""

    def find_owner(row: EventRow) -> FormerEmail | None:
        owners = former.get(row.email or "", ()) if row.contact_id is None else ()
        last = owners[-1] if owners and row.email not in current else None
        return next((owner for owner in owners if row.at <= owner.until), last)

    return [row._replace(contact_id=owner.contact_id) if (owner := find_owner(row)) else row for row in rows]


def _save_batch(tx: Connection, rows: Sequence[EventRow]) -> list[EventRow]:
    """Save events; return those that were new or differ."""
    unique = {(row.kind, row.id): row for row in _attribute(tx, rows)}
    # The kind is the first column of the key: without it, the query would scan all events.
    kinds, ids = {kind for kind, _ in unique}, {id_ for _, id_ in unique}
    query = select(events.c.kind, events.c.id, events.c.filtered).where(events.c.kind.in_(kinds), events.c.id.in_(ids))
    stored = {(kind, id_): filtered for kind, id_, filtered in tx.execute(query)}
    # HubSpot changes only the bot flag of an event later.
    new = [row for key, row in unique.items() if stored.get(key) != row.filtered]
    execute_many(tx, _upsert_statement(tx.dialect.name), EventRow._fields, new)
    if new:
        contact_ids = {row.contact_id for row in new if row.contact_id is not None}
        contact_store.mark_due(tx, contact_ids, {row.email for row in new if row.email is not None})
    return new


@cache
def _upsert_statement(dialect: str) -> Insert:
    statement = dialect_insert(dialect, events)
    return statement.on_conflict_do_update(index_elements=["kind", "id"], set_={"filtered": statement.excluded.filtered})


def delete_by_id(tx: Connection, kind: str, ids: Sequence[str]) -> set[int]:
    """Delete events that HubSpot has replaced; their contacts, which are returned, are due."""
    replaced = and_(events.c.kind == kind, events.c.id.in_(ids))
    deleted = tx.execute(select(events.c.contact_id, events.c.email).where(replaced)).all()
    if not deleted:
        return set()
    tx.execute(delete(events).where(replaced))
    contact_ids = {contact_id for contact_id, _ in deleted if contact_id is not None}
    emails = {email for _, email in deleted if email is not None}
    contact_store.mark_due(tx, contact_ids, emails)
    owners = contact_store.find_owners(tx, contact_ids, emails)
    return {owner for contact_id, email in deleted for owner in owners.of(contact_id, email)}


def count_by_contact(tx: Connection, kind: str, ids: Collection[int]) -> dict[int, int]:
    """Return the numbers of events of some contacts that HubSpot's counters count, without contacts that have none.

    HubSpot counts emails instead of clicks or opens, and no events of bots.
    """
    unit = func.coalesce(events.c.campaign, cast(events.c.sent_at, Text), events.c.id) if kind.startswith("email_") else events.c.id
    # Expressions instead of columns: by the index of the kind or of the contact, SQLite would read all events for each contact.
    genuine, without_id = (func.coalesce(events.c.kind, "") == kind, ~events.c.filtered), func.coalesce(events.c.contact_id, 0) == 0
    parts = [
        select(events.c.contact_id.label("owner"), unit.label("unit")).where(*genuine, in_ids(events.c.contact_id, ids)),
        select(contacts.c.id, unit)
        .join(events, and_(events.c.email == contacts.c.email, without_id))
        .where(*genuine, in_ids(contacts.c.id, ids)),
        select(contact_emails.c.contact_id, unit)
        .join(events, and_(events.c.email == contact_emails.c.email, without_id))
        .where(*genuine, in_ids(contact_emails.c.contact_id, ids)),
    ]
    owned = union_all(*parts).subquery()
    return dict(tx.execute(select(owned.c.owner, func.count(distinct(owned.c.unit))).group_by(owned.c.owner)).all())


def load_first_since(tx: Connection, kind: str, ids: Collection[int], since: int) -> dict[int, int]:
    """Return the time of the first event of a kind at `since` or later (milliseconds) of those contacts that have one."""
    # The expression instead of the column, as in `count_by_contact`.
    recent = (func.coalesce(events.c.kind, "") == kind, events.c.at >= since)
    by_email = select(contacts.c.id, events.c.at).join(events, events.c.email == contacts.c.email)
    parts = [
        select(events.c.contact_id.label("owner"), events.c.at.label("at")).where(*recent, in_ids(events.c.contact_id, ids)),
        by_email.where(*recent, in_ids(contacts.c.id, ids)),
    ]
    owned = union_all(*parts).subquery()
    return dict(tx.execute(select(owned.c.owner, func.min(owned.c.at)).group_by(owned.c.owner)).all())


def exists(tx: Connection, kind: str) -> bool:
    """Return whether the state has an event of a kind."""
    return tx.execute(select(events.c.id).where(events.c.kind == kind).limit(1)).first() is not None


def count(tx: Connection, kind: str) -> int:
    """Return the number of events of a kind."""
    return tx.execute(select(func.count()).select_from(events).where(events.c.kind == kind)).scalar_one()


def delete_except(tx: Connection, kind: str, campaign: str, keep_ids: Collection[str]) -> None:
    """Delete the events of a campaign except the ids that HubSpot still returns."""
    stored = tx.execute(select(events.c.id).where(events.c.kind == kind, events.c.campaign == campaign)).scalars()
    obsolete = sorted(set(stored).difference(keep_ids))
    for start in range(0, len(obsolete), EVENTS_PER_STATEMENT):
        delete_by_id(tx, kind, obsolete[start : start + EVENTS_PER_STATEMENT])


def delete_before(tx: Connection, kind: str, at: int) -> None:
    """Delete the events of a kind before an instant (milliseconds); their contacts are due."""
    old = and_(events.c.kind == kind, events.c.at < at)
    affected = or_(contacts.c.id.in_(select(events.c.contact_id).where(old)), has_any_email(select(events.c.email).where(old)))
    tx.execute(update(contacts).where(affected).values(revision=contacts.c.revision + 1))
    tx.execute(delete(events).where(old))


def save_forms(tx: Connection, names: Mapping[str, str]) -> None:
    """Create or update forms: names by id. The model's rules use the names."""
    stored = dict(tx.execute(select(forms.c.id, forms.c.name)).all())
    upsert_rows(tx, forms, [{"id": id_, "name": name} for id_, name in names.items() if stored.get(id_) != name])
