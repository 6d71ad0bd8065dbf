"""The grade: thirds of a letter for each criterion that matches or does not match; an unknown result changes what the criterion says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import reduce
from typing import Final, TypeVar

import polars as pl

from sync_worker.model.compiled.criteria import is_condition_visible
from sync_worker.model.file.schema import GRADE_LETTERS, GradeCriterion
from sync_worker.model.scoring.counters import column_name
from sync_worker.model.scoring.evaluation_context import EvaluationContext
from sync_worker.model.scoring.predicates import compile_condition

#: Columns with the match of each criterion; null is unknown.
MATCH: Final = "match"

_SIGNS: Final = "+-"


def add_grade(contacts: pl.DataFrame, context: EvaluationContext) -> pl.DataFrame:
    """Add the match of each criterion, `grade`, `grade_rank`, `grade_known` and `grade_of`.

    `grade_rank` is the number of thirds above F: 0 (F) to 12 (A+). A model without criteria has no grade: null, with rank 0.
    """
    model = context.model
    if not model.grade_criteria:
        zero = pl.lit(0, dtype=pl.Int64)
        return contacts.with_columns(grade_rank=zero, grade_known=zero, grade_of=zero, grade=pl.lit(None, dtype=pl.String))
    matches = [_match_expression(criterion, context).alias(column_name(MATCH, key)) for key, criterion in model.grade_criteria.items()]
    return (
        contacts.with_columns(matches)
        .with_columns(
            grade_rank=_rank_expression(model.grade_criteria, GRADE_LETTERS.index(model.document.grade.start)),
            grade_known=_sum(pl.col(column_name(MATCH, key)).is_not_null().cast(pl.Int64) for key in model.grade_criteria),
            grade_of=pl.lit(len(model.grade_criteria), dtype=pl.Int64),
        )
        .with_columns(grade=_letter_expression(without_signs=model.document.grade.letters == "whole"))
    )


def _match_expression(criterion: GradeCriterion, context: EvaluationContext) -> pl.Expr:
    if not is_condition_visible(criterion.when, context.hidden_kinds):
        return pl.lit(None, dtype=pl.Boolean)
    return compile_condition(criterion.when, context.contact_scope)


RankT = TypeVar("RankT", int, pl.Expr)


def comparison_rank(rank: RankT, *, without_signs: bool) -> RankT:
    """Return the rank that grades are compared by: of the letter that is shown, without its sign."""
    return (rank + 2) // 3 if without_signs else rank


def strip_sign(letter: str, *, without_signs: bool) -> str:
    """Return the letter as it is shown."""
    return letter.rstrip(_SIGNS) if without_signs else letter


def grade_letters(*, without_signs: bool) -> tuple[str, ...]:
    """Return the possible grades in ascending order."""
    return tuple(dict.fromkeys(strip_sign(letter, without_signs=without_signs) for letter in GRADE_LETTERS))


def _rank_expression(criteria: Mapping[str, GradeCriterion], start: int) -> pl.Expr:
    thirds = _sum(
        pl.when(pl.col(column_name(MATCH, key)))
        .then(criterion.thirds)
        .when(~pl.col(column_name(MATCH, key)))
        .then(criterion.otherwise)
        .otherwise(criterion.unknown)
        for key, criterion in criteria.items()
    )
    return (thirds + start).clip(0, len(GRADE_LETTERS) - 1)


def _letter_expression(*, without_signs: bool) -> pl.Expr:
    letters = [strip_sign(letter, without_signs=without_signs) for letter in GRADE_LETTERS]
    return pl.col("grade_rank").replace_strict(range(len(GRADE_LETTERS)), letters, return_dtype=pl.String)


def _sum(parts: Iterable[pl.Expr]) -> pl.Expr:
    return reduce(pl.Expr.__add__, parts, pl.lit(0, dtype=pl.Int64))
