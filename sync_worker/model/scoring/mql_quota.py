"""At most so many new MQLs a day: the best go first, the others wait for tomorrow."""

from __future__ import annotations

from typing import Final

import polars as pl

#: What a candidate must have: `since` is when the contact first qualified, null for right now.
CANDIDATE_COLUMNS: Final = ("contact_id", "score", "grade_rank", "since")


def select_admissions(candidates: pl.DataFrame, per_day: int | None, *, admitted_today: int = 0) -> pl.Series:
    """Return the ids of the new MQLs that may enter today, in the order in which they do.

    The highest score goes first, then the better grade, then who has waited longest, then the lower id. Those who are MQLs
    already are no candidates. `per_day`: the model's capacity, None for no limit; `already_today`: how many have entered today.
    """
    ordered = candidates.select(CANDIDATE_COLUMNS).sort(
        ["score", "grade_rank", "since", "contact_id"],
        descending=[True, True, False, False],
        nulls_last=[True, True, True, True],
    )
    return ordered["contact_id"] if per_day is None else ordered["contact_id"].head(max(0, per_day - admitted_today))
