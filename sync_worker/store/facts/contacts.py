"""The `contacts` and `companies` tables: records as HubSpot last returned them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final, NamedTuple

import msgspec
import orjson
from sqlalchemy import ColumnElement, Connection, and_, case, delete, false, func, literal_column, or_, select, update

from sync_worker.store.database import Insert, dialect_insert, execute_many, upsert_tuples
from sync_worker.store.facts import feedback, merges
from sync_worker.store.facts.emails import (
    FormerEmail,
    has_any_email,
    load_additional_emails,
    load_former_owners,
    load_owners,
    move_former_emails,
    save_additional_emails,
    save_former_emails,
)
from sync_worker.store.id_array import in_ids
from sync_worker.store.schema import companies, contacts, events
from sync_worker.store.writes import hand_offs, memberships, mql_starts

_MAX_ID_DIGITS: Final = 18  # of the numbers that the database can hold
_MAX_COUNTER: Final = 2**53  # a larger total is a mistake of the sender, and no number of the database
#: In the order of the tuples that `_write_rows` writes.
_CONTACT_COLUMNS: Final = ("id", "email", "company_id", "updated_at", "facts", "shown", "stage", "sweep")


class ContactRow(msgspec.Struct, frozen=True, gc=False):  # faster than a dataclass; a full scan creates hundreds of thousands
    """A contact. `facts` and `observed` are canonical JSON texts; emails are in lower case; `updated_at` is in milliseconds."""

    id: int
    email: str | None
    company_id: int | None
    updated_at: int
    facts: str
    observed: str
    stage: str | None
    additional_emails: tuple[str, ...] = ()
    merged_ids: tuple[int, ...] = ()  # contacts that were merged into this one


class CompanyRow(NamedTuple):
    """A company. `facts` is canonical JSON text."""

    id: int
    updated_at: int
    facts: str


def save(tx: Connection, contact_rows: Sequence[ContactRow], *, scan_id: int = 0) -> None:
    """Create or update contacts; an older record never replaces a newer one.

    HubSpot's search index lags: it may return a contact as it was before our own last write. The revision rises only if facts, company or
    emails differ. `scan_id` is the number of the full scan.
    """
    new_ids = find_new_ids(tx, [row.id for row in contact_rows if row.additional_emails])
    additional = load_additional_emails(tx, [row.id for row in contact_rows])
    former = list(_find_former_emails(tx, contact_rows, additional))
    if _write_rows(tx, contact_rows, scan_id) < len(contact_rows):
        mark_seen(tx, [row.id for row in contact_rows], scan_id=scan_id)  # also the contacts whose stored record is newer, or the same
    if changed := _save_additional_emails(tx, contact_rows, additional) - new_ids:
        mark_due(tx, changed, ())
    if former:
        mark_due(tx, (), save_former_emails(tx, former))
    for row in contact_rows:
        if row.merged_ids:
            _merge(tx, row)


def find_new_ids(tx: Connection, ids: Collection[int]) -> set[int]:
    """Return the ids that are not in the state."""
    return {*ids}.difference(tx.execute(select(contacts.c.id).where(in_ids(contacts.c.id, ids))).scalars() if ids else ())


def save_companies(tx: Connection, rows: Sequence[CompanyRow], *, read_at: int = 0) -> None:
    """Create or update companies; contacts of a company whose facts differ are due. `read_at` is the start of the run (milliseconds)."""
    if not rows:
        return
    stored = dict(tx.execute(select(companies.c.id, companies.c.facts).where(in_ids(companies.c.id, [row.id for row in rows]))).all())
    changed = [row.id for row in rows if stored.get(row.id) != row.facts]
    upsert_tuples(tx, companies, (*CompanyRow._fields, "read_at"), [(*row, read_at) for row in rows])
    _mark_company_due(tx, changed)


def load_companies(tx: Connection) -> list[tuple[int, str]]:
    """Return (id, facts) of all companies; the facts are canonical JSON text."""
    return [(id_, facts) for id_, facts in tx.execute(select(companies.c.id, companies.c.facts).order_by(companies.c.id))]


def unread_companies(tx: Connection, since: int) -> list[int]:
    """Return the companies that no run since then (milliseconds) has read, in order of id."""
    return list(tx.execute(select(companies.c.id).where(companies.c.read_at < since).order_by(companies.c.id)).scalars())


def load_company_ids(tx: Connection, ids: Collection[int]) -> list[int]:
    """Return the companies of some contacts, in order of id."""
    query = select(contacts.c.company_id).where(in_ids(contacts.c.id, ids), contacts.c.company_id.is_not(None)).distinct()
    return sorted(id_ for id_ in tx.execute(query).scalars() if id_ is not None)


def delete_companies(tx: Connection, ids: Collection[int]) -> None:
    """Delete companies; their contacts are due."""
    if ids:
        tx.execute(delete(companies).where(in_ids(companies.c.id, ids)))
        _mark_company_due(tx, ids)


def _mark_company_due(tx: Connection, ids: Collection[int]) -> None:
    if ids:
        tx.execute(update(contacts).where(in_ids(contacts.c.company_id, ids)).values(revision=contacts.c.revision + 1))


def mark_due(tx: Connection, ids: Collection[int], emails: Collection[str]) -> None:
    """Mark the contacts with these ids or emails as due for evaluation."""
    # The owners are found first: PostgreSQL would scan all contacts for a condition on ids or emails.
    due = {*ids}.union(*load_owners(tx, emails).values()) if emails else {*ids}
    tx.execute(update(contacts).where(in_ids(contacts.c.id, due)).values(revision=contacts.c.revision + 1))


def mark_seen(tx: Connection, ids: Collection[int], *, scan_id: int) -> None:
    """Record that a full scan has seen contacts, so that they do not count as deleted."""
    tx.execute(update(contacts).where(in_ids(contacts.c.id, ids), contacts.c.sweep < scan_id).values(sweep=scan_id))


def unseen_ids(tx: Connection, *, scan_id: int) -> list[int]:
    """Return the contacts that a full scan has not seen, in order of id."""
    query = select(contacts.c.id).where(contacts.c.sweep < scan_id, ~contacts.c.gone).order_by(contacts.c.id)
    return list(tx.execute(query).scalars())


def mark_unseen_deleted(tx: Connection, *, scan_id: int) -> int:
    """Mark the contacts that a full scan has not seen as deleted; return their number."""
    unseen = update(contacts).where(contacts.c.sweep < scan_id, ~contacts.c.gone).values(gone=True, revision=contacts.c.revision + 1)
    return tx.execute(unseen).rowcount


def mark_deleted(tx: Connection, ids: Collection[int]) -> None:
    """Mark contacts as deleted or merged away."""
    if ids:
        tx.execute(update(contacts).where(in_ids(contacts.c.id, ids), ~contacts.c.gone).values(gone=True, revision=contacts.c.revision + 1))


def count(tx: Connection) -> int:
    """Return how many contacts the state has, without the deleted ones."""
    return tx.execute(select(func.count()).select_from(contacts).where(~contacts.c.gone)).scalar_one()


def find_id_range(tx: Connection) -> tuple[int, int]:
    """Return the half-open range of the ids of all contacts, without the deleted ones; empty without contacts."""
    low, high = tx.execute(select(func.min(contacts.c.id), func.max(contacts.c.id)).where(~contacts.c.gone)).one()
    return (0, 0) if low is None else (low, high + 1)


def load_ids(tx: Connection, ids: tuple[int, int]) -> set[int]:
    """Return the contacts of a half-open range of ids, without the deleted ones."""
    in_range = and_(contacts.c.id >= ids[0], contacts.c.id < ids[1], ~contacts.c.gone)
    return set(tx.execute(select(contacts.c.id).where(in_range)).scalars())


def count_seen(tx: Connection, ids: tuple[int, int], *, scan_id: int = 0) -> int:
    """Return how many contacts of a half-open range of ids are not deleted; with `scan_id`, how many of them a full scan has seen."""
    in_range = and_(contacts.c.id >= ids[0], contacts.c.id < ids[1], contacts.c.sweep >= scan_id, ~contacts.c.gone)
    return tx.execute(select(func.count()).select_from(contacts).where(in_range)).scalar_one()


def count_companies_read(tx: Connection, ids: tuple[int, int], *, since: int) -> int:
    """Return how many companies of a half-open range of ids were read at this time (milliseconds) or later."""
    in_range = and_(companies.c.id >= ids[0], companies.c.id < ids[1], companies.c.read_at >= since)
    return tx.execute(select(func.count()).select_from(companies).where(in_range)).scalar_one()


def count_changed(tx: Connection, since: int, until: int) -> int:
    """Return how many contacts changed last at `since` or later and before `until` (milliseconds)."""
    changed = (contacts.c.updated_at >= since, contacts.c.updated_at < until)
    return tx.execute(select(func.count()).select_from(contacts).where(*changed, ~contacts.c.gone)).scalar_one()


def load_changed_ids(tx: Connection, since: int, until: int) -> set[int]:
    """Return the contacts that changed last at `since` or later and before `until` (milliseconds)."""
    changed = (contacts.c.updated_at >= since, contacts.c.updated_at < until)
    return set(tx.execute(select(contacts.c.id).where(*changed, ~contacts.c.gone)).scalars())


def exceeds_changed(tx: Connection, limit: int, since: int) -> bool:
    """Return whether more than `limit` contacts changed last at `since` (milliseconds) or later."""
    query = select(contacts.c.id).where(contacts.c.updated_at >= since, ~contacts.c.gone)
    return tx.execute(query.limit(1).offset(limit)).first() is not None


def load_emails(tx: Connection, ids: Collection[int]) -> dict[int, str]:
    """Return the primary emails of contacts by id, without the contacts that have no email."""
    query = select(contacts.c.id, contacts.c.email).where(in_ids(contacts.c.id, ids), contacts.c.email.is_not(None))
    return {id_: email for id_, email in tx.execute(query) if email}


@dataclass(frozen=True, slots=True, kw_only=True)
class Owners:
    """The contacts, by id and by email, that events name."""

    ids: frozenset[int]
    by_email: Mapping[str, Collection[int]]

    def of(self, contact_id: int | None, email: str | None) -> Collection[int]:
        """Return the contacts with this id, or without an id, with this email."""
        if contact_id is not None:
            return [contact_id] if contact_id in self.ids else []
        return self.by_email.get(email or "", ())


def find_owners(tx: Connection, ids: Collection[int], emails: Collection[str]) -> Owners:
    """Return the contacts in the state, deleted or not, that have these ids or emails."""
    known = tx.execute(select(contacts.c.id).where(in_ids(contacts.c.id, ids))).scalars() if ids else ()
    return Owners(ids=frozenset(known), by_email=load_owners(tx, emails) if emails else {})


def load_counter(tx: Connection, name: str, *, after: int, limit: int) -> dict[int, int | None]:
    """Return one of HubSpot's counters by contact, of the next contacts in order of id; None: not a number."""
    query = select(contacts.c.id, contacts.c.facts).where(contacts.c.id > after, ~contacts.c.gone).order_by(contacts.c.id).limit(limit)
    return {id_: parse_counter(orjson.loads(facts).get(name)) for id_, facts in tx.execute(query)}


