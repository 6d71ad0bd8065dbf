"""Differences between desired and observed properties of contacts. Nothing else is ever written, so there is no queue."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    FromClause,
    Integer,
    MetaData,
    Table,
    and_,
    bindparam,
    column,
    delete,
    exists,
    false,
    func,
    insert,
    literal,
    not_,
    or_,
    select,
    update,
    values,
)

from sync_worker.store import id_array, schema
from sync_worker.store.database import execute_many
from sync_worker.store.schema import IdType, contacts, verdicts
from sync_worker.store.writes import rejections
from sync_worker.store.writes.rejections import PROPERTIES, STAGE

_ACKNOWLEDGED_COLUMNS: Final = ("id", "shown", "stage", "stage_given", "updated_at")
_acknowledged_rows: Final = (
    values(*(column(name, contacts.c[name].type) for name in _ACKNOWLEDGED_COLUMNS))
    .data([tuple(bindparam(f"new_{name}", type_=contacts.c[name].type) for name in _ACKNOWLEDGED_COLUMNS)])
    .cte("acknowledged")
)
_ACKNOWLEDGE_STATEMENT: Final = (
    update(contacts)
    .where(contacts.c.id == _acknowledged_rows.c.id)
    .values({name: func.coalesce(_acknowledged_rows.c[name], contacts.c[name]) for name in _ACKNOWLEDGED_COLUMNS[1:]})
)
_ACKNOWLEDGE_PARAMETERS: Final = tuple(f"new_{name}" for name in _ACKNOWLEDGED_COLUMNS)
_of_properties: Final = schema.rejections.alias("of_properties")

#: The contacts whose differences a run has counted, with the revision of their facts. The table is temporary: it ends with the connection.
previewed_contacts: Final = Table(
    "counted",
    MetaData(),
    Column("contact_id", IdType, primary_key=True, autoincrement=False),
    Column("revision", Integer, nullable=False),
    prefixes=["TEMPORARY"],
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StageRule:
    """The lifecycle stage of MQLs. An MQL moves to `target` from one of the earlier stages, once."""

    target: str
    earlier_stages: tuple[str, ...]


class Difference(NamedTuple):
    """A contact whose observed properties or lifecycle stage are not the desired ones. The properties are canonical JSON texts.

    `invalid` is JSON: property → (value that HubSpot has called invalid for this contact, reason). `is_retry`: HubSpot has rejected these
    properties before, or any properties of a contact that has none yet.
    """

    id: int
    observed: str
    desired: str
    stage: str | None
    properties_change: bool
    stage_changes: bool
    invalid: str | None
    is_retry: bool


class AcknowledgedContact(NamedTuple):
    """What HubSpot acknowledged for a contact; None keeps the stored value."""

    id: int
    observed: str | None
    stage: str | None
    stage_given: str | None
    updated_at: int


def load(
    tx: Connection,
    stage: StageRule | None,
    *,
    now: int,
    after: int,
    limit: int,
    exclude_mqls: bool = False,
    exclude_counted: bool = False,
    only_ids: Collection[int] | None = None,
) -> list[Difference]:
    """Return the next contacts with a difference, in order of id, of all contacts or of `only_ids`.

    What a rejection holds back at `now` (milliseconds) is not a difference; properties and stage do not depend on each other.
    `exclude_mqls` excludes MQLs. `exclude_counted` excludes the contacts that `mark_previewed` has marked, unless their facts have changed
    since.
    """
    differs = and_(verdicts.c.desired != contacts.c.shown, not_(_is_held_back(_of_properties, PROPERTIES, verdicts.c.desired, now)))
    moves = _stage_change_condition(stage, now)
    retried = or_(_of_properties.c.desired == verdicts.c.desired, contacts.c.shown == "{}")
    query = (
        select(
            contacts.c.id,
            contacts.c.shown,
            verdicts.c.desired,
            contacts.c.stage,
            differs.label("differs"),
            moves.label("moves"),
            _of_properties.c.invalid,
            and_(_of_properties.c.contact_id.is_not(None), retried).label("is_retry"),
        )
        .join(verdicts, verdicts.c.contact_id == contacts.c.id)
        .outerjoin(_of_properties, and_(_of_properties.c.contact_id == contacts.c.id, _of_properties.c.part == PROPERTIES))
        # `gone IS false` instead of `NOT gone`: the query reads every row, so the partial index would only be a detour.
        .where(contacts.c.id > after, contacts.c.gone.is_(False))
        .where(or_(differs, moves))
        .order_by(contacts.c.id)
        .limit(limit)
    )
    if only_ids is not None:
        query = query.where(id_array.in_ids(contacts.c.id, only_ids))
    if exclude_mqls:
        query = query.where(~verdicts.c.mql)
    if exclude_counted:
        previewed_contacts.create(tx, checkfirst=True)
        # The condition is on the contact, so that it is checked before the join: most contacts have been counted.
        query = query.where(
            ~exists().where(previewed_contacts.c.contact_id == contacts.c.id, previewed_contacts.c.revision == contacts.c.revision)
        )
    return [Difference(*row) for row in tx.execute(query)]


def load_observed(tx: Connection, ids: Collection[int]) -> dict[int, tuple[str, str | None]]:
    """Return our properties, as canonical JSON, and the lifecycle stage that HubSpot shows, by contact; without the deleted ones."""
    query = select(contacts.c.id, contacts.c.shown, contacts.c.stage).where(id_array.in_ids(contacts.c.id, ids), ~contacts.c.gone)
    return {id_: (observed, stage) for id_, observed, stage in tx.execute(query)}


def mark_previewed(tx: Connection, ids: Collection[int]) -> None:
    """Mark the contacts as counted, except MQLs, which the daily quota may still defer."""
    previewed_contacts.create(tx, checkfirst=True)
    tx.execute(delete(previewed_contacts).where(id_array.in_ids(previewed_contacts.c.contact_id, ids)))
    evaluated = select(verdicts.c.contact_id, verdicts.c.revision).where(~verdicts.c.mql, id_array.in_ids(verdicts.c.contact_id, ids))
    tx.execute(insert(previewed_contacts).from_select(["contact_id", "revision"], evaluated))


def count_stage_changes(tx: Connection, stage: StageRule) -> int:
    """Return how many contacts would move to the target stage, without those whose move HubSpot has rejected."""
    mqls = select(verdicts.c.contact_id).where(verdicts.c.mql)
    rejected = exists().where(rejections.applies(schema.rejections, STAGE, literal(stage.target)))
    query = select(func.count()).select_from(contacts).where(contacts.c.id.in_(mqls), ~contacts.c.gone, is_before_stage(stage), ~rejected)
    return tx.execute(query).scalar_one()


def count(tx: Connection) -> int:
    """Return how many contacts have desired properties that are neither observed nor rejected."""
    rejected = exists().where(rejections.applies(schema.rejections, PROPERTIES, verdicts.c.desired))
    query = select(func.count()).select_from(contacts.join(verdicts, verdicts.c.contact_id == contacts.c.id))
    return tx.execute(query.where(~contacts.c.gone, verdicts.c.desired != contacts.c.shown, ~rejected)).scalar_one()


def save_acknowledged(tx: Connection, rows: Sequence[AcknowledgedContact]) -> None:
    """Save what HubSpot acknowledged."""
    execute_many(tx, _ACKNOWLEDGE_STATEMENT, _ACKNOWLEDGE_PARAMETERS, rows)


def is_before_stage(stage: StageRule) -> ColumnElement[bool]:
    """Return the condition that a contact is in a stage from which it may move, and was not moved before."""
    before = or_(contacts.c.stage.is_(None), contacts.c.stage.in_(stage.earlier_stages))
    # A stage is set only once: a user who moved the contact back had a reason.
    return and_(before, contacts.c.stage_given.is_distinct_from(stage.target))


def _stage_change_condition(stage: StageRule | None, now: int) -> ColumnElement[bool]:
    if stage is None:
        return false()
    return and_(verdicts.c.mql, is_before_stage(stage), not_(_is_held_back(schema.rejections, STAGE, literal(stage.target), now)))


def _is_held_back(table: FromClause, part: str, desired: ColumnElement[str], now: int) -> ColumnElement[bool]:
    condition = rejections.holds_back(table, part, desired, now=now)
    return exists().where(condition) if table is schema.rejections else and_(table.c.contact_id.is_not(None), condition)
