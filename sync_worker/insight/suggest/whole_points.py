"""Criteria in whole points from the weights of a fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl

from sync_worker.insight.metrics import ResampledScores
from sync_worker.insight.suggest.candidate_matrix import CandidateMatrix
from sync_worker.insight.suggest.candidates import Candidate
from sync_worker.insight.suggest.sparse_fit import SparseFit, Vector

#: The points of the criterion with the largest weight; the smallest that orders the contacts as well as the exact weights.
LARGEST_POINTS: Final = (5, 10, 20, 40)
MAX_LOSS: Final = 0.001  # of the AUC, by whole points


@dataclass(frozen=True, slots=True, kw_only=True)
class SuggestedCriterion:
    """A candidate with whole points: by number of events, or `{1: points}` for a condition."""

    candidate: Candidate
    tiers: Mapping[int, int]

    @property
    def points(self) -> int:
        """The sum of the points."""
        return sum(self.tiers.values())

    def body(self, language: str) -> dict[str, Any]:
        """Return the criterion as in the model file."""
        body = dict(self.candidate.body)
        is_plain = set(body) == {"event"}  # the worker has phrases for these in every language
        label = {} if is_plain else {"label": self.candidate.label if language == "en" else {language: self.candidate.label}}
        amount = {"tiers": dict(self.tiers)} if "event" in body and set(self.tiers) != {1} else {"points": self.points}
        return {**label, **body, **amount}


def round_weights(fitted: SparseFit, matrix: CandidateMatrix) -> list[SuggestedCriterion]:
    """Return the criteria of a fit in whole points, the weightiest first."""
    converted = pl.Series(matrix.converted)
    exact = ResampledScores({"score": matrix.bits[:, list(fitted.chosen)] @ fitted.weights}, converted, resamples=1).rank("score").auc.value
    for largest in LARGEST_POINTS:
        points = _scale(fitted.weights, largest)
        scores = matrix.bits[:, list(fitted.chosen)] @ points
        if ResampledScores({"score": scores}, converted, resamples=1).rank("score").auc.value >= exact - MAX_LOSS:
            break
    return _build_criteria([matrix.columns[index] for index in fitted.chosen], points)


def _scale(weights: Vector, largest: int) -> Vector:
    scaled: Vector = np.rint(weights / np.abs(weights).max() * largest)
    return scaled


def _build_criteria(columns: Sequence[Any], points: Vector) -> list[SuggestedCriterion]:
    tiers: dict[str, dict[int, int]] = {}
    candidates: dict[str, Candidate] = {}
    for column, number in zip(columns, points, strict=True):
        if number:
            candidates[column.candidate.key] = column.candidate
            tiers.setdefault(column.candidate.key, {})[column.at_least] = int(number)
    found = [SuggestedCriterion(candidate=candidates[key], tiers=dict(sorted(steps.items()))) for key, steps in tiers.items()]
    return sorted(found, key=lambda criterion: (-abs(criterion.points), criterion.candidate.key))
