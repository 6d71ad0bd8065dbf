"""Contacts and companies as HubSpot last showed them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cache
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Connection, case, false, func, literal_column, or_, select, update

from sync_worker.store import bulk_load, differences
from sync_worker.store.database import Insert, replace, upsert, write_tuples
from sync_worker.store.emails import further, is_known_by, remember_further
from sync_worker.store.id_array import among
from sync_worker.store.schema import companies, contacts, events

#: In the order of the rows that are written.
_COLUMNS: Final = ("id", "email", "company_id", "updated_at", "facts", "shown", "stage", "sweep")


class Person(msgspec.Struct, frozen=True, gc=False):  # made by the hundred thousand: quicker than a dataclass
    """A contact to be remembered. `facts` and `shown` are canonical JSON texts; `email` and `further` addresses are in lower case."""

    id: int
    email: str | None
    company_id: int | None
    updated_at: int
    facts: str
    shown: str
    stage: str | None
    further: tuple[str, ...] = ()
    merged: tuple[int, ...] = ()  # ids of contacts that went into this one


def record(tx: Connection, people: Sequence[Person], *, sweep: int = 0) -> None:
    """Remember contacts as they were shown; an older showing never replaces a newer one.

    HubSpot's search index lags behind: it may show a contact as it was before our own last write.
    The revision is raised where facts, company or addresses differ, and nowhere else.
    """
    newcomers = unknown(tx, [person.id for person in people if person.further])
    if bulk_load.is_under_way(tx) and _written(tx, _meeting(tx.dialect.name), people, sweep) == len(people):
        remember_further(tx, {}, {person.id: {*person.further} for person in people if person.further})
    else:
        if _written(tx, _showing(tx.dialect.name), people, sweep) < len(people):
            # Whom we know by a newer showing was seen all the same.
            seen = among(contacts.c.id, [person.id for person in people])
            tx.execute(update(contacts).where(seen, contacts.c.sweep < sweep).values(sweep=sweep))
        if readdressed := _record_further(tx, people) - newcomers:
            touch(tx, readdressed, ())
    for person in people:
        if person.merged:
            _merge(tx, person)


def unknown(tx: Connection, ids: Collection[int]) -> set[int]:
    """Return those of some contacts that are not remembered."""
    return {*ids}.difference(tx.execute(select(contacts.c.id).where(among(contacts.c.id, ids))).scalars() if ids else ())


def record_companies(tx: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Remember companies {id, updated_at, facts}, and that their contacts are to be judged anew where facts differ."""
    if not rows:
        return
    known = dict(tx.execute(select(companies.c.id, companies.c.facts).where(among(companies.c.id, [row["id"] for row in rows]))).all())
    changed = [row["id"] for row in rows if known.get(row["id"]) != row["facts"]]
    replace(tx, companies, rows)
    if changed and not bulk_load.is_nobody_judged(tx):
        tx.execute(update(contacts).where(among(contacts.c.company_id, changed)).values(revision=contacts.c.revision + 1))


def touch(tx: Connection, ids: Collection[int], emails: Collection[str]) -> None:
    """Let the contacts with these ids or addresses be judged anew."""
    if not bulk_load.is_nobody_judged(tx):
        theirs = or_(among(contacts.c.id, ids), is_known_by(emails))
        tx.execute(update(contacts).where(theirs).values(revision=contacts.c.revision + 1))


def unseen(tx: Connection, *, sweep: int) -> list[int]:
    """Return the contacts that a complete read did not see, in order of id."""
    query = select(contacts.c.id).where(contacts.c.sweep < sweep, ~contacts.c.gone).order_by(contacts.c.id)
    return list(tx.execute(query).scalars())


def let_go(tx: Connection, *, sweep: int) -> int:
    """Mark the contacts that a complete read did not see as gone; return how many."""
    unseen = update(contacts).where(contacts.c.sweep < sweep, ~contacts.c.gone).values(gone=True, revision=contacts.c.revision + 1)
    return tx.execute(unseen).rowcount


def mark_gone(tx: Connection, ids: Collection[int]) -> None:
    """Mark contacts as deleted or merged away."""
    if ids:
        tx.execute(update(contacts).where(among(contacts.c.id, ids), ~contacts.c.gone).values(gone=True, revision=contacts.c.revision + 1))


def count(tx: Connection) -> int:
    """Return how many contacts the portal has, as far as we know."""
    return tx.execute(select(func.count()).select_from(contacts).where(~contacts.c.gone)).scalar_one()


