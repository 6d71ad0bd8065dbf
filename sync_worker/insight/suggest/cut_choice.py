"""The threshold of an MQL by score and the bounds of the bands, from the scores and outcomes of a fit."""

from __future__ import annotations

from typing import Final

import polars as pl

from sync_worker.insight.cohort import MIN_OUTCOMES
from sync_worker.insight.suggest.model_draft import Cuts

TOP_SHARE: Final = 0.1


def choose_cuts(scores: pl.Series, converted: pl.Series, bands: list[str]) -> Cuts:
    """Return the cuts: MQLs convert about twice as often as all contacts, and the bands below have about as many contacts each."""
    threshold = _choose_threshold(scores, converted)
    bounds = _choose_bounds(scores.filter(scores < threshold), len(bands) - 1, threshold)
    return Cuts(threshold=threshold, bands=dict(zip(bands, [*bounds, threshold], strict=True)))


def _choose_threshold(scores: pl.Series, converted: pl.Series) -> int:
    base = float(converted.mean() or 0)  # type: ignore[arg-type]
    target = min(2 * base, (1 + base) / 2)
    by_score = pl.DataFrame({"score": scores, "converted": converted}).group_by("score").agg(pl.len(), pl.col("converted").sum())
    above = by_score.filter(pl.col("score") > 0).sort("score", descending=True).with_columns(pl.col("len", "converted").cum_sum())
    enough = above.filter(pl.col("converted") >= MIN_OUTCOMES, pl.col("converted") >= target * pl.col("len"))
    if not enough.is_empty():
        return int(enough["score"].min())  # type: ignore[arg-type]
    # The tenth with the highest scores; with fewer, all above zero, because the model language has no lower threshold.
    top = above.filter(pl.col("len") >= TOP_SHARE * scores.len())["score"].max()
    return int(top or above["score"].min() or 1)  # type: ignore[arg-type]


def _choose_bounds(below: pl.Series, number: int, threshold: int) -> list[int]:
    """Return ascending lower bounds below the threshold; the first one includes every contact below the second."""
    bounds: list[int] = []
    for part in range(number):
        quantile = below.quantile(part / number, interpolation="nearest") if not below.is_empty() else None
        wanted = threshold - number if quantile is None else int(quantile)
        lowest = bounds[-1] + 1 if bounds else wanted
        bounds.append(min(max(wanted, lowest), threshold - (number - part)))
    if bounds and bounds[0] > 0:
        bounds[0] = 0
    return bounds
