"""The `shadow_verdicts` table: the verdicts of the shadow model, and how they agree with those of the model."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, case, delete, exists, func, select

from sync_worker.store.database import Insert, dialect_insert, execute_many
from sync_worker.store.schema import contacts, shadow_verdicts, verdicts
from sync_worker.store.verdicts import VerdictKey, evaluation_batch
from sync_worker.store.verdicts import select_due as select_due_in


class ShadowVerdict(NamedTuple):
    """A verdict of the shadow model. An empty text is no grade."""

    contact_id: int
    score: int
    band: str
    grade: str
    mql: bool
    by_score: bool


class VerdictPair(NamedTuple):
    """How many contacts have these results of the model and of the shadow model."""

    score: int
    shadow_score: int
    mql: bool
    shadow_mql: bool
    same_grade: bool
    contacts: int


class DisputedMql(NamedTuple):
    """An MQL of one of the models only, with both scores."""

    contact_id: int
    email: str | None
    score: int
    shadow_score: int
    mql: bool  # of the model; otherwise of the shadow model
    since: int | None  # since when the shadow model has it as an MQL, in milliseconds


_COLUMNS = (*ShadowVerdict._fields, "model", "evaluated_at", "revision", "mql_since")


def select_due(tx: Connection, key: VerdictKey, *, after: int, limit: int) -> dict[int, int]:
    """Select the next contacts without a current verdict of the shadow model; return the revision of the facts of each."""
    return select_due_in(tx, key, after=after, limit=limit, table=shadow_verdicts)


def load_retained(tx: Connection, model: str) -> list[int]:
    """Return the selected contacts that are MQLs by score in their last verdict of this shadow model."""
    of_batch = exists().where(evaluation_batch.c.contact_id == shadow_verdicts.c.contact_id)
    query = select(shadow_verdicts.c.contact_id).where(of_batch, shadow_verdicts.c.mql, shadow_verdicts.c.by_score)
    return list(tx.execute(query.where(shadow_verdicts.c.model == model)).scalars())


def save(tx: Connection, rows: Sequence[ShadowVerdict], *, revisions: Mapping[int, int], key: VerdictKey, at: int) -> None:
    """Save verdicts. The first time at which a contact was an MQL stays while the shadow model is the same."""
    values = [(*row, key.model, at, revisions[row.contact_id], at if row.mql else None) for row in rows]
    execute_many(tx, _upsert_statement(tx.dialect.name), _COLUMNS, values)


def delete_except(tx: Connection, models: Collection[str]) -> None:
    """Delete the verdicts of other shadow models than these."""
    tx.execute(delete(shadow_verdicts).where(shadow_verdicts.c.model.not_in(models)))


def count_pairs(tx: Connection, model: str) -> list[VerdictPair]:
    """Count the contacts that have a verdict of both models."""
    same_grade = (verdicts.c.grade == shadow_verdicts.c.grade).label("same_grade")
    groups = (verdicts.c.score, shadow_verdicts.c.score, verdicts.c.mql, shadow_verdicts.c.mql, same_grade)
    query = _join_models(select(*groups, func.count()).select_from(contacts), model).group_by(*groups)
    return [VerdictPair(*row) for row in tx.execute(query)]


def load_disputed(tx: Connection, model: str, *, limit: int) -> list[DisputedMql]:
    """Return MQLs of one of the models only: of each model at most `limit`, the highest score first."""
    found: list[DisputedMql] = []
    columns = (contacts.c.id, contacts.c.email, verdicts.c.score, shadow_verdicts.c.score, verdicts.c.mql, shadow_verdicts.c.mql_since)
    for of_main, score in ((True, verdicts.c.score), (False, shadow_verdicts.c.score)):
        query = _join_models(select(*columns), model).where(verdicts.c.mql.is_(of_main), shadow_verdicts.c.mql.is_not(of_main))
        found += (DisputedMql(*row) for row in tx.execute(query.order_by(score.desc(), contacts.c.id).limit(limit)))
    return found


def load_starts(tx: Connection, model: str) -> dict[int, int]:
    """Return when the MQLs of the shadow model first were MQLs, in milliseconds."""
    here = exists().where(contacts.c.id == shadow_verdicts.c.contact_id, ~contacts.c.gone)
    query = select(shadow_verdicts.c.contact_id, shadow_verdicts.c.mql_since).where(shadow_verdicts.c.mql, here)
    return dict(tx.execute(query.where(shadow_verdicts.c.model == model)).all())


def _join_models(query: Select[Any], model: str) -> Select[Any]:
    joined = query.join(verdicts, verdicts.c.contact_id == contacts.c.id).join(
        shadow_verdicts, shadow_verdicts.c.contact_id == contacts.c.id
    )
    return joined.where(~contacts.c.gone, shadow_verdicts.c.model == model)


@lru_cache(maxsize=2)
def _upsert_statement(dialect: str) -> Insert:
    statement = dialect_insert(dialect, shadow_verdicts)
    new, old = statement.excluded, shadow_verdicts.c
    values = {name: new[name] for name in _COLUMNS if name not in {"contact_id", "mql_since"}}
    first = case((old.model == new.model, func.coalesce(old.mql_since, new.mql_since)), else_=new.mql_since)
    return statement.on_conflict_do_update(index_elements=["contact_id"], set_={**values, "mql_since": first})
