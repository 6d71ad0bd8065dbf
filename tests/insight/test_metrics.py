"""Figures of a ranking: equal to those of scikit-learn, with intervals that contain them."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from sync_worker.insight.metrics import ResampledScores, estimate_rate, population_stability


def make_scores(*, steepness: float = 0.1, contacts: int = 500) -> tuple[pl.Series, pl.Series]:
    random = np.random.default_rng(3)
    scores = random.integers(-5, 20, contacts)
    return pl.Series(scores), pl.Series(random.random(contacts) < 1 / (1 + np.exp(2 - steepness * scores)))


def test_auc_and_average_precision_are_those_of_scikit_learn() -> None:
    scores, converted = make_scores()
    ranking = ResampledScores({"a": scores}, converted).rank("a")
    assert ranking.auc.value == pytest.approx(roc_auc_score(converted, scores))
    assert ranking.average_precision.value == pytest.approx(average_precision_score(converted, scores))
    assert ranking.auc.low < ranking.auc.value < ranking.auc.high


def test_the_lift_of_a_constant_score_is_one_and_of_a_perfect_one_the_inverse_of_the_base_rate() -> None:
    converted = pl.Series([True] * 50 + [False] * 150)
    resampled = ResampledScores({"constant": pl.Series([1] * 200), "perfect": converted.cast(pl.Int8)}, converted)
    assert resampled.rank("constant").lift.value == pytest.approx(1)
    assert resampled.rank("perfect").lift.value == pytest.approx(4)
    assert resampled.find_gains("perfect")[2].value == pytest.approx(1)


def test_a_score_in_the_wrong_order_is_called_worse_than_chance_and_noise_no_better() -> None:
    scores, converted = make_scores()
    resampled = ResampledScores({"wrong": -scores, "noise": pl.Series(np.random.default_rng(1).integers(0, 9, scores.len()))}, converted)
    assert "WORSE THAN CHANCE" in (resampled.rank("wrong").warning or "")
    assert "NO BETTER THAN CHANCE" in (resampled.rank("noise").warning or "")


def test_the_order_of_contacts_changes_no_figure() -> None:
    scores, converted = make_scores()
    order = np.random.default_rng(5).permutation(scores.len())
    first = ResampledScores({"a": scores, "b": -scores}, converted)
    second = ResampledScores({"a": scores[order], "b": -scores[order]}, converted[order])
    assert first.rank("a") == second.rank("a")
    assert first.compare("a", "b") == second.compare("a", "b")


def test_the_wilson_interval_of_a_share_contains_it() -> None:
    rate = estimate_rate(0, 10)
    assert rate.value == 0 == pytest.approx(rate.low)
    assert rate.high == pytest.approx(0.2775, abs=1e-3)


def test_the_stability_index_is_zero_for_equal_scores_and_large_after_a_shift() -> None:
    scores, _ = make_scores()
    assert population_stability(scores, scores) == pytest.approx(0)
    assert population_stability(scores, scores + 8) > 0.25
