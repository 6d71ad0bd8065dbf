"""Emails of contacts, in lower case: the primary one in `contacts`, additional ones in `addresses`."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import ColumnElement, CompoundSelect, Connection, Select, delete, or_, select, union_all

from sync_worker.store.database import upsert_rows
from sync_worker.store.id_array import in_ids
from sync_worker.store.schema import contact_emails, contacts

EmailSelection = Collection[str] | Select[tuple[str]] | Select[tuple[str | None]]


def has_any_email(emails: EmailSelection) -> ColumnElement[bool]:
    """Return the condition that a contact has one of the emails."""
    additional = select(contact_emails.c.contact_id).where(contact_emails.c.email.in_(emails))
    named = contacts.alias("named")
    # A subquery by id, like the other conditions on a contact, so that SQLite uses an index for each of them.
    primary = select(named.c.id).where(named.c.email.in_(emails))
    return or_(contacts.c.id.in_(primary), contacts.c.id.in_(additional))


def select_emails(ids: Collection[int], *, exclude: bool = False) -> CompoundSelect[str]:
    """Return a query for the emails of the contacts; with `exclude`, of all other contacts."""
    primary, additional = contacts.c.id.in_(ids), contact_emails.c.contact_id.in_(ids)
    if exclude:
        primary, additional = ~primary, ~additional
    return union_all(
        select(contacts.c.email).where(primary, contacts.c.email.is_not(None)),
        select(contact_emails.c.email).where(additional),
    )


def load_owners(tx: Connection, emails: Collection[str]) -> dict[str, set[int]]:
    """Return the contacts by email, without the emails that no contact has."""
    primary = select(contacts.c.email, contacts.c.id).where(contacts.c.email.in_(emails))
    owners: dict[str, set[int]] = {}
    for email, contact_id in tx.execute(
        union_all(primary, select(contact_emails.c.email, contact_emails.c.contact_id).where(contact_emails.c.email.in_(emails)))
    ):
        owners.setdefault(email, set()).add(contact_id)
    return owners


def load_additional_emails(tx: Connection, ids: Collection[int]) -> dict[int, set[str]]:
    """Return the additional emails by contact, without the contacts that have none."""
    emails: dict[int, set[str]] = {}
    for contact_id, email in tx.execute(
        select(contact_emails.c.contact_id, contact_emails.c.email).where(in_ids(contact_emails.c.contact_id, ids))
    ):
        emails.setdefault(contact_id, set()).add(email)
    return emails


def save_additional_emails(tx: Connection, stored: Mapping[int, set[str]], observed: Mapping[int, set[str]]) -> None:
    """Replace the stored additional emails of contacts by the observed ones."""
    changed = {id_ for id_ in stored.keys() | observed.keys() if stored.get(id_) != observed.get(id_)}
    if before := changed & stored.keys():
        tx.execute(delete(contact_emails).where(in_ids(contact_emails.c.contact_id, before)))
    upsert_rows(tx, contact_emails, [{"email": email, "contact_id": id_} for id_ in changed for email in observed.get(id_, ())])
