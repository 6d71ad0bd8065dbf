"""Shares of contacts and their intervals."""

from __future__ import annotations

import pytest

from sync_worker.insight.ratio import Ratio


def test_a_share_is_clearly_above_another_if_the_interval_of_the_difference_is_above_zero() -> None:
    # The interval of 56/70 - 48/80 is [0.0524, 0.3339] in the article of Newcombe.
    many, fewer = Ratio(count=56, total=70), Ratio(count=48, total=80)
    assert many.is_clearly_above(fewer)
    assert not fewer.is_clearly_above(many)
    assert not Ratio(count=25, total=100).is_clearly_above(Ratio(count=0, total=1))
    assert not many.is_clearly_above(Ratio(count=0, total=0))


@pytest.mark.parametrize(
    ("count", "total", "low", "high"),
    [(0, 10, 0, 0.2775), (10, 10, 0.7225, 1), (5, 10, 0.2366, 0.7634), (81, 263, 0.2553, 0.3662), (0, 0, 0, 1)],
)
def test_the_interval_is_wilson_s(count: int, total: int, low: float, high: float) -> None:
    assert Ratio(count=count, total=total).interval == pytest.approx((low, high), abs=5e-5)
