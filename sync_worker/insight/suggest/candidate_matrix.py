"""The matrix contact × candidate criterion: counts by the compiled model, so that a column is exactly what a criterion would count."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from sync_worker.insight.cohort import Cohort
from sync_worker.insight.suggest.candidates import MIN_SUPPORT, MIN_SUPPORT_SHARE, Candidate, is_single_value, list_value_groups
from sync_worker.model.compiled.lint import find_errors
from sync_worker.model.compiled.model import Model
from sync_worker.model.evaluate import count_criteria
from sync_worker.model.file.schema import Grade, Qualification, Score

#: The numbers of events that a tier may start at.
LADDER: Final = (1, 2, 3, 5, 8, 10, 15, 20, 30, 50, 100)

Bits = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A candidate that counts from a number of events on; conditions count as one event."""

    candidate: Candidate
    at_least: int = 1


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class CandidateMatrix:
    """One row per contact of a cohort, in its order, and one column of 0 and 1 per `Column`."""

    columns: tuple[Column, ...]
    bits: Bits
    converted: Flags

    def select(self, chosen: Sequence[int]) -> CandidateMatrix:
        """Return the matrix with some of the columns."""
        return replace(self, columns=tuple(self.columns[index] for index in chosen), bits=self.bits[:, list(chosen)])

    def without(self, sources: Collection[str]) -> CandidateMatrix:
        """Return the matrix without the columns of some sources."""
        return self.select([index for index, column in enumerate(self.columns) if column.candidate.source not in sources])

    def head(self, rows: int) -> CandidateMatrix:
        """Return the matrix of the first contacts."""
        return replace(self, bits=self.bits[:rows], converted=self.converted[:rows])

    def tail(self, rows: int) -> CandidateMatrix:
        """Return the matrix without the first contacts."""
        return replace(self, bits=self.bits[rows:], converted=self.converted[rows:])


def build_matrix(cohort: Cohort, model: Model, candidates: Sequence[Candidate]) -> CandidateMatrix:
    """Return the matrix of all candidates that the model language accepts; `model` gives it domain lists, signals and properties."""
    counted = _count(cohort, model, candidates)
    by_key = {candidate.key: candidate for candidate in candidates}
    columns, bits = [], []
    for key in counted.columns[1:]:
        counts = counted[key].to_numpy()
        for at_least in _ladder(by_key[key], int(counts.max())):
            columns.append(Column(candidate=by_key[key], at_least=at_least))
            bits.append((counts >= at_least).astype(np.float32))
    stacked = np.column_stack(bits) if bits else np.zeros((cohort.contacts.height, 0), dtype=np.float32)
    return CandidateMatrix(columns=tuple(columns), bits=stacked, converted=cohort.contacts["converted"].to_numpy())


def _ladder(candidate: Candidate, maximum: int) -> Iterator[int]:
    return (at_least for at_least in LADDER if at_least <= max(maximum, 1) and (at_least == 1 or candidate.is_engagement))


def _count(cohort: Cohort, model: Model, candidates: Sequence[Candidate]) -> pl.DataFrame:
    counted = count_criteria(cohort.facts, compile_candidates(model, candidates), cohort.at)
    return cohort.contacts.select("contact_id").join(counted, on="contact_id", how="left", maintain_order="left").fill_null(0)


def compile_candidates(model: Model, candidates: Iterable[Candidate]) -> Model:
    """Return a model whose criteria are the candidates, without those that the model language refuses."""
    criteria = {candidate.key: {**candidate.body, "points": 1} for candidate in candidates}
    score = Score.model_validate({"criteria": criteria, "bands": [{"name": "all", "from": 0}], "degradation": {"kind": "none"}})
    qualification = Qualification.model_validate({"threshold": 1})
    document = model.document.model_copy(update={"score": score, "grade": Grade(), "qualification": qualification})
    refused = {place[2] for place, _ in find_errors(document) if place[:2] == ("score", "criteria")}
    kept = {key: criterion for key, criterion in score.criteria.items() if key not in refused}
    return Model(document=document.model_copy(update={"score": score.model_copy(update={"criteria": kept})}), source="candidates")


def prepare_columns(matrix: CandidateMatrix, rows: int) -> CandidateMatrix:
    """Return the columns for a fit on the first contacts, with groups of values: nothing is learned from the other contacts."""
    return _select_supported(_add_value_groups(_select_supported(matrix, rows), rows), rows)


def _select_supported(matrix: CandidateMatrix, rows: int) -> CandidateMatrix:
    """Return the columns that enough of the first contacts meet and enough do not meet; of columns that say the same, the first."""
    least = max(MIN_SUPPORT, int(rows * MIN_SUPPORT_SHARE))
    met = matrix.bits[:rows].sum(axis=0)
    patterns: dict[bytes, int] = {}
    for index in np.flatnonzero((met >= least) & (met <= rows - least)):
        flags = matrix.bits[:rows, index] > 0
        patterns.setdefault(np.packbits(flags ^ flags[0]).tobytes(), int(index))  # the opposite says the same, with the other sign
    return matrix.select(sorted(patterns.values()))


def _add_value_groups(matrix: CandidateMatrix, rows: int) -> CandidateMatrix:
    """Add groups of the values of each property, in the order of their rates of outcomes among the first contacts."""
    values: dict[str, list[tuple[int, float]]] = {}
    for index, column in enumerate(matrix.columns):
        if is_single_value(column.candidate):
            rate = float(matrix.converted[:rows][matrix.bits[:rows, index] > 0].mean())
            values.setdefault(column.candidate.source, []).append((index, rate))
    columns, bits = list(matrix.columns), [matrix.bits]
    for members in values.values():
        by_key = {matrix.columns[index].candidate.key: index for index, _ in members}
        for group, keys in list_value_groups([(matrix.columns[index].candidate, rate) for index, rate in members]):
            columns.append(Column(candidate=group))
            bits.append(matrix.bits[:, [by_key[key] for key in keys]].max(axis=1, keepdims=True))
    return replace(matrix, columns=tuple(columns), bits=np.hstack(bits))
