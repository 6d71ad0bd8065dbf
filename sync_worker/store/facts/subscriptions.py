"""The `subscriptions` table: the email subscription types that contacts have opted in to, and those that they have unsubscribed from."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, select

from sync_worker.store.database import upsert_tuples
from sync_worker.store.facts import contacts as contact_store
from sync_worker.store.facts.contacts import ContactRow
from sync_worker.store.id_array import in_ids
from sync_worker.store.schema import contacts, subscriptions


class SubscriptionRow(NamedTuple):
    """The subscriptions of a contact's address: lists such as `;Newsletter;Product news;`, or `;` for none; None: not known."""

    contact_id: int
    email: str | None
    subscribed_to: str | None = None
    unsubscribed_from: str | None = None


def save(tx: Connection, rows: Sequence[SubscriptionRow]) -> None:
    """Save subscriptions; contacts in the state whose subscriptions differ are due.

    A row without statuses leaves those of the same address unchanged: "could not be read" must not look like "unsubscribed".
    """
    stored = _load(tx, [row.contact_id for row in rows])
    new = [row for row in rows if _replaces(row, stored.get(row.contact_id))]
    if new:
        upsert_tuples(tx, subscriptions, SubscriptionRow._fields, new)
        contact_store.mark_due(tx, [row.contact_id for row in new], ())


def find_current_ids(tx: Connection, rows: Sequence[ContactRow]) -> set[int]:
    """Return the contacts whose subscriptions have been read, and that have not changed since."""
    query = select(contacts.c.id, contacts.c.updated_at, subscriptions.c.email)
    query = query.join(subscriptions, subscriptions.c.contact_id == contacts.c.id).where(in_ids(contacts.c.id, [row.id for row in rows]))
    known = {id_: (updated_at, email) for id_, updated_at, email in tx.execute(query)}
    return {row.id for row in rows if row.id in known and known[row.id][0] >= row.updated_at and known[row.id][1] == row.email}


def _load(tx: Connection, ids: Collection[int]) -> dict[int, SubscriptionRow]:
    query = select(*(subscriptions.c[name] for name in SubscriptionRow._fields)).where(in_ids(subscriptions.c.contact_id, ids))
    return {row.contact_id: SubscriptionRow(*row) for row in tx.execute(query)}


def _replaces(row: SubscriptionRow, stored: SubscriptionRow | None) -> bool:
    return row != stored and not (stored and stored.email == row.email and row.subscribed_to is None)
