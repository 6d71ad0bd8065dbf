"""Thresholds and bands of a suggestion, which a model file must be able to have."""

from __future__ import annotations

import polars as pl
import pytest

from sync_worker.insight.suggest.cut_choice import choose_cuts


@pytest.mark.parametrize(
    ("scores", "threshold"),
    [({0: 95, 5: 5}, 5), ({-3: 90, 0: 10}, 1), ({0: 60, 1: 25, 4: 15}, 4), ({2: 100}, 2)],
    ids=["few above zero", "none above zero", "a tenth", "all alike"],
)
def test_a_threshold_is_above_zero_and_above_the_bands(scores: dict[int, int], threshold: int) -> None:
    column = pl.Series([score for score, contacts in scores.items() for _ in range(contacts)])
    cuts = choose_cuts(column, pl.Series([number % 10 == 0 for number in range(column.len())]), ["cold", "warm", "hot"])
    assert cuts.threshold == cuts.bands["hot"] == threshold
    assert cuts.bands["cold"] < cuts.bands["warm"] < cuts.bands["hot"]
