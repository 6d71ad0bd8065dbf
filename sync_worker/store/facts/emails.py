"""Emails of contacts, in lower case: the primary one in `contacts`, additional ones in `addresses`, former ones in `former_addresses`.

Events with an email and no contact id belong to the contacts that have the email now. When a contact no longer has it, the events until
then keep that contact's id; they do not belong to a contact that gets the email later.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

from sqlalchemy import ColumnElement, CompoundSelect, Connection, Select, and_, delete, or_, select, union_all, update

from sync_worker.store.database import upsert_rows
from sync_worker.store.id_array import in_ids
from sync_worker.store.schema import contact_emails, contacts, events, former_emails

EmailSelection = Collection[str] | Select[tuple[str]] | Select[tuple[str | None]]


class FormerEmail(NamedTuple):
    """An email that a contact had until an instant (milliseconds)."""

    email: str
    contact_id: int
    until: int


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


def find_sharing_contacts(tx: Connection, contact_id: int) -> list[int]:
    """Return the other contacts, without deleted ones, that have an email of this contact."""
    own = tx.execute(select_emails([contact_id])).scalars().all()
    query = select(contacts.c.id).where(has_any_email(own), ~contacts.c.gone, contacts.c.id != contact_id)
    return list(tx.execute(query.order_by(contacts.c.id)).scalars())


def load_emails(tx: Connection, ids: Collection[int]) -> set[str]:
    """Return all emails of some contacts, former ones too."""
    primary = select(contacts.c.email).where(in_ids(contacts.c.id, ids), contacts.c.email.is_not(None))
    additional = select(contact_emails.c.email).where(in_ids(contact_emails.c.contact_id, ids))
    former = select(former_emails.c.email).where(in_ids(former_emails.c.contact_id, ids))
    return {email for email in tx.execute(union_all(primary, additional, former)).scalars() if email}


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


def save_former_emails(tx: Connection, former: Collection[FormerEmail]) -> set[str]:
    """Save emails that contacts no longer have; their events keep these contacts. Return the emails that have such events."""
    found: set[str] = set()
    upsert_rows(tx, former_emails, [row._asdict() for row in former])
    taken = _find_taken(tx, {row.email for row in former})
    for row in former:
        of_email = and_(events.c.email == row.email, events.c.contact_id.is_(None))
        # Later events belong to the contact that has the email now, if there is one.
        until = of_email if row.email not in taken else and_(of_email, events.c.at <= row.until)
        if tx.execute(update(events).where(until).values(contact_id=row.contact_id)).rowcount:
            found.add(row.email)
    return found


def _find_taken(tx: Connection, emails: Collection[str]) -> set[str]:
    """Return the emails that a contact has now, without those of deleted contacts only."""
    owners = load_owners(tx, emails)
    found = select(contacts.c.id).where(in_ids(contacts.c.id, set().union(*owners.values())), ~contacts.c.gone)
    present = set(tx.execute(found).scalars())
    return {email for email, ids in owners.items() if ids & present}


def load_former_owners(tx: Connection, emails: Collection[str]) -> dict[str, list[FormerEmail]]:
    """Return the former contacts of emails by email, the earliest first. If no contact has the email now, the last one is its contact."""
    owners: dict[str, list[FormerEmail]] = {}
    if not emails:
        return owners
    columns = (former_emails.c.email, former_emails.c.contact_id, former_emails.c.until)
    for row in tx.execute(select(*columns).where(former_emails.c.email.in_(emails)).order_by(former_emails.c.until)):
        owners.setdefault(row.email, []).append(FormerEmail(*row))
    return owners


def move_former_emails(tx: Connection, merged: Collection[int], survivor: int) -> None:
    """Give a contact the former emails of the contacts that were merged into it."""
    columns = (former_emails.c.email, former_emails.c.until)
    moved = tx.execute(select(*columns).where(former_emails.c.contact_id.in_(merged)).order_by(former_emails.c.until)).all()
    tx.execute(delete(former_emails).where(former_emails.c.contact_id.in_(merged)))
    upsert_rows(tx, former_emails, [{"email": email, "contact_id": survivor, "until": until} for email, until in moved])
