"""The model and the shadow model on the same contacts: MQLs of both or of one, and how far their scores agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import polars as pl

from sync_worker.model.compiled.model import Model
from sync_worker.store import shadow_verdicts
from sync_worker.store.database import Store
from sync_worker.store.shadow_verdicts import DisputedMql, VerdictPair
from sync_worker.timestamps import from_ms, to_iso

MAX_NAMES: Final = 50  # of each model


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedDispute:
    """An MQL of one of the models only. `since`: when it first was an MQL under the shadow model."""

    contact_id: int
    email: str | None
    score: int
    shadow_score: int
    since: datetime | None

    def as_json(self) -> dict[str, Any]:
        """Return the contact for `--json`."""
        return {
            "id": str(self.contact_id),
            "email": self.email,
            "score": self.score,
            "shadow_score": self.shadow_score,
            "shadow_mql_since": to_iso(self.since),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowComparison:
    """How the verdicts of two models agree on the contacts that both have evaluated.

    `rank_correlation`: of the scores (Spearman); None if a model gives all contacts the same score. The lists have at most 50 contacts.
    """

    model_name: str  # of the shadow model
    model_hash: str
    contacts: int
    both: int
    only_model: int
    only_shadow: int
    rank_correlation: float | None
    same_score: int
    same_grade: int
    model_mqls: Sequence[NamedDispute]  # MQLs of the model only, the highest score first
    shadow_mqls: Sequence[NamedDispute]  # MQLs of the shadow model only

    def hide_names(self) -> ShadowComparison:
        """Return the comparison without addresses; the ids stay."""
        model_mqls, shadow_mqls = ([replace(mql, email=None) for mql in mqls] for mqls in (self.model_mqls, self.shadow_mqls))
        return replace(self, model_mqls=model_mqls, shadow_mqls=shadow_mqls)

    def as_json(self) -> dict[str, Any]:
        """Return the comparison for `--json`."""
        return {
            "model": {"name": self.model_name, "hash": self.model_hash},
            "contacts": self.contacts,
            "mqls": {"both": self.both, "only_model": self.only_model, "only_shadow": self.only_shadow},
            "rank_correlation": self.rank_correlation,
            "same_score": self.same_score,
            "same_grade": self.same_grade,
            "only_model": [mql.as_json() for mql in self.model_mqls],
            "only_shadow": [mql.as_json() for mql in self.shadow_mqls],
        }


def compare_shadow(store: Store, shadow: Model) -> ShadowComparison:
    """Compare the verdicts in a store with those of the shadow model."""
    with store.transaction() as tx:
        pairs = shadow_verdicts.count_pairs(tx, shadow.hash)
        disputed = shadow_verdicts.load_disputed(tx, shadow.hash, limit=MAX_NAMES)
    return ShadowComparison(
        model_name=shadow.document.name,
        model_hash=shadow.hash,
        contacts=sum(pair.contacts for pair in pairs),
        both=_count(pairs, mql=True, shadow_mql=True),
        only_model=_count(pairs, mql=True, shadow_mql=False),
        only_shadow=_count(pairs, mql=False, shadow_mql=True),
        rank_correlation=_correlate(pairs),
        same_score=sum(pair.contacts for pair in pairs if pair.score == pair.shadow_score),
        same_grade=sum(pair.contacts for pair in pairs if pair.same_grade),
        model_mqls=[_name(row) for row in disputed if row.mql],
        shadow_mqls=[_name(row) for row in disputed if not row.mql],
    )


def _count(pairs: Sequence[VerdictPair], *, mql: bool, shadow_mql: bool) -> int:
    return sum(pair.contacts for pair in pairs if (pair.mql, pair.shadow_mql) == (mql, shadow_mql))


def _correlate(pairs: Sequence[VerdictPair]) -> float | None:
    frame = pl.DataFrame(pairs, schema=VerdictPair._fields, orient="row")
    scores = ("score", "shadow_score")
    if frame.is_empty() or any(frame[name].n_unique() < 2 for name in scores):
        return None
    by_contact = frame.select(pl.col(*scores).repeat_by("contacts").explode())
    return round(float(by_contact.select(pl.corr(*scores, method="spearman")).item()), 3)


def _name(row: DisputedMql) -> NamedDispute:
    since = from_ms(row.since) if row.since is not None else None
    return NamedDispute(contact_id=row.contact_id, email=row.email, score=row.score, shadow_score=row.shadow_score, since=since)
