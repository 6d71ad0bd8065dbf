"""How many criteria a fit may have: chosen chronologically, on contacts that are later than those of a trial fit."""

from __future__ import annotations

import numpy as np

from sync_worker.insight.suggest.candidate_matrix import CandidateMatrix
from sync_worker.insight.suggest.sparse_fit import SparseFit, Vector, fit_path


def choose_size(matrix: CandidateMatrix, *, inner: int, rows: int, criteria: int) -> tuple[int, SparseFit]:
    """Return how many criteria a fit on the first `rows` contacts may have, and the trial fit.

    The trial sees only the first `inner` contacts. It is the largest one that is not clearly worse than the best one on the contacts
    after them: a criterion has to pass a strict test before it is tried, and the later contacts reject those that no longer hold. If they
    reject none, the limit is `criteria`: a fit on more contacts may find more that pass the test.
    """
    first, later = matrix.head(inner), matrix.head(rows).tail(inner)
    path = fit_path(first, criteria=criteria)
    losses = [each.losses(later) for each in path]
    best = min(losses, key=lambda loss: float(loss.sum()))
    chosen = next(each for each, loss in zip(path[::-1], losses[::-1], strict=True) if not _is_clearly_larger(loss - best))
    return criteria if chosen is path[-1] else chosen.count_criteria(matrix), chosen


def _is_clearly_larger(difference: Vector) -> bool:
    """Return whether a sum is above zero by more than its standard error."""
    return float(difference.sum()) > float(difference.std() * np.sqrt(difference.size))