def extent(tx: Connection) -> tuple[int, int | None, int | None]:
    """Return how many contacts the portal has, as far as we know, the highest id and the lowest."""
    query = select(func.count(), func.max(contacts.c.id), func.min(contacts.c.id)).select_from(contacts).where(~contacts.c.gone)
    total, highest, lowest = tx.execute(query).one()
    return total, highest, lowest


def count_changed(tx: Connection, since: int, until: int) -> int:
    """Return how many contacts were changed last at `since` or later and before `until` (milliseconds), as far as we know."""
    changed = (contacts.c.updated_at >= since, contacts.c.updated_at < until)
    return tx.execute(select(func.count()).select_from(contacts).where(*changed, ~contacts.c.gone)).scalar_one()


def more_changed(tx: Connection, number: int, since: int) -> bool:
    """Tell whether more contacts than this number were changed last at `since` (milliseconds) or later, as far as we know."""
    query = select(contacts.c.id).where(contacts.c.updated_at >= since, ~contacts.c.gone)
    return tx.execute(query.limit(1).offset(number)).first() is not None


def emails(tx: Connection, ids: Collection[int]) -> dict[int, str]:
    """Return the addresses of contacts by id; who has none is left out."""
    query = select(contacts.c.id, contacts.c.email).where(among(contacts.c.id, ids), contacts.c.email.is_not(None))
    return {id_: email for id_, email in tx.execute(query) if email}


def find(tx: Connection, email_or_id: str) -> int | None:
    """Return the id of a contact named by id or by any of its addresses."""
    if email_or_id.isdecimal():
        return tx.execute(select(contacts.c.id).where(contacts.c.id == int(email_or_id))).scalar()
    named = select(contacts.c.id).where(is_known_by([email_or_id.strip().lower()]))
    # An address outlives the contact that it was merged away with: who is still there goes first.
    return tx.execute(named.order_by(contacts.c.gone, contacts.c.id).limit(1)).scalar()


def _written(tx: Connection, statement: Insert, people: Sequence[Person], sweep: int) -> int:
    """Return how many rows were new or changed."""
    rows = [
        (person.id, person.email, person.company_id, person.updated_at, person.facts, person.shown, person.stage, sweep)
        for person in people
    ]
    return write_tuples(tx, statement, _COLUMNS, rows)


@cache
def _meeting(dialect: str) -> Insert:
    return _first_time(dialect).on_conflict_do_nothing(index_elements=["id"])


@cache
def _showing(dialect: str) -> Insert:
    statement = _first_time(dialect)
    new, old = statement.excluded, contacts.c
    differs = or_(
        new.facts != old.facts,
        new.company_id.is_distinct_from(old.company_id),
        new.email.is_distinct_from(old.email),
        old.gone,
    )
    shown = {name: new[name] for name in (*_COLUMNS, "gone") if name not in ("id", "sweep")}
    revised = {
        "revision": case((differs, old.revision + literal_column("1")), else_=old.revision),
        "sweep": case((new.sweep > old.sweep, new.sweep), else_=old.sweep),
    }
    return statement.on_conflict_do_update(index_elements=["id"], set_=shown | revised, where=new.updated_at >= old.updated_at)


def _first_time(dialect: str) -> Insert:
    # What is the same for all stands in the text: each parameter is looked at for each row, a truth value for several times as long.
    one: ColumnElement[int] = literal_column("1")
    return upsert(dialect, contacts).values(revision=one, gone=false())


def _record_further(tx: Connection, people: Sequence[Person]) -> set[int]:
    """Return the ids of those who have other further addresses than before."""
    before = further(tx, [person.id for person in people])
    shown = {person.id: person for person in people if person.further or person.id in before}
    if not shown:  # hardly anybody has any
        return set()
    query = select(contacts.c.id, contacts.c.updated_at).where(among(contacts.c.id, shown))
    after = {id_: {*shown[id_].further} for id_, updated_at in tx.execute(query) if shown[id_].updated_at >= updated_at}
    before = {id_: known for id_, known in before.items() if id_ in after}
    remember_further(tx, before, after)
    return {id_ for id_, addresses in after.items() if addresses != before.get(id_, set())}


def _merge(tx: Connection, survivor: Person) -> None:
    merged = [id_ for id_ in survivor.merged if id_ != survivor.id]
    moved = tx.execute(update(events).where(events.c.contact_id.in_(merged)).values(contact_id=survivor.id)).rowcount
    differences.inherit_members(tx, merged, survivor.id)
    mark_gone(tx, merged)
    if moved:
        touch(tx, [survivor.id], [])
