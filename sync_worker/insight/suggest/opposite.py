"""A fit in which at least one criterion adds points: a model file needs one, and the opposite of a condition says the same."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sync_worker.insight.suggest.candidate_matrix import CandidateMatrix
from sync_worker.insight.suggest.candidates import Candidate
from sync_worker.insight.suggest.sparse_fit import SparseFit


def with_positive_weight(matrix: CandidateMatrix, fitted: SparseFit) -> tuple[CandidateMatrix, SparseFit]:
    """Return the matrix and its fit; if all weights are negative, with the opposite of the weightiest column in its place."""
    if not fitted.chosen or fitted.weights.max() > 0:
        return matrix, fitted
    place = int(fitted.weights.argmin())
    index, sign = fitted.chosen[place], np.where(np.arange(fitted.weights.size) == place, -1, 1)
    bits, columns = matrix.bits.copy(), list(matrix.columns)
    bits[:, index] = 1 - bits[:, index]
    columns[index] = replace(columns[index], candidate=_find_opposite(columns[index].candidate))
    intercept = fitted.intercept + float(fitted.weights[place])
    return replace(matrix, bits=bits, columns=tuple(columns)), replace(fitted, weights=fitted.weights * sign, intercept=intercept)


def _find_opposite(candidate: Candidate) -> Candidate:
    """Return the candidate that all other contacts meet, also those of which the property is not known."""
    when, unknown = candidate.body["when"], {candidate.source: {"is_unknown": True}}
    is_presence = when == {candidate.source: {"is_known": True}}
    opposite = unknown if is_presence else {"any": [{"not": when}, unknown]}
    return replace(candidate, key=f"not_{candidate.key}", label=f"not {candidate.label}", body={"when": opposite})
