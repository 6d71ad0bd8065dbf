"""Contacts and companies as HubSpot last showed them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cache
from typing import Final, NamedTuple

import msgspec
from sqlalchemy import ColumnElement, Connection, case, false, func, literal_column, or_, select, update

from sync_worker.store import memberships
from sync_worker.store.database import Insert, dialect_insert, execute_many, upsert_tuples
from sync_worker.store.emails import has_any_email, load_additional_emails, save_additional_emails
from sync_worker.store.id_array import in_ids
from sync_worker.store.schema import companies, contacts, events

#: In the order of the rows that are written.
_CONTACT_COLUMNS: Final = ("id", "email", "company_id", "updated_at", "facts", "shown", "stage", "sweep")


class ContactRow(msgspec.Struct, frozen=True, gc=False):  # made by the hundred thousand: quicker than a dataclass
    """A contact to be remembered. `facts` and `shown` are canonical JSON texts; `email` and `further` addresses are in lower case."""

    id: int
    email: str | None
    company_id: int | None
    updated_at: int
    facts: str
    observed: str
    stage: str | None
    additional_emails: tuple[str, ...] = ()
    merged_ids: tuple[int, ...] = ()  # ids of contacts that went into this one


class CompanyRow(NamedTuple):
    """A company. `facts` is canonical JSON text."""

    id: int
    updated_at: int
    facts: str


def save(tx: Connection, contact_rows: Sequence[ContactRow], *, scan_id: int = 0) -> None:
    """Remember contacts as they were shown; an older showing never replaces a newer one.

    HubSpot's search index lags behind: it may show a contact as it was before our own last write.
    The revision is raised where facts, company or addresses differ, and nowhere else.
    """
    newcomers = find_new_ids(tx, [person.id for person in contact_rows if person.additional_emails])
    if _write_rows(tx, contact_rows, scan_id) < len(contact_rows):
        # Whom we know by a newer showing was seen all the same.
        seen = in_ids(contacts.c.id, [person.id for person in contact_rows])
        tx.execute(update(contacts).where(seen, contacts.c.sweep < scan_id).values(sweep=scan_id))
    if readdressed := _save_additional_emails(tx, contact_rows) - newcomers:
        mark_due(tx, readdressed, ())
    for person in contact_rows:
        if person.merged_ids:
            _merge(tx, person)


def find_new_ids(tx: Connection, ids: Collection[int]) -> set[int]:
    """Return those of some contacts that are not remembered."""
    return {*ids}.difference(tx.execute(select(contacts.c.id).where(in_ids(contacts.c.id, ids))).scalars() if ids else ())


def save_companies(tx: Connection, rows: Sequence[CompanyRow]) -> None:
    """Remember companies {id, updated_at, facts}, and that their contacts are to be judged anew where facts differ."""
    if not rows:
        return
    known = dict(tx.execute(select(companies.c.id, companies.c.facts).where(in_ids(companies.c.id, [row.id for row in rows]))).all())
    changed = [row.id for row in rows if known.get(row.id) != row.facts]
    upsert_tuples(tx, companies, CompanyRow._fields, rows)
    if changed:
        tx.execute(update(contacts).where(in_ids(contacts.c.company_id, changed)).values(revision=contacts.c.revision + 1))


def mark_due(tx: Connection, ids: Collection[int], emails: Collection[str]) -> None:
    """Let the contacts with these ids or addresses be judged anew."""
    theirs = or_(in_ids(contacts.c.id, ids), has_any_email(emails))
    tx.execute(update(contacts).where(theirs).values(revision=contacts.c.revision + 1))


def unseen_ids(tx: Connection, *, scan_id: int) -> list[int]:
    """Return the contacts that a complete read did not see, in order of id."""
    query = select(contacts.c.id).where(contacts.c.sweep < scan_id, ~contacts.c.gone).order_by(contacts.c.id)
    return list(tx.execute(query).scalars())


def mark_unseen_deleted(tx: Connection, *, scan_id: int) -> int:
    """Mark the contacts that a complete read did not see as gone; return how many."""
    unseen = update(contacts).where(contacts.c.sweep < scan_id, ~contacts.c.gone).values(gone=True, revision=contacts.c.revision + 1)
    return tx.execute(unseen).rowcount


def mark_deleted(tx: Connection, ids: Collection[int]) -> None:
    """Mark contacts as deleted or merged away."""
    if ids:
        tx.execute(update(contacts).where(in_ids(contacts.c.id, ids), ~contacts.c.gone).values(gone=True, revision=contacts.c.revision + 1))


def count(tx: Connection) -> int:
    """Return how many contacts the portal has, as far as we know."""
    return tx.execute(select(func.count()).select_from(contacts).where(~contacts.c.gone)).scalar_one()


def count_changed(tx: Connection, since: int, until: int) -> int:
    """Return how many contacts were changed last at `since` or later and before `until` (milliseconds), as far as we know."""
    changed = (contacts.c.updated_at >= since, contacts.c.updated_at < until)
    return tx.execute(select(func.count()).select_from(contacts).where(*changed, ~contacts.c.gone)).scalar_one()


def exceeds_changed(tx: Connection, limit: int, since: int) -> bool:
    """Tell whether more contacts than this number were changed last at `since` (milliseconds) or later, as far as we know."""
    query = select(contacts.c.id).where(contacts.c.updated_at >= since, ~contacts.c.gone)
    return tx.execute(query.limit(1).offset(limit)).first() is not None


def load_emails(tx: Connection, ids: Collection[int]) -> dict[int, str]:
    """Return the addresses of contacts by id; who has none is left out."""
    query = select(contacts.c.id, contacts.c.email).where(in_ids(contacts.c.id, ids), contacts.c.email.is_not(None))
    return {id_: email for id_, email in tx.execute(query) if email}


def find_id(tx: Connection, email_or_id: str) -> int | None:
    """Return the id of a contact named by id or by any of its addresses."""
    if email_or_id.isdecimal():
        return tx.execute(select(contacts.c.id).where(contacts.c.id == int(email_or_id))).scalar()
    named = select(contacts.c.id).where(has_any_email([email_or_id.strip().lower()]))
    # An address outlives the contact that it was merged away with: who is still there goes first.
    return tx.execute(named.order_by(contacts.c.gone, contacts.c.id).limit(1)).scalar()


def _write_rows(tx: Connection, contact_rows: Sequence[ContactRow], scan_id: int) -> int:
    """Return how many rows were new or changed."""
    rows = [
        (person.id, person.email, person.company_id, person.updated_at, person.facts, person.observed, person.stage, scan_id)
        for person in contact_rows
    ]
    return execute_many(tx, _upsert_statement(tx.dialect.name), _CONTACT_COLUMNS, rows)


@cache
def _upsert_statement(dialect: str) -> Insert:
    # What is the same for all stands in the text: each parameter is looked at for each row, a truth value for several times as long.
    one: ColumnElement[int] = literal_column("1")
    statement = dialect_insert(dialect, contacts).values(revision=one, gone=false())
    new, old = statement.excluded, contacts.c
    differs = or_(
        new.facts != old.facts,
        new.company_id.is_distinct_from(old.company_id),
        new.email.is_distinct_from(old.email),
        old.gone,
    )
    shown = {name: new[name] for name in (*_CONTACT_COLUMNS, "gone") if name not in ("id", "sweep")}
    revised = {
        "revision": case((differs, old.revision + one), else_=old.revision),
        "sweep": case((new.sweep > old.sweep, new.sweep), else_=old.sweep),
    }
    return statement.on_conflict_do_update(index_elements=["id"], set_=shown | revised, where=new.updated_at >= old.updated_at)


def _save_additional_emails(tx: Connection, contact_rows: Sequence[ContactRow]) -> set[int]:
    """Return the ids of those who have other further addresses than before."""
    before = load_additional_emails(tx, [person.id for person in contact_rows])
    shown = {person.id: person for person in contact_rows if person.additional_emails or person.id in before}
    if not shown:  # hardly anybody has any
        return set()
    query = select(contacts.c.id, contacts.c.updated_at).where(in_ids(contacts.c.id, shown))
    after = {id_: {*shown[id_].additional_emails} for id_, updated_at in tx.execute(query) if shown[id_].updated_at >= updated_at}
    before = {id_: known for id_, known in before.items() if id_ in after}
    save_additional_emails(tx, before, after)
    return {id_ for id_, addresses in after.items() if addresses != before.get(id_, set())}


def _merge(tx: Connection, survivor: ContactRow) -> None:
    merged = [id_ for id_ in survivor.merged_ids if id_ != survivor.id]
    moved = tx.execute(update(events).where(events.c.contact_id.in_(merged)).values(contact_id=survivor.id)).rowcount
    memberships.merge(tx, merged, survivor.id)
    mark_deleted(tx, merged)
    if moved:
        mark_due(tx, [survivor.id], [])
