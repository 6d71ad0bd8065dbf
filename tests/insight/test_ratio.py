"""Shares of contacts and their intervals."""

from __future__ import annotations

import pytest

from sync_worker.insight.ratio import Ratio


@pytest.mark.parametrize(
    ("count", "total", "low", "high"),
    [(0, 10, 0, 0.2775), (10, 10, 0.7225, 1), (5, 10, 0.2366, 0.7634), (81, 263, 0.2553, 0.3662), (0, 0, 0, 1)],
)
def test_the_interval_is_wilson_s(count: int, total: int, low: float, high: float) -> None:
    assert Ratio(count=count, total=total).interval == pytest.approx((low, high), abs=5e-5)
