"""The score: points per criterion, what fades, the floor, negatives, one rounding at the very end."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import reduce
from typing import Final

import polars as pl

from sync_worker.model.compiled.criteria import Line
from sync_worker.model.compiled.facts import INSTANT
from sync_worker.model.file.units import MICRO, to_micro
from sync_worker.model.scoring.context import Standpoint
from sync_worker.model.scoring.counters import ENGAGED, EVENTS, FADED, THEN, column, worth
from sync_worker.model.scoring.decay import floor, full_periods, inactivity_loss

#: Columns of the ledger of a criterion, beside those of its tally.
POINTS: Final = "points"
CUT: Final = "cut"

#: Lines of the ledger that are no criteria.
DEGRADATION: Final = "degradation"
FLOOR: Final = "floor"
MINIMUM: Final = "minimum"
ROUNDING: Final = "rounding"

_HALF: Final = MICRO // 2


def scored(tallied: pl.DataFrame, standpoint: Standpoint) -> pl.DataFrame:
    """Add to tallied contacts the points of every criterion, and the lines that lead to `score`; all in micro-points."""
    return _scored(tallied, standpoint, standpoint.now)


def score_then(tallied: pl.DataFrame, standpoint: Standpoint) -> pl.Series:
    """Return the score at the instant that the trend compares with: the events known then, the properties as they are now."""
    then = [name for name in tallied.columns if name.startswith(THEN)]
    return _scored(tallied.select("contact_id", pl.col(then).name.replace(f"^{THEN}", "")), standpoint, standpoint.then)["score"]


def _scored(frame: pl.DataFrame, standpoint: Standpoint, at: datetime) -> pl.DataFrame:
    frame = frame.with_columns(_points(line) for line in standpoint.lines)
    frame = frame.with_columns(_cut(line) for line in standpoint.lines if line.award.cap is not None)
    return _rounded(_faded(_summed(frame, standpoint), standpoint, at), standpoint.model.document.score.minimum)


def _points(line: Line) -> pl.Expr:
    return worth(line.award, pl.col(column(EVENTS, line.key))).alias(column(POINTS, line.key))


def _cut(line: Line) -> pl.Expr:
    """What the cap took away, with the sign that it had."""
    uncapped = pl.col(column(EVENTS, line.key)) * line.award.each
    return (uncapped - pl.col(column(POINTS, line.key))).alias(column(CUT, line.key))


def _summed(frame: pl.DataFrame, standpoint: Standpoint) -> pl.DataFrame:
    lines = standpoint.lines
    engaged = [pl.col(column(ENGAGED, line.key)) for line in lines if line.positive and line.event]
    return frame.with_columns(
        earned=_sum(pl.col(column(POINTS, line.key)) for line in lines if line.positive),
        negatives=_sum(pl.col(column(POINTS, line.key)) for line in lines if not line.positive),
        engaged=pl.max_horizontal(engaged) if engaged else pl.lit(None, dtype=INSTANT),
    )


def _faded(frame: pl.DataFrame, standpoint: Standpoint, at: datetime) -> pl.DataFrame:
    """Add what is lost, and what is left: never less than the floor for those who had earned it."""
    document = standpoint.model.document
    degradation = document.score.degradation
    inactive = degradation.kind == "inactivity"
    frame = frame.with_columns(periods=full_periods(pl.col("engaged"), degradation, at) if inactive else pl.lit(0, dtype=pl.Int64))
    frame = frame.with_columns(loss=_loss(standpoint))
    least = pl.min_horizontal(pl.col("earned"), pl.lit(floor(degradation, document.qualification.threshold), dtype=pl.Int64))
    return frame.with_columns(decayed=pl.max_horizontal(pl.col("earned") - pl.col("loss"), least))


def _loss(standpoint: Standpoint) -> pl.Expr:
    degradation = standpoint.model.document.score.degradation
    if degradation.kind == "inactivity":
        return inactivity_loss(pl.col("earned"), pl.col("periods"), degradation)
    if degradation.kind == "per_event":
        events = [line.key for line in standpoint.lines if line.positive and line.event]
        return _sum(pl.col(column(POINTS, key)) - pl.col(column(FADED, key)).fill_null(0) for key in events)
    return pl.lit(0, dtype=pl.Int64)


def _rounded(frame: pl.DataFrame, minimum: int | None) -> pl.DataFrame:
    """Add the lines below the criteria, so that all lines add up to the rounded score."""
    exact = pl.col("decayed") + pl.col("negatives")
    clamped = exact if minimum is None else exact.clip(lower_bound=to_micro(minimum))
    score = (clamped + _HALF) // MICRO * MICRO
    return frame.with_columns(
        (-pl.col("loss")).alias(DEGRADATION),
        (pl.col("decayed") - pl.col("earned") + pl.col("loss")).alias(FLOOR),
        (clamped - exact).alias(MINIMUM),
        (score - clamped).alias(ROUNDING),
        score=score,
    )


def _sum(parts: Iterable[pl.Expr]) -> pl.Expr:
    return reduce(pl.Expr.__add__, parts, pl.lit(0, dtype=pl.Int64))
