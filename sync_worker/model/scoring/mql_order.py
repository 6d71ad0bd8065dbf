"""The order of the candidates for the daily quota of new MQLs: the best are admitted first, the others wait."""

from __future__ import annotations

from typing import Final

import polars as pl

#: Columns of the candidates; `since` is when the contact first qualified, null if it qualifies now.
CANDIDATE_COLUMNS: Final = ("contact_id", "score", "grade_rank", "since")


def select_admissions(candidates: pl.DataFrame, per_day: int | None, *, admitted_today: int = 0) -> pl.Series:
    """Return the ids of the candidates that are admitted today, in order: score, grade, waiting time, id.

    `candidates` are contacts that qualify and are not MQLs yet. `per_day` is the quota, None for no limit; `admitted_today` is the number
    of contacts already admitted today.
    """
    ordered = candidates.select(CANDIDATE_COLUMNS).sort(
        ["score", "grade_rank", "since", "contact_id"],
        descending=[True, True, False, False],
        nulls_last=[True, True, True, True],
    )
    return ordered["contact_id"] if per_day is None else ordered["contact_id"].head(max(0, per_day - admitted_today))
