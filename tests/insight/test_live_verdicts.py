"""The MQLs of a model and of a challenger as time went by: only what happened after the start counts."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO
from pathlib import Path

import polars as pl
from rich.console import Console

from sync_worker.cli.output.backtest import print_backtest
from sync_worker.cli.output.backtest_page import write_page
from sync_worker.insight.backtest import Backtest
from sync_worker.insight.live_verdicts import LiveVerdicts, compare_live
from sync_worker.insight.portal_history import CONTACT_COLUMNS, PortalHistory
from tests.harness import NOW
from tests.insight.history_factory import build_deals


def day(number: int) -> int:
    """Return the time some days ago in milliseconds."""
    return int((NOW - timedelta(days=number)).timestamp() * 1_000)


def make_live() -> LiveVerdicts:
    """1 and 2 are MQLs of the model, 2 and 3 of the challenger; 4 was an opportunity before it became an MQL."""
    deals: list[tuple[int, int, object]] = [
        (10, 1, NOW - timedelta(days=5)),
        (20, 2, NOW - timedelta(days=25)),
        (40, 4, NOW - timedelta(days=31)),
    ]
    history = PortalHistory(now=NOW, contacts=pl.DataFrame(schema=dict(CONTACT_COLUMNS)), deals=build_deals(deals))
    return compare_live(
        history,
        {1: day(10), 2: day(20), 4: day(30)},
        {2: day(30), 3: day(30)},
        challenger_hash="abc",
        horizon=timedelta(days=7),
    )


def test_an_opportunity_counts_only_after_the_start_of_the_mql() -> None:
    ratios = {name: (ratio.count, ratio.total) for name, ratio in make_live().ratios.items()}
    assert ratios == {
        "the model": (1, 1),  # the deal of 2 is older than its start under the model
        "the challenger": (1, 2),
        "both models": (1, 1),
        "the model only": (1, 1),
        "the challenger only": (0, 1),
    }


def test_an_mql_whose_horizon_is_not_over_counts_in_no_ratio() -> None:
    history = PortalHistory(now=NOW, contacts=pl.DataFrame(schema=dict(CONTACT_COLUMNS)), deals=build_deals([(1, 1, NOW)]))
    live = compare_live(history, {1: day(30), 2: day(3)}, {3: day(40), 2: day(3)}, challenger_hash="abc", horizon=timedelta(days=7))
    assert (live.ratios["the model"].count, live.ratios["the model"].total) == (0, 1)
    assert live.ratios["the challenger"].total == 1
    assert live.young == live.as_json()["too_young"] == 1
    assert "of which this time is not over count in no ratio: 1." in live.summary


def test_few_outcomes_are_called_too_little_data(tmp_path: Path) -> None:
    live = make_live()
    result = Backtest(horizon=timedelta(days=90), dates=[], live=live)
    console = Console(record=True, width=200, file=StringIO())
    print_backtest(result, console)
    write_page(result, tmp_path / "page.html")
    for text in (console.export_text(), (tmp_path / "page.html").read_text(encoding="utf-8")):
        assert "Too little data for a conclusion" in text
        assert "the challenger only" in text
    assert result.as_json()["live"] == live.as_json()
    assert live.as_json()["too_little_data"] is True
