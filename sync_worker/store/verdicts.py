"""The `verdicts` table: contacts that are due for evaluation, their facts, and their verdicts."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Integer,
    MetaData,
    Row,
    Select,
    Table,
    and_,
    delete,
    exists,
    func,
    insert,
    select,
    union_all,
)

from sync_worker.store import id_array
from sync_worker.store.database import upsert_tuples
from sync_worker.store.schema import (
    IdType,
    companies,
    contact_emails,
    contacts,
    events,
    forms,
    memberships,
    subscriptions,
    verdicts,
)

_ROWS_PER_PARTITION: Final = 50_000

#: The selected contacts. The table is temporary, so that the facts of a batch of any size are one join.
evaluation_batch: Final = Table(
    "chunk",
    MetaData(),
    Column("contact_id", IdType, primary_key=True, autoincrement=False),
    Column("revision", Integer),
    prefixes=["TEMPORARY"],
)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictKey:
    """A verdict is current if it is of this model and not older than this instant (milliseconds)."""

    model: str
    since: int


class VerdictRow(NamedTuple):
    """A verdict. `desired` is the canonical JSON of our properties."""

    contact_id: int
    score: int
    band: str
    grade: str
    mql: bool
    by_score: bool
    direct: bool
    desired: str


class MqlVerdict(NamedTuple):
    """An MQL. `desired` is the canonical JSON of our properties."""

    contact_id: int
    email: str | None
    score: int
    grade: str
    desired: str


class ContactWithVerdict(NamedTuple):
    """A contact, with the model, time and facts revision of its verdict. `facts` and `observed` are canonical JSON texts."""

    id: int
    facts: str
    observed: str
    stage: str | None
    revision: int
    model: str | None
    evaluated_at: int | None
    verdict_revision: int | None


class ScoreCount(NamedTuple):
    """How many contacts have a score, band, grade and MQL state."""

    score: int
    band: str
    grade: str
    mql: bool
    contacts: int


def select_due(
    tx: Connection, key: VerdictKey, *, after: int, limit: int, only_ids: Sequence[int] | None = None, table: Table = verdicts
) -> dict[int, int]:
    """Select the next contacts that are due, in order of id, of all contacts or of `only_ids`; return the revision of the facts of each.

    A contact is due if it has no current verdict on its current facts. `table` has the verdicts.
    """
    query = (
        select(contacts.c.id, contacts.c.revision)
        .outerjoin(table, _is_current(table, key))
        .where(contacts.c.id > after, ~contacts.c.gone, table.c.contact_id.is_(None))
        .order_by(contacts.c.id)
        .limit(limit)
    )
    if only_ids is not None:
        query = query.where(id_array.in_ids(contacts.c.id, only_ids))
    return _fill_batch(tx, query)


def select_contact(tx: Connection, contact_id: int) -> dict[int, int]:
    """Select one contact, due or not; return the revision of its facts."""
    return _fill_batch(tx, select(contacts.c.id, contacts.c.revision).where(contacts.c.id == contact_id))


def select_contacts(tx: Connection, ids: Collection[int]) -> dict[int, int]:
    """Select contacts that exist, due or not; return the revision of the facts of each."""
    return _fill_batch(tx, select(contacts.c.id, contacts.c.revision).where(id_array.in_ids(contacts.c.id, ids), ~contacts.c.gone))


def select_all(tx: Connection, *, only_ids: Sequence[int] | None = None) -> None:
    """Select all contacts, or some, also deleted and merged ones."""
    query = select(contacts.c.id, contacts.c.revision)
    _fill_batch(tx, query if only_ids is None else query.where(id_array.in_ids(contacts.c.id, only_ids)))


def load_selected_records(tx: Connection) -> Sequence[Row[int, str | None, int | None, str, bool]]:
    """Return (id, email, company, facts, deleted) of the selected contacts."""
    columns = (contacts.c.id, contacts.c.email, contacts.c.company_id, contacts.c.facts, contacts.c.gone)
    query = select(*columns).join(evaluation_batch, evaluation_batch.c.contact_id == contacts.c.id)
    return tx.execute(query.order_by(contacts.c.id)).all()


def load_selected_contacts(tx: Connection) -> Sequence[Row[int, str, str]]:
    """Return (id, facts, facts of the primary company) of the selected contacts."""
    query = (
        select(contacts.c.id, contacts.c.facts, companies.c.facts)
        .select_from(evaluation_batch)
        .join(contacts, contacts.c.id == evaluation_batch.c.contact_id)
        .outerjoin(companies, companies.c.id == contacts.c.company_id)
        .order_by(contacts.c.id)
    )
    return tx.execute(query).all()


def load_selected_subscriptions(tx: Connection) -> Sequence[Row[int, str | None, str | None]]:
    """Return (id, subscribed to, unsubscribed from) of the selected contacts."""
    columns = (subscriptions.c.contact_id, subscriptions.c.subscribed_to, subscriptions.c.unsubscribed_from)
    query = select(*columns).join(evaluation_batch, evaluation_batch.c.contact_id == subscriptions.c.contact_id)
    return tx.execute(query).all()


def load_selected_events(tx: Connection) -> Iterator[Sequence[Sequence[object]]]:
    """Yield the events of the selected contacts, by id or email, in the columns of `model.compiled.facts.EVENT_SCHEMA`.

    They are in parts, because all rows at once would take several times the memory of the data frame.
    """
    without_id = events.c.contact_id.is_(None)
    by_id = _select_events().join(events, events.c.contact_id == evaluation_batch.c.contact_id)
    by_email = (
        _select_events()
        .join(contacts, contacts.c.id == evaluation_batch.c.contact_id)
        .join(events, and_(events.c.email == contacts.c.email, without_id))
    )
    additional = _select_events().join(contact_emails, contact_emails.c.contact_id == evaluation_batch.c.contact_id)
    by_additional = additional.join(events, and_(events.c.email == contact_emails.c.email, without_id))
    with_form = [query.outerjoin(forms, forms.c.id == events.c.form_id) for query in (by_id, by_email, by_additional)]
    return tx.execute(union_all(*with_form)).partitions(_ROWS_PER_PARTITION)


def load_admitted_mqls(tx: Connection) -> list[int]:
    """Return the selected contacts that are MQLs by score in their last verdict, and in HubSpot's list of these MQLs."""
    # EXISTS instead of a join, which would scan all verdicts for a few contacts.
    by_score = exists().where(verdicts.c.contact_id == evaluation_batch.c.contact_id, verdicts.c.mql, verdicts.c.by_score)
    listed = exists().where(
        memberships.c.list == "by_score", memberships.c.contact_id == evaluation_batch.c.contact_id, memberships.c.acknowledged
    )
    return list(tx.execute(select(evaluation_batch.c.contact_id).where(by_score, listed)).scalars())


