"""The score: points per criterion, decay, floor, negative points, minimum, and one rounding at the end."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import reduce
from typing import Final

import polars as pl

from sync_worker.model.compiled.criteria import ScoreCriterion
from sync_worker.model.compiled.facts import TIMESTAMP
from sync_worker.model.file.units import MICROS_PER_POINT, to_micro
from sync_worker.model.scoring.counters import BASELINE_PREFIX, DECAYED, EVENTS, LAST_ENGAGEMENT, column_name, points_expression
from sync_worker.model.scoring.decay import count_full_periods, inactivity_loss, score_floor
from sync_worker.model.scoring.evaluation_context import EvaluationContext

#: Columns of a criterion, in addition to its counts.
POINTS: Final = "points"
CAP_LOSS: Final = "cut"

#: Lines of the ledger that are not criteria.
DEGRADATION: Final = "degradation"
FLOOR: Final = "floor"
MINIMUM: Final = "minimum"
ROUNDING: Final = "rounding"

_HALF_POINT: Final = MICROS_PER_POINT // 2


def add_score(counts: pl.DataFrame, context: EvaluationContext) -> pl.DataFrame:
    """Add the points of every criterion, the other lines of the ledger, and `score`; all in micro-points."""
    return _compute_score(counts, context, context.now)


def score_at(counts: pl.DataFrame, context: EvaluationContext) -> pl.Series:
    """Return the score at the time that the trend compares with, from the events known then and the current properties."""
    then = [name for name in counts.columns if name.startswith(BASELINE_PREFIX)]
    return _compute_score(
        counts.select("contact_id", pl.col(then).name.replace(f"^{BASELINE_PREFIX}", "")), context, context.trend_baseline
    )["score"]


def _compute_score(frame: pl.DataFrame, context: EvaluationContext, at: datetime) -> pl.DataFrame:
    frame = frame.with_columns(_points_column(line) for line in context.visible_criteria)
    frame = frame.with_columns(_cap_loss_column(line) for line in context.visible_criteria if line.award.cap is not None)
    return _add_rounding(_add_decay(_add_sums(frame, context), context, at), context.model.document.score.minimum)


def _points_column(criterion: ScoreCriterion) -> pl.Expr:
    return points_expression(criterion.award, pl.col(column_name(EVENTS, criterion.key))).alias(column_name(POINTS, criterion.key))


def _cap_loss_column(criterion: ScoreCriterion) -> pl.Expr:
    """Return the points lost by the cap, with their sign."""
    uncapped = pl.col(column_name(EVENTS, criterion.key)) * criterion.award.each
    return (uncapped - pl.col(column_name(POINTS, criterion.key))).alias(column_name(CAP_LOSS, criterion.key))


def _add_sums(frame: pl.DataFrame, context: EvaluationContext) -> pl.DataFrame:
    lines = context.visible_criteria
    engaged = [pl.col(column_name(LAST_ENGAGEMENT, line.key)) for line in lines if line.is_positive and line.event]
    return frame.with_columns(
        earned=_sum(pl.col(column_name(POINTS, line.key)) for line in lines if line.is_positive),
        negatives=_sum(pl.col(column_name(POINTS, line.key)) for line in lines if not line.is_positive),
        engaged=pl.max_horizontal(engaged) if engaged else pl.lit(None, dtype=TIMESTAMP),
    )


def _add_decay(frame: pl.DataFrame, context: EvaluationContext, at: datetime) -> pl.DataFrame:
    """Add the loss and what is left, which is at least the floor if the earned points reached it."""
    document = context.model.document
    degradation = document.score.degradation
    inactive = degradation.kind == "inactivity"
    frame = frame.with_columns(periods=count_full_periods(pl.col("engaged"), degradation, at) if inactive else pl.lit(0, dtype=pl.Int64))
    frame = frame.with_columns(loss=_decay_loss(context))
    least = pl.min_horizontal(pl.col("earned"), pl.lit(score_floor(degradation, document.qualification.threshold), dtype=pl.Int64))
    return frame.with_columns(decayed=pl.max_horizontal(pl.col("earned") - pl.col("loss"), least))


def _decay_loss(context: EvaluationContext) -> pl.Expr:
    degradation = context.model.document.score.degradation
    if degradation.kind == "inactivity":
        return inactivity_loss(pl.col("earned"), pl.col("periods"), degradation)
    if degradation.kind == "per_event":
        events = [line.key for line in context.visible_criteria if line.is_positive and line.event]
        return _sum(pl.col(column_name(POINTS, key)) - pl.col(column_name(DECAYED, key)).fill_null(0) for key in events)
    return pl.lit(0, dtype=pl.Int64)


def _add_rounding(frame: pl.DataFrame, minimum: int | None) -> pl.DataFrame:
    """Add the lines after the criteria, so that all lines add up to the rounded score."""
    exact = pl.col("decayed") + pl.col("negatives")
    clamped = exact if minimum is None else exact.clip(lower_bound=to_micro(minimum))
    score = (clamped + _HALF_POINT) // MICROS_PER_POINT * MICROS_PER_POINT
    return frame.with_columns(
        (-pl.col("loss")).alias(DEGRADATION),
        (pl.col("decayed") - pl.col("earned") + pl.col("loss")).alias(FLOOR),
        (clamped - exact).alias(MINIMUM),
        (score - clamped).alias(ROUNDING),
        score=score,
    )


def _sum(parts: Iterable[pl.Expr]) -> pl.Expr:
    return reduce(pl.Expr.__add__, parts, pl.lit(0, dtype=pl.Int64))
