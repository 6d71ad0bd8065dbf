"""The `admissions` table: new MQLs that the daily quota has admitted or deferred."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

from sqlalchemy import Connection, Select, and_, delete, func, select, update

from sync_worker.store.database import upsert_rows
from sync_worker.store.id_array import in_ids
from sync_worker.store.schema import contacts, memberships, mql_admissions, verdicts


class MqlCandidate(NamedTuple):
    """A contact that qualifies as an MQL and has not been admitted. `since` is in milliseconds; `desired` is canonical JSON."""

    contact_id: int
    score: int
    grade: str
    since: int
    desired: str


def delete_lapsed(tx: Connection) -> None:
    """Delete the admissions of contacts that are no longer MQLs; if they qualify again, they are new."""
    mqls = select(verdicts.c.contact_id).where(verdicts.c.mql)
    tx.execute(delete(mql_admissions).where(mql_admissions.c.admitted_at.is_not(None), mql_admissions.c.contact_id.not_in(mqls)))


def delete_deferred(tx: Connection, ids: Collection[int]) -> None:
    """Delete the deferred admissions of contacts that no longer qualify; admitted ones are kept."""
    if ids:
        tx.execute(delete(mql_admissions).where(mql_admissions.c.admitted_at.is_(None), in_ids(mql_admissions.c.contact_id, ids)))


def load_candidates(tx: Connection, *, at: int) -> list[MqlCandidate]:
    """Return the MQLs that are neither admitted nor in HubSpot's list.

    Deferred contacts keep the time since which they qualify; the others qualify since `at` (milliseconds).
    """
    admitted = and_(mql_admissions.c.contact_id == verdicts.c.contact_id, mql_admissions.c.admitted_at.is_not(None))
    deferred = mql_admissions.alias()
    listed = and_(memberships.c.contact_id == verdicts.c.contact_id, memberships.c.list == "mql")
    query = (
        select(verdicts.c.contact_id, verdicts.c.score, verdicts.c.grade, func.coalesce(deferred.c.since, at), verdicts.c.desired)
        .join(contacts, contacts.c.id == verdicts.c.contact_id)
        .outerjoin(mql_admissions, admitted)
        .outerjoin(deferred, deferred.c.contact_id == verdicts.c.contact_id)
        .outerjoin(memberships, listed)
        .where(verdicts.c.mql, ~contacts.c.gone, mql_admissions.c.contact_id.is_(None), memberships.c.contact_id.is_(None))
    )
    return [MqlCandidate(*row) for row in tx.execute(query)]


def count_admitted_since(tx: Connection, since: int) -> int:
    """Return how many contacts were admitted at an instant (milliseconds) or later."""
    return tx.execute(select(func.count()).select_from(mql_admissions).where(mql_admissions.c.admitted_at >= since)).scalar_one()


def is_deferred(tx: Connection, contact_id: int) -> bool:
    """Return whether a contact qualifies and waits for a later day."""
    return tx.execute(_select_deferred().where(contacts.c.id == contact_id)).first() is not None


def count_deferred(tx: Connection) -> int:
    """Return how many contacts qualify and wait for a later day."""
    return tx.execute(select(func.count()).select_from(_select_deferred().subquery())).scalar_one()


def admit(tx: Connection, qualified_since: Mapping[int, int], *, at: int) -> None:
    """Save the contacts that are admitted now (milliseconds), with the time since which they qualify."""
    upsert_rows(tx, mql_admissions, [{"contact_id": id_, "since": first, "admitted_at": at} for id_, first in qualified_since.items()])


def defer(tx: Connection, qualified_since: Mapping[int, int], desired: Mapping[int, str]) -> None:
    """Save the contacts that must wait, and change their verdicts to those of contacts that are not MQLs."""
    upsert_rows(tx, mql_admissions, [{"contact_id": id_, "since": first, "admitted_at": None} for id_, first in qualified_since.items()])
    for id_, text in desired.items():
        not_mql = {"mql": False, "by_score": False, "direct": False, "desired": text}
        tx.execute(update(verdicts).where(verdicts.c.contact_id == id_).values(not_mql))


def _select_deferred() -> Select[tuple[int]]:
    # A contact that is deleted in HubSpot does not wait.
    deferred = select(contacts.c.id).join(mql_admissions, mql_admissions.c.contact_id == contacts.c.id)
    return deferred.where(mql_admissions.c.admitted_at.is_(None), ~contacts.c.gone)
