"""A grade, where it helps: where it makes the MQLs by score convert more often than as many contacts with the highest scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from scipy.special import logit

from sync_worker.insight.metrics import Estimate, ResampledScores
from sync_worker.insight.suggest.candidate_matrix import CandidateMatrix
from sync_worker.insight.suggest.model_draft import SuggestedGrade
from sync_worker.insight.suggest.sparse_fit import SparseFit, Vector, fit_path
from sync_worker.insight.suggest.whole_points import SuggestedCriterion
from sync_worker.model.file.schema import GRADE_LETTERS

MAX_THIRDS: Final = 3
START: Final = "D"
MIN_MQLS: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class GradeBenefit:
    """The precision of the MQLs by score with a minimum grade, minus that of as many contacts with the highest scores."""

    mqls: int
    gain: Estimate | None  # None: too few MQLs

    @property
    def helps(self) -> bool:
        """Whether the whole interval is above zero."""
        return self.gain is not None and self.gain.low > 0

    def describe(self, what: str) -> str:
        """Return the reason for a line of the suggestion."""
        if self.gain is None:
            return f"{what} leaves {self.mqls:,} MQLs by score among the last contacts of the fit: too few to compare"
        verb = "raises" if self.helps else "does not raise"
        change = f"{100 * self.gain.value:+.1f} points [{100 * self.gain.low:+.1f}, {100 * self.gain.high:+.1f}]"
        return (
            f"{what} {verb} the precision of {self.mqls:,} MQLs by score among the last contacts of the fit, which also chose it: {change}"
        )


def measure_grade(scores: pl.Series, passes: pl.Series, converted: pl.Series, threshold: float) -> GradeBenefit:
    """Measure a minimum grade: `passes` says which contacts have it."""
    chosen = (scores >= threshold) & passes
    mqls = int(chosen.sum())
    if mqls < MIN_MQLS:
        return GradeBenefit(mqls=mqls, gain=None)
    resampled = ResampledScores({"score": scores, "chosen": chosen.cast(pl.Int8)}, converted)
    return GradeBenefit(mqls=mqls, gain=resampled.compare_cut("chosen", 1, "score"))


def fit_grade(matrix: CandidateMatrix, scores: Vector, *, criteria: int, threshold: float) -> SuggestedGrade | None:
    """Return the grade that adds most to the scores of these contacts, or None if no property of theirs adds anything."""
    fit_only = [index for index, column in enumerate(matrix.columns) if column.candidate.is_fit]
    if not fit_only or criteria < 1:
        return None
    path = fit_path(matrix.select(fit_only), criteria=criteria, offset=_offset(scores, matrix), is_positive=True)
    columns = [matrix.columns[fit_only[index]] for index in path[-1].chosen]
    if not columns:
        return None
    thirds = _thirds(path[-1])
    chosen = [SuggestedCriterion(candidate=column.candidate, tiers={1: number}) for column, number in zip(columns, thirds, strict=True)]
    ranks = GRADE_LETTERS.index(START) + matrix.bits[:, [fit_only[index] for index in path[-1].chosen]] @ np.array(thirds, dtype=float)
    at_least = _choose_letter(scores, ranks, matrix, threshold)
    return None if at_least is None else SuggestedGrade(criteria=chosen, at_least=at_least)


def _offset(scores: Vector, matrix: CandidateMatrix) -> Vector:
    """Return the log-odds that each contact has by its score alone."""
    table = pl.DataFrame({"score": scores, "converted": matrix.converted})
    base = float(matrix.converted.mean())
    rate = (pl.col("converted").sum() + base) / (pl.len() + 1)
    smooth: Vector = table.select(rate.over("score")).to_series().to_numpy()
    offset: Vector = logit(smooth)
    return offset


def _thirds(fitted: SparseFit) -> Sequence[int]:
    return [max(1, int(number)) for number in np.rint(fitted.weights / fitted.weights.max() * MAX_THIRDS)]


def _choose_letter(scores: Vector, ranks: Vector, matrix: CandidateMatrix, threshold: float) -> str | None:
    """Return the lowest grade that gives the highest precision at the same number of MQLs."""
    gains: dict[str, float] = {}
    converted = pl.Series(matrix.converted)
    for rank in sorted({int(each) for each in ranks})[1:]:
        benefit = measure_grade(pl.Series(scores), pl.Series(ranks >= rank), converted, threshold)
        if benefit.gain is not None:
            gains[GRADE_LETTERS[min(rank, len(GRADE_LETTERS) - 1)]] = benefit.gain.value
    best = max(gains, key=lambda letter: gains[letter], default=None)
    return best if best is not None and gains[best] > 0 else None
