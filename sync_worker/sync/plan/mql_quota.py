"""The daily limit of new MQLs: the best candidates are admitted, the others wait for the next day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import polars as pl

from sync_worker.model.file.schema import GRADE_LETTERS
from sync_worker.model.scoring.mql_order import select_admissions
from sync_worker.store.database import Store
from sync_worker.store.writes import mql_admissions
from sync_worker.sync.portal.managed_properties import CrmSchema
from sync_worker.timestamps import to_ms

CANDIDATE_SCHEMA = {"contact_id": pl.Int64, "score": pl.Int64, "grade_rank": pl.Int64, "since": pl.Int64}


@dataclass(frozen=True, slots=True, kw_only=True)
class MqlQuota:
    """The daily limit of a model. `day_start` is the start of the portal's current day."""

    crm_schema: CrmSchema
    now: datetime
    day_start: datetime

    @property
    def daily_limit(self) -> int | None:
        """Return the number of new MQLs per day; None for no limit."""
        return self.crm_schema.model.document.qualification.new_per_day

    def admit(self, store: Store) -> int:
        """Admit the best candidates and defer the others; return the number of deferred contacts.

        Must be called after all contacts have been evaluated, because only then are the best ones known.
        """
        if self.daily_limit is None:
            return 0
        with store.transaction() as tx:
            mql_admissions.delete_lapsed(tx)
            rows = mql_admissions.load_candidates(tx, at=to_ms(self.now))
            since = {id_: first for id_, _, _, first, _ in rows}
            frame = pl.DataFrame(
                [(id_, score, GRADE_LETTERS.index(grade) if grade else 0, first) for id_, score, grade, first, _ in rows],
                schema=CANDIDATE_SCHEMA,
                orient="row",
            )
            today = mql_admissions.count_admitted_since(tx, to_ms(self.day_start))
            admitted = set(select_admissions(frame, self.daily_limit, admitted_today=today).to_list())
            deferred = {row.contact_id: self.crm_schema.defer_mql(row.desired) for row in rows if row.contact_id not in admitted}
            mql_admissions.admit(tx, {id_: since[id_] for id_ in admitted}, at=to_ms(self.now))
            mql_admissions.defer(tx, {id_: since[id_] for id_ in deferred}, deferred)
        return len(deferred)
