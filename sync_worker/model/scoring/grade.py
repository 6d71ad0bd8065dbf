"""The grade: thirds of a letter up or down, three states a criterion, and how much of it is known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import reduce
from typing import Final

import polars as pl

from sync_worker.model.file.schema import LETTERS, GradeCriterion
from sync_worker.model.scoring.context import Standpoint
from sync_worker.model.scoring.counters import column
from sync_worker.model.scoring.predicates import truth

#: Whether a criterion of the grade matches; null is unknown.
MATCH: Final = "match"

_SIGNS: Final = "+-"


def graded(contacts: pl.DataFrame, standpoint: Standpoint) -> pl.DataFrame:
    """Add to contacts with views: each criterion's match, `grade`, `grade_rank`, `grade_known` and `grade_of`.

    `grade_rank` counts thirds from F (0) to A+ (12).
    """
    model = standpoint.model
    matches = [
        truth(criterion.when, standpoint.contacts_asked).alias(column(MATCH, key)) for key, criterion in model.grade_criteria.items()
    ]
    return (
        contacts.with_columns(matches)
        .with_columns(
            grade_rank=_rank(model.grade_criteria, LETTERS.index(model.document.grade.start)),
            grade_known=_total(pl.col(column(MATCH, key)).is_not_null().cast(pl.Int64) for key in model.grade_criteria),
            grade_of=pl.lit(len(model.grade_criteria), dtype=pl.Int64),
        )
        .with_columns(grade=_letter(whole=model.document.grade.letters == "whole"))
    )


def letters(*, whole: bool) -> tuple[str, ...]:
    """Return the letters that a grade can be, the worst first."""
    return tuple(dict.fromkeys(letter.rstrip(_SIGNS) if whole else letter for letter in LETTERS))


def _rank(criteria: Mapping[str, GradeCriterion], start: int) -> pl.Expr:
    thirds = _total(
        pl.when(pl.col(column(MATCH, key))).then(criterion.thirds).when(~pl.col(column(MATCH, key))).then(criterion.otherwise).otherwise(0)
        for key, criterion in criteria.items()
    )
    return (thirds + start).clip(0, len(LETTERS) - 1)


def _letter(*, whole: bool) -> pl.Expr:
    said = [letter.rstrip(_SIGNS) if whole else letter for letter in LETTERS]
    return pl.col("grade_rank").replace_strict(range(len(LETTERS)), said, return_dtype=pl.String)


def _total(parts: Iterable[pl.Expr]) -> pl.Expr:
    return reduce(pl.Expr.__add__, parts, pl.lit(0, dtype=pl.Int64))
