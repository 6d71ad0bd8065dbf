"""Who was let in as a new MQL, and who waits, where the model lets in only so many a day."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from sqlalchemy import Connection, and_, delete, func, select, update

from sync_worker.store.database import upsert_rows
from sync_worker.store.schema import contacts, memberships, mql_admissions, verdicts


class MqlCandidate(NamedTuple):
    """A contact that qualifies as an MQL and has not been admitted. `since` is in milliseconds; `desired` is canonical JSON."""

    contact_id: int
    score: int
    grade: str
    since: int
    desired: str


def delete_lapsed(tx: Connection) -> None:
    """Forget who was let in and has stopped being an MQL since: should they come back, they are new."""
    mqls = select(verdicts.c.contact_id).where(verdicts.c.mql)
    tx.execute(delete(mql_admissions).where(mql_admissions.c.admitted_at.is_not(None), mql_admissions.c.contact_id.not_in(mqls)))


def load_candidates(tx: Connection, *, at: int) -> list[MqlCandidate]:
    """Return the MQLs that were not let in yet and that HubSpot's list does not hold.

    Who waits already has qualified since an earlier day, the others since `at`.
    """
    let_in = and_(mql_admissions.c.contact_id == verdicts.c.contact_id, mql_admissions.c.admitted_at.is_not(None))
    waiting = mql_admissions.alias()
    listed = and_(memberships.c.contact_id == verdicts.c.contact_id, memberships.c.list == "mql")
    query = (
        select(verdicts.c.contact_id, verdicts.c.score, verdicts.c.grade, func.coalesce(waiting.c.since, at), verdicts.c.desired)
        .join(contacts, contacts.c.id == verdicts.c.contact_id)
        .outerjoin(mql_admissions, let_in)
        .outerjoin(waiting, waiting.c.contact_id == verdicts.c.contact_id)
        .outerjoin(memberships, listed)
        .where(verdicts.c.mql, ~contacts.c.gone, mql_admissions.c.contact_id.is_(None), memberships.c.contact_id.is_(None))
    )
    return [MqlCandidate(*row) for row in tx.execute(query)]


def count_admitted_since(tx: Connection, since: int) -> int:
    """Return how many were let in at an instant (milliseconds) or later."""
    return tx.execute(select(func.count()).select_from(mql_admissions).where(mql_admissions.c.admitted_at >= since)).scalar_one()


def count_deferred(tx: Connection) -> int:
    """Return how many qualify and wait for a day with room."""
    return tx.execute(select(func.count()).select_from(mql_admissions).where(mql_admissions.c.admitted_at.is_(None))).scalar_one()


def admit(tx: Connection, qualified_since: Mapping[int, int], *, at: int) -> None:
    """Remember who is let in now, with since when they have qualified."""
    upsert_rows(tx, mql_admissions, [{"contact_id": id_, "since": first, "admitted_at": at} for id_, first in qualified_since.items()])


def defer(tx: Connection, qualified_since: Mapping[int, int], desired: Mapping[int, str]) -> None:
    """Remember who waits: until they are let in, their verdict is that of no MQL."""
    upsert_rows(tx, mql_admissions, [{"contact_id": id_, "since": first, "admitted_at": None} for id_, first in qualified_since.items()])
    for id_, text in desired.items():
        no_mql = {"mql": False, "by_score": False, "direct": False, "desired": text}
        tx.execute(update(verdicts).where(verdicts.c.contact_id == id_).values(no_mql))