def parse_counter(text: str | None) -> int | None:
    """Return a counter as a whole number, 0 if it has no value, or None if it is not a number of events."""
    try:
        number = float(text or 0)
    except ValueError:
        return None
    return int(number) if 0 <= number < _MAX_COUNTER else None


def find_id(tx: Connection, email_or_id: str) -> int | None:
    """Return the id of the contact with this id or email, or None."""
    if email_or_id.isdecimal():
        if len(email_or_id) > _MAX_ID_DIGITS:
            return None
        return tx.execute(select(contacts.c.id).where(contacts.c.id == int(email_or_id))).scalar()
    named = select(contacts.c.id).where(has_any_email([email_or_id.strip().lower()]))
    # A merged contact keeps its email: the contact that still exists is preferred.
    found: int | None = tx.execute(named.order_by(contacts.c.gone, contacts.c.id).limit(1)).scalar()
    if found is None and (former := load_former_owners(tx, [email_or_id.strip().lower()])):
        return next(iter(former.values()))[-1].contact_id
    return found


def _write_rows(tx: Connection, contact_rows: Sequence[ContactRow], scan_id: int) -> int:
    """Write the rows; return how many were new or changed."""
    rows = [(row.id, row.email, row.company_id, row.updated_at, row.facts, row.observed, row.stage, scan_id) for row in contact_rows]
    return execute_many(tx, _upsert_statement(tx.dialect.name), _CONTACT_COLUMNS, rows)


