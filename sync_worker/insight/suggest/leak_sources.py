"""The sources of a suggestion that may be the outcome itself."""

from __future__ import annotations

import numpy as np

from sync_worker.insight.leaks import may_leak
from sync_worker.insight.suggest.candidate_matrix import CandidateMatrix


def find_leak_sources(matrix: CandidateMatrix, sources: frozenset[str]) -> list[str]:
    """Return those of the sources of which some test, or the opposite of one, may leak.

    Sales fill in a field, not a criterion: one suspicious value makes every candidate of its property suspicious.
    """
    contacts, outcomes = matrix.converted.size, int(matrix.converted.sum())
    met = matrix.bits.sum(axis=0, dtype=np.float64)
    hits = (matrix.converted.astype(np.float32) @ matrix.bits).astype(np.float64)
    found = {
        column.candidate.source
        for column, hit, total in zip(matrix.columns, hits.tolist(), met.tolist(), strict=True)
        if may_leak(hit, total, outcomes=outcomes, contacts=contacts)
        or may_leak(outcomes - hit, contacts - total, outcomes=outcomes, contacts=contacts)
    }
    return sorted(found & sources)
