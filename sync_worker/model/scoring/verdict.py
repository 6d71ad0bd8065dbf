"""The verdict on one contact, as a row of the verdict table."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Score, grade and MQL of one contact; the fields are the columns of the verdict table."""

    contact_id: int
    score: int  # whole points
    band: str
    grade: str | None  # None if the model has no criteria of the grade
    grade_rank: int  # thirds of a letter above F
    grade_known: int  # criteria of the grade that are known ...
    grade_of: int  # ... of this many
    mql: bool
    deferred: bool  # qualifies as an MQL, and waits because of the daily quota
    retained: bool  # an MQL by score below the threshold, until the score falls below `leave_below`
    by_score: bool
    direct: bool
    disqualified: bool
    mql_reason: str | None  # key of a direct qualifier, or `by_score`; None if the contact is not an MQL
    disqualified_by: str | None  # key of a disqualifier
    trend: str  # rising, steady, falling
    mql_blockers: str | None  # why it is not an MQL; None for an MQL
    score_reasons: str  # lines for sales reps
    grade_reasons: str


VERDICT_COLUMNS: Final = tuple(field.name for field in fields(Verdict))
