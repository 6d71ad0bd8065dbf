"""Criteria that convert so often that they may be the outcome itself: filled by sales afterward, or a request that sales always follows."""

from __future__ import annotations

from typing import Final

import numpy as np

from sync_worker.insight.suggest.candidate_matrix import CandidateMatrix

SUSPICIOUS_RATE: Final = 0.8
MIN_LIFT: Final = 1.3


def find_leaks(matrix: CandidateMatrix, sources: frozenset[str]) -> list[str]:
    """Return the sources of which some test or its opposite selects contacts that almost all convert."""
    base = float(matrix.converted.mean())
    least = max(SUSPICIOUS_RATE, MIN_LIFT * base)
    met = matrix.bits.sum(axis=0)
    hits = matrix.converted.astype(np.float32) @ matrix.bits
    rate, opposite = hits / np.maximum(met, 1), (matrix.converted.sum() - hits) / np.maximum(matrix.converted.size - met, 1)
    found = {column.candidate.source for column, high in zip(matrix.columns, np.maximum(rate, opposite) > least, strict=True) if high}
    return sorted(found & sources)
