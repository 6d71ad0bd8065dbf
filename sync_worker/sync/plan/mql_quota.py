"""At most so many new MQLs a day, where the model says so; the best go first, the others wait for tomorrow."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import polars as pl

from sync_worker.model.file.schema import GRADE_LETTERS
from sync_worker.model.scoring.mql_quota import select_admissions
from sync_worker.store import mql_admissions
from sync_worker.store.database import Store
from sync_worker.sync.portal.crm_schema import CrmSchema
from sync_worker.timestamps import to_ms

CANDIDATE_SCHEMA = {"contact_id": pl.Int64, "score": pl.Int64, "grade_rank": pl.Int64, "since": pl.Int64}


@dataclass(frozen=True, slots=True, kw_only=True)
class MqlQuota:
    """The model's capacity on one of the portal's days."""

    crm_schema: CrmSchema
    now: datetime
    day_start: datetime

    @property
    def daily_limit(self) -> int | None:
        """Return how many may become MQLs in a day; None for any number."""
        return self.crm_schema.model.document.qualification.new_per_day

    def admit(self, store: Store) -> int:
        """Let in the best of those who qualify since the last time, and let the others wait; return how many wait.

        Everybody has been judged: only then is it known who is the best.
        """
        if self.daily_limit is None:
            return 0
        with store.transaction() as tx:
            mql_admissions.delete_lapsed(tx)
            rows = mql_admissions.load_candidates(tx, at=to_ms(self.now))
            since = {id_: first for id_, _, _, first, _ in rows}
            frame = pl.DataFrame(
                [(id_, score, GRADE_LETTERS.index(grade), first) for id_, score, grade, first, _ in rows],
                schema=CANDIDATE_SCHEMA,
                orient="row",
            )
            today = mql_admissions.count_admitted_since(tx, to_ms(self.day_start))
            chosen = set(select_admissions(frame, self.daily_limit, admitted_today=today).to_list())
            others = {id_: self.crm_schema.clear_mql(desired) for id_, _, _, _, desired in rows if id_ not in chosen}
            mql_admissions.admit(tx, {id_: since[id_] for id_ in chosen}, at=to_ms(self.now))
            mql_admissions.defer(tx, {id_: since[id_] for id_ in others}, others)
        return len(others)
