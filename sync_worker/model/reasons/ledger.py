"""The ledger: the lines of a score, which add up to it exactly."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import polars as pl

from sync_worker.model.compiled.criteria import ScoreCriterion
from sync_worker.model.compiled.facts import TIMESTAMP
from sync_worker.model.i18n.model_labels import display_label
from sync_worker.model.scoring.counters import EVENTS, NEWEST, QUARANTINED, column_name
from sync_worker.model.scoring.evaluation_context import EvaluationContext
from sync_worker.model.scoring.score import CAP_LOSS, DEGRADATION, FLOOR, MINIMUM, POINTS, ROUNDING

LEDGER_SCHEMA: Final[Mapping[str, pl.DataType | type[pl.DataType]]] = {
    "contact_id": pl.Int64,
    "line": pl.String,  # key of a criterion, degradation, floor, minimum, rounding
    "label": pl.String,
    "points": pl.Int64,  # micro-points
    "events": pl.Int64,  # number of counted events; null for lines that count no events
    "newest": TIMESTAMP,  # the newest of them
    "cut": pl.Int64,  # micro-points lost by the cap; null without a cap
    "quarantined": pl.Int64,  # number of quarantined events that would have counted
    "visible": pl.Boolean,  # false: the portal does not show the data of the criterion
}


def build_ledger(intermediate: pl.DataFrame, context: EvaluationContext) -> pl.DataFrame:
    """Return the ledger of all contacts with `LEDGER_SCHEMA`, in order of contacts and of the model file.

    Points are micro-points (see `units.from_micro`); those of a contact add up to its score.
    """
    parts = [intermediate.select(_cast_to_schema(line)) for line in _ledger_lines(intermediate.columns, context)]
    if not intermediate.height:
        return pl.concat(parts)
    # All parts have the same length, so the lines of a contact can be put together without a sort.
    row = pl.int_range(intermediate.height * len(parts))
    order = pl.select((row % len(parts) * intermediate.height + row // len(parts)).cast(pl.UInt32)).to_series()
    return pl.concat(parts, rechunk=True)[order]


def _ledger_lines(columns: list[str], context: EvaluationContext) -> Iterator[Mapping[str, pl.Expr]]:
    for line in context.model.score_criteria:
        label = display_label(line.key, line.label, context.model.document.language)
        if line in context.visible_criteria:
            yield _ledger_line(line.key, label, _criterion_values(line, columns))
        else:
            yield _ledger_line(line.key, label, {"visible": pl.lit(False)})
    names = [DEGRADATION, FLOOR, *([MINIMUM] if context.model.document.score.minimum is not None else []), ROUNDING]
    yield from (_ledger_line(name, name, {"points": pl.col(name)}) for name in names)


def _criterion_values(criterion: ScoreCriterion, columns: list[str]) -> Mapping[str, pl.Expr]:
    values = {
        measure: pl.col(column_name(measure, criterion.key))
        for measure in (EVENTS, NEWEST, CAP_LOSS, QUARANTINED)
        if column_name(measure, criterion.key) in columns
    }
    if criterion.event is None:
        values.pop(EVENTS)
    return {"points": pl.col(column_name(POINTS, criterion.key)), **values}


def _ledger_line(key: str, label: str, values: Mapping[str, pl.Expr]) -> Mapping[str, pl.Expr]:
    return {"line": pl.lit(key), "label": pl.lit(label), "points": pl.lit(0), "visible": pl.lit(True), **values}


def _cast_to_schema(line: Mapping[str, pl.Expr]) -> Iterator[pl.Expr]:
    values = {"contact_id": pl.col("contact_id"), **line}
    return (values.get(name, pl.lit(None)).cast(dtype).alias(name) for name, dtype in LEDGER_SCHEMA.items())
