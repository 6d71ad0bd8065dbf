"""By which addresses a contact is known, in lower case: its own stands in its row, the further ones of the few who have any in a table."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import ColumnElement, CompoundSelect, Connection, Select, delete, or_, select, union_all

from sync_worker.store.database import upsert_rows
from sync_worker.store.id_array import in_ids
from sync_worker.store.schema import contact_emails, contacts

EmailSelection = Collection[str] | Select[tuple[str]] | Select[tuple[str | None]]


def has_any_email(emails: EmailSelection) -> ColumnElement[bool]:
    """Return the condition that a contact has one of some addresses."""
    further = select(contact_emails.c.contact_id).where(contact_emails.c.email.in_(emails))
    named = contacts.alias("named")
    # By id as well, since the condition stands beside others on the id: one question, answered by one index for each.
    own = select(named.c.id).where(named.c.email.in_(emails))
    return or_(contacts.c.id.in_(own), contacts.c.id.in_(further))


def select_emails(ids: Collection[int], *, exclude: bool = False) -> CompoundSelect[str]:
    """Return the addresses of some contacts, as a query; of all the others with `but`."""
    own, further = contacts.c.id.in_(ids), contact_emails.c.contact_id.in_(ids)
    if exclude:
        own, further = ~own, ~further
    return union_all(
        select(contacts.c.email).where(own, contacts.c.email.is_not(None)),
        select(contact_emails.c.email).where(further),
    )


def load_additional_emails(tx: Connection, ids: Collection[int]) -> dict[int, set[str]]:
    """Return the further addresses of those of some contacts who have any."""
    found: dict[int, set[str]] = {}
    for contact_id, email in tx.execute(
        select(contact_emails.c.contact_id, contact_emails.c.email).where(in_ids(contact_emails.c.contact_id, ids))
    ):
        found.setdefault(contact_id, set()).add(email)
    return found


def save_additional_emails(tx: Connection, stored: Mapping[int, set[str]], observed: Mapping[int, set[str]]) -> None:
    """Let contacts have the further addresses that were shown, instead of those that were known."""
    changed = {id_ for id_ in stored.keys() | observed.keys() if stored.get(id_) != observed.get(id_)}
    if before := changed & stored.keys():
        tx.execute(delete(contact_emails).where(in_ids(contact_emails.c.contact_id, before)))
    upsert_rows(tx, contact_emails, [{"email": email, "contact_id": id_} for id_ in changed for email in observed.get(id_, ())])
