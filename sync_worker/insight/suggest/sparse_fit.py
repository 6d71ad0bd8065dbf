"""A sparse logistic regression on columns of 0 and 1: one criterion after the other, engagement never negative."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.special import expit
from scipy.stats import chi2

from sync_worker.insight.suggest.candidate_matrix import Bits, CandidateMatrix, Flags

#: A criterion is added only if chance alone would add one in at most one of a hundred fits, whatever the number of candidates.
MAX_FALSE_DISCOVERY: Final = 0.01
MAX_TIERS: Final = 4
MIN_NOVELTY: Final = 0.05  # the share of a column that the chosen ones do not say already
_RIDGE: Final = 1.0  # a weak prior, so that a criterion that always converts has a finite weight
_NEWTON_STEPS: Final = 25
_TOLERANCE: Final = 1e-6

Vector = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class SparseFit:
    """Weights of some columns of a matrix, in log-odds."""

    chosen: tuple[int, ...]
    weights: Vector
    intercept: float

    def count_criteria(self, matrix: CandidateMatrix) -> int:
        """Return the number of criteria; tiers of one count once."""
        return len({matrix.columns[index].candidate.key for index in self.chosen})

    def losses(self, matrix: CandidateMatrix) -> Vector:
        """Return the deviance of each contact's outcome; lower is better."""
        expected = self.predict(matrix)
        losses: Vector = -2 * np.log(np.where(matrix.converted, expected, 1 - expected))
        return losses

    def predict(self, matrix: CandidateMatrix) -> Vector:
        """Return the rate of outcomes that the fit expects of each contact."""
        predicted: Vector = expit(matrix.bits[:, list(self.chosen)] @ self.weights + self.intercept)
        return predicted


def fit_path(matrix: CandidateMatrix, *, criteria: int, offset: Vector | None = None, is_positive: bool = False) -> list[SparseFit]:
    """Return the fits with 0, 1, 2 ... criteria, at most `criteria`; fewer if no further one is better than chance.

    `offset`: log-odds of each contact that are known already; `is_positive`: no weight at all may be negative.
    """
    search = _Search.start(matrix, offset, is_positive=is_positive)
    path = [search.fit(())]
    while (chosen := search.extend(path[-1], criteria)) is not None:
        fitted = search.prune(search.fit(chosen))
        size = search.count_criteria(fitted.chosen)
        if size <= search.count_criteria(path[-1].chosen) and search.deviance(fitted) >= search.deviance(path[-1]) - _TOLERANCE:
            break
        path.append(fitted)
    return path


@dataclass(frozen=True, slots=True, eq=False)
class _Search:
    bits: Bits
    converted: Flags
    groups: tuple[str, ...]  # the criterion of each column
    engagement: Flags
    offset: Vector
    least: float  # of the score statistic

    @classmethod
    def start(cls, matrix: CandidateMatrix, offset: Vector | None = None, *, is_positive: bool = False) -> _Search:
        groups = tuple(column.candidate.key for column in matrix.columns)
        engagement = np.array([is_positive or column.candidate.is_engagement for column in matrix.columns], dtype=bool)
        least = float(chi2.isf(MAX_FALSE_DISCOVERY / max(len(groups), 1), df=1))
        return cls(matrix.bits, matrix.converted, groups, engagement, np.zeros(matrix.converted.size) if offset is None else offset, least)

    def expect(self, fitted: SparseFit) -> Vector:
        expected: Vector = expit(self.bits[:, list(fitted.chosen)] @ fitted.weights + fitted.intercept + self.offset)
        return expected

    def count_criteria(self, chosen: tuple[int, ...]) -> int:
        return len({self.groups[index] for index in chosen})

    def extend(self, fitted: SparseFit, criteria: int) -> tuple[int, ...] | None:
        """Return the chosen columns with the one that improves the fit most; None if none is better than chance."""
        gains = self._gains(fitted)
        taken = [self.groups[index] for index in fitted.chosen]
        for index, group in enumerate(self.groups):
            full = group not in taken and len(set(taken)) >= criteria
            if full or index in fitted.chosen or taken.count(group) >= MAX_TIERS:
                gains[index] = 0
        best = int(gains.argmax()) if gains.size else 0
        return (*fitted.chosen, best) if gains.size and gains[best] >= self.least else None

    def _gains(self, fitted: SparseFit) -> Vector:
        """Return the score statistic of each column, given the chosen ones; 0 if engagement would lower the score."""
        chosen = self.bits[:, list(fitted.chosen)]
        expected = self.expect(fitted)
        spread = (expected * (1 - expected)).astype(np.float32)
        residual = (self.converted - expected).astype(np.float32)
        base = np.column_stack([np.ones(len(chosen), dtype=np.float32), chosen])
        slope = self.bits.T @ residual
        cross = self.bits.T @ (base * spread[:, None])
        within = np.linalg.inv(base.T @ (base * spread[:, None]) + 1e-6 * np.eye(base.shape[1]))
        alone = self.bits.T @ spread
        information = alone - np.einsum("ij,jk,ik->i", cross, within, cross)
        is_new = information > MIN_NOVELTY * alone
        gains: Vector = np.where(is_new, slope.astype(np.float64) ** 2 / np.where(is_new, information, 1), 0.0)
        gains[self.engagement & (slope < 0)] = 0
        return gains

    def fit(self, chosen: tuple[int, ...]) -> SparseFit:
        """Return the fit of the chosen columns; those of engagement with a negative weight are left out."""
        while True:
            weights = self._newton(chosen)
            wrong = [place for place, index in enumerate(chosen) if self.engagement[index] and weights[place + 1] < 0]
            if not wrong:
                return SparseFit(chosen=chosen, weights=weights[1:], intercept=float(weights[0]))
            chosen = tuple(index for place, index in enumerate(chosen) if place != min(wrong, key=lambda place: weights[place + 1]))

    def _newton(self, chosen: tuple[int, ...]) -> Vector:
        rows = np.column_stack([np.ones(len(self.converted)), self.bits[:, list(chosen)], self.offset])
        # Contacts with the same bits are one row: a fit then takes as long as there are patterns.
        patterns, inverse, counts = np.unique(rows, axis=0, return_inverse=True, return_counts=True)
        outcomes = np.bincount(inverse.ravel(), weights=self.converted, minlength=len(patterns))
        patterns, offset = patterns[:, :-1], patterns[:, -1]
        ridge = _RIDGE * np.eye(patterns.shape[1])
        ridge[0, 0] = 1e-9
        weights: Vector = np.zeros(patterns.shape[1])
        for _ in range(_NEWTON_STEPS):
            expected = expit(patterns @ weights + offset)
            slope = patterns.T @ (outcomes - counts * expected) - ridge @ weights
            curvature = (patterns * (counts * expected * (1 - expected))[:, None]).T @ patterns + ridge
            step = np.linalg.solve(curvature, slope)
            weights = weights + step
            if np.abs(step).max() < _TOLERANCE:
                break
        return weights

    def prune(self, fitted: SparseFit) -> SparseFit:
        """Leave out columns that later ones have made worthless."""
        while len(fitted.chosen) > 1:
            smaller = [self.fit(tuple(other for other in fitted.chosen if other != index)) for index in fitted.chosen]
            losses = [self.deviance(each) - self.deviance(fitted) for each in smaller]
            if min(losses) >= self.least / 2:
                break
            fitted = smaller[int(np.argmin(losses))]
        return fitted

    def deviance(self, fitted: SparseFit) -> float:
        expected = self.expect(fitted)
        return float(-2 * np.log(np.where(self.converted, expected, 1 - expected)).sum())