@cache
def _upsert_statement(dialect: str) -> Insert:
    # Constants are part of the text, because every parameter costs time for every row, and a boolean several times as much.
    one: ColumnElement[int] = literal_column("1")
    statement = dialect_insert(dialect, contacts).values(revision=one, gone=false())
    new, old = statement.excluded, contacts.c
    differs = or_(
        new.facts != old.facts,
        new.company_id.is_distinct_from(old.company_id),
        new.email.is_distinct_from(old.email),
        old.gone,
    )
    values = {name: new[name] for name in (*_CONTACT_COLUMNS, "gone") if name not in ("id", "sweep")}
    derived = {
        "revision": case((differs, old.revision + one), else_=old.revision),
        "sweep": case((new.sweep > old.sweep, new.sweep), else_=old.sweep),
    }
    is_new = or_(new.sweep > old.sweep, differs, new.shown != old.shown, new.stage.is_distinct_from(old.stage))
    # The overlap of two reads returns the same record again, which is no change of the state.
    written = or_(new.updated_at > old.updated_at, and_(new.updated_at == old.updated_at, is_new))
    return statement.on_conflict_do_update(index_elements=["id"], set_=values | derived, where=written)


def _find_former_emails(tx: Connection, contact_rows: Sequence[ContactRow], additional: Mapping[int, set[str]]) -> Iterator[FormerEmail]:
    """Yield the stored emails that contacts no longer have."""
    query = select(contacts.c.id, contacts.c.email, contacts.c.updated_at).where(in_ids(contacts.c.id, [row.id for row in contact_rows]))
    stored = {row.id: row for row in tx.execute(query)}
    for row in contact_rows:
        before = stored.get(row.id)
        if before and row.updated_at >= before.updated_at and (before.email != row.email or row.id in additional):
            lost = {before.email, *additional.get(row.id, ())} - {None, row.email, *row.additional_emails}
            yield from (FormerEmail(email, row.id, row.updated_at) for email in sorted(lost))