def save(tx: Connection, rows: Sequence[VerdictRow], *, revisions: Mapping[int, int], key: VerdictKey, at: int) -> None:
    """Save verdicts with the revisions of their facts: a contact whose facts have changed since is due again."""
    columns = (*VerdictRow._fields, "model", "evaluated_at", "revision")
    upsert_tuples(tx, verdicts, columns, [(*row, key.model, at, revisions[row.contact_id]) for row in rows])


def load(tx: Connection, contact_id: int) -> ContactWithVerdict | None:
    """Return a contact with its verdict, or None if the contact is not in the state."""
    of_contact = (contacts.c.id, contacts.c.facts, contacts.c.shown, contacts.c.stage, contacts.c.revision)
    of_verdict = (verdicts.c.model, verdicts.c.evaluated_at, verdicts.c.revision)
    query = select(*of_contact, *of_verdict).outerjoin(verdicts, verdicts.c.contact_id == contacts.c.id)
    row = tx.execute(query.where(contacts.c.id == contact_id)).first()
    return ContactWithVerdict(*row) if row else None


def load_rows(tx: Connection, ids: Collection[int]) -> dict[int, VerdictRow]:
    """Return the verdicts on contacts, by id."""
    query = select(*(verdicts.c[name] for name in VerdictRow._fields)).where(id_array.in_ids(verdicts.c.contact_id, ids))
    return {row.contact_id: VerdictRow(*row) for row in tx.execute(query)}


def count_by_score(tx: Connection) -> list[ScoreCount]:
    """Count the contacts that have a verdict."""
    groups = (verdicts.c.score, verdicts.c.band, verdicts.c.grade, verdicts.c.mql)
    query = select(*groups, func.count()).join(contacts, contacts.c.id == verdicts.c.contact_id).where(~contacts.c.gone)
    return [ScoreCount(*row) for row in tx.execute(query.group_by(*groups))]


def load_mqls(tx: Connection, *, only_ids: Sequence[int] | None = None) -> list[MqlVerdict]:
    """Return the MQLs, of all contacts or of `only_ids`; the highest score first."""
    columns = (contacts.c.id, contacts.c.email, verdicts.c.score, verdicts.c.grade, verdicts.c.desired)
    query = select(*columns).join(contacts, contacts.c.id == verdicts.c.contact_id).where(verdicts.c.mql, ~contacts.c.gone)
    if only_ids is not None:
        query = query.where(id_array.in_ids(contacts.c.id, only_ids))
    return [MqlVerdict(*row) for row in tx.execute(query.order_by(verdicts.c.score.desc(), contacts.c.id))]


def count_mqls(tx: Connection) -> int:
    """Return the number of MQLs."""
    # EXISTS instead of a join, for which SQLite would read the verdicts of all contacts.
    here = exists().where(contacts.c.id == verdicts.c.contact_id, ~contacts.c.gone)
    return tx.execute(select(func.count()).select_from(verdicts).where(verdicts.c.mql, here)).scalar_one()


def _is_current(table: Table, key: VerdictKey) -> ColumnElement[bool]:
    return and_(
        table.c.contact_id == contacts.c.id,
        table.c.revision == contacts.c.revision,
        table.c.model == key.model,
        table.c.evaluated_at >= key.since,
    )


def _select_events() -> Select[Any]:
    return select(
        evaluation_batch.c.contact_id,
        events.c.id,
        events.c.kind,
        events.c.at,
        events.c.url,
        events.c.form_id,
        forms.c.name,
        events.c.campaign,
        events.c.name,
        events.c.user_agent,
        events.c.sent_at,
        events.c.filtered,
    ).select_from(evaluation_batch)


def _fill_batch(tx: Connection, query: Select[int, int]) -> dict[int, int]:
    evaluation_batch.create(tx, checkfirst=True)
    tx.execute(delete(evaluation_batch))
    tx.execute(insert(evaluation_batch).from_select(["contact_id", "revision"], query))
    return dict(
        tx.execute(select(evaluation_batch.c.contact_id, evaluation_batch.c.revision).order_by(evaluation_batch.c.contact_id)).all()
    )
