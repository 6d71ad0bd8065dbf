"""The `stage_dates` table: when contacts were created, and when they reached a lifecycle stage."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final, NamedTuple

from sqlalchemy import Connection, exists, select, union_all

from sync_worker.store.database import upsert_tuples
from sync_worker.store.schema import contacts, stage_dates

CREATED: Final = "created"


class StageDate(NamedTuple):
    """When a contact reached a stage (milliseconds); `CREATED` is the stage of its creation."""

    contact_id: int
    stage: str
    at: int


def save(tx: Connection, rows: Sequence[StageDate]) -> None:
    """Save stages; the last date of a stage wins, because HubSpot shows only one."""
    upsert_tuples(tx, stage_dates, StageDate._fields, rows)


def load(tx: Connection) -> list[StageDate]:
    """Return all rows."""
    return [StageDate(*row) for row in tx.execute(select(*(stage_dates.c[name] for name in StageDate._fields)))]


def find_missing(tx: Connection, stages: Collection[str]) -> list[int]:
    """Return the contacts that are in one of the stages, or were set to it, without its date, in order of id."""
    parts = []
    for stage in stages:
        dated = exists().where(stage_dates.c.contact_id == contacts.c.id, stage_dates.c.stage == stage)
        reached = (contacts.c.stage == stage) | (contacts.c.stage_given == stage)
        parts.append(select(contacts.c.id).where(reached, ~contacts.c.gone, ~dated))
    return sorted(set(tx.execute(union_all(*parts)).scalars()))


def find_undated(tx: Connection) -> list[int]:
    """Return the contacts whose creation is not known, in order of id."""
    dated = exists().where(stage_dates.c.contact_id == contacts.c.id, stage_dates.c.stage == CREATED)
    return list(tx.execute(select(contacts.c.id).where(~contacts.c.gone, ~dated).order_by(contacts.c.id)).scalars())


def find_contacts(tx: Connection, stage: str) -> list[int]:
    """Return the contacts that have reached a stage, in order of id."""
    query = select(stage_dates.c.contact_id).where(stage_dates.c.stage == stage)
    return list(tx.execute(query.order_by(stage_dates.c.contact_id)).scalars())