def _save_additional_emails(tx: Connection, contact_rows: Sequence[ContactRow], before: Mapping[int, set[str]]) -> set[int]:
    """Save the additional emails; return the contacts whose additional emails changed. `before` are those that were stored."""
    observed = {row.id: row for row in contact_rows if row.additional_emails or row.id in before}
    if not observed:  # most contacts have no additional email
        return set()
    query = select(contacts.c.id, contacts.c.updated_at).where(in_ids(contacts.c.id, observed))
    after = {id_: {*observed[id_].additional_emails} for id_, updated_at in tx.execute(query) if observed[id_].updated_at >= updated_at}
    before = {id_: emails for id_, emails in before.items() if id_ in after}
    save_additional_emails(tx, before, after)
    return {id_ for id_, emails in after.items() if emails != before.get(id_, set())}


def _merge(tx: Connection, survivor: ContactRow) -> None:
    # An outdated record may name a survivor that was merged away itself.
    survivor_id = merges.find_survivors(tx, [survivor.id]).get(survivor.id, survivor.id)
    merged = [id_ for id_ in survivor.merged_ids if id_ != survivor_id]
    merges.save(tx, merged, survivor_id, survivor.updated_at)
    moved = tx.execute(update(events).where(events.c.contact_id.in_(merged)).values(contact_id=survivor_id)).rowcount
    move_former_emails(tx, merged, survivor_id)
    memberships.merge(tx, merged, survivor_id)
    mql_starts.merge(tx, merged, survivor_id)
    hand_offs.merge(tx, merged, survivor_id)
    feedback.merge(tx, merged, survivor_id)
    mark_deleted(tx, merged)
    if moved:
        mark_due(tx, [survivor_id], [])
