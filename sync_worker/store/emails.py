"""By which addresses a contact is known, in lower case: its own stands in its row, the further ones of the few who have any in a table."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import ColumnElement, CompoundSelect, Connection, Select, delete, or_, select, union_all

from sync_worker.store.database import replace
from sync_worker.store.id_array import among
from sync_worker.store.schema import addresses, contacts

Emails = Collection[str] | Select[tuple[str]] | Select[tuple[str | None]]


def is_known_by(emails: Emails) -> ColumnElement[bool]:
    """Return the condition that a contact has one of some addresses."""
    further = select(addresses.c.contact_id).where(addresses.c.email.in_(emails))
    named = contacts.alias("named")
    # By id as well, since the condition stands beside others on the id: one question, answered by one index for each.
    own = select(named.c.id).where(named.c.email.in_(emails))
    return or_(contacts.c.id.in_(own), contacts.c.id.in_(further))


def addresses_of(ids: Collection[int], *, but: bool = False) -> CompoundSelect[str]:
    """Return the addresses of some contacts, as a query; of all the others with `but`."""
    own, further = contacts.c.id.in_(ids), addresses.c.contact_id.in_(ids)
    if but:
        own, further = ~own, ~further
    return union_all(
        select(contacts.c.email).where(own, contacts.c.email.is_not(None)),
        select(addresses.c.email).where(further),
    )


def further(tx: Connection, ids: Collection[int]) -> dict[int, set[str]]:
    """Return the further addresses of those of some contacts who have any."""
    found: dict[int, set[str]] = {}
    for contact_id, email in tx.execute(select(addresses.c.contact_id, addresses.c.email).where(among(addresses.c.contact_id, ids))):
        found.setdefault(contact_id, set()).add(email)
    return found


def remember_further(tx: Connection, known: Mapping[int, set[str]], shown: Mapping[int, set[str]]) -> None:
    """Let contacts have the further addresses that were shown, instead of those that were known."""
    changed = {id_ for id_ in known.keys() | shown.keys() if known.get(id_) != shown.get(id_)}
    if before := changed & known.keys():
        tx.execute(delete(addresses).where(among(addresses.c.contact_id, before)))
    replace(tx, addresses, [{"email": email, "contact_id": id_} for id_ in changed for email in shown.get(id_, ())])
