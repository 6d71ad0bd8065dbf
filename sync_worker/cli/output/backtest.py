"""Text output of `backtest`."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from sync_worker.cli.output.tables import build_table
from sync_worker.insight.backtest import Backtest, DateBacktest, ModelBacktest
from sync_worker.insight.live_verdicts import LiveVerdicts
from sync_worker.model.i18n.phrases import format_minus


def print_backtest(result: Backtest, console: Console) -> None:
    """Print the warnings first, then each date: models side by side, their differences, and the criteria."""
    for warning in result.warnings:
        console.print(f"! {warning}", style="bold red", markup=False)
    for number, date in enumerate(result.dates):
        if number or result.warnings:
            console.print()
        share = date.rate.format_percent(1)
        text = f"as of {date.at:%Y-%m-%d}: {date.contacts:,} contacts, {share} became opportunities within {result.horizon.days} days"
        console.print(text, style="bold", markup=False)
        _print_models(date, console)
        for difference in date.differences:
            console.print(f"  {difference.verdict}", markup=False)
        for model in date.models:
            _print_criteria(model, console)
        if date.frozen:
            console.print(f"  without a history, with their latest values: {', '.join(date.frozen)}", style="dim", markup=False)
    if result.live:
        _print_live(result.live, console)


def _print_live(live: LiveVerdicts, console: Console) -> None:
    console.print(f"\n{live.summary}", style="bold", markup=False)
    table = build_table(("MQLs of", "left"), ("contacts", "right"), ("opportunities", "right"), ("share", "left"))
    for name, ratio in live.ratios.items():
        table.add_row(name, f"{ratio.total:,}", f"{ratio.count:,}", str(ratio))
    console.print(table)


def _print_models(date: DateBacktest, console: Console) -> None:
    table = build_table(("", "left"), *((model.model, "left") for model in date.models))
    for name, cells in list_figures(date):
        table.add_row(name, *cells)
    console.print(table)


def list_figures(date: DateBacktest) -> Sequence[tuple[str, Sequence[str]]]:
    """Return the name of each figure with its text for each model."""
    models = date.models
    return [
        ("AUC", [str(model.score.auc) for model in models]),
        ("average precision", [str(model.score.average_precision) for model in models]),
        ("lift of the top tenth", [str(model.score.lift) for model in models]),
        ("AUC of the grade", [str(model.grade.auc) if model.grade else "–" for model in models]),
        ("reach the threshold", [f"{model.above:,} (from {format_minus(model.threshold)})" for model in models]),
        ("  precision", [model.precision.format_percent(1) for model in models]),
        ("  recall", [model.recall.format_percent(1) for model in models]),
        ("MQLs", [f"{model.mqls:,}" for model in models]),
        ("  precision of MQLs", [model.mql_precision.format_percent(1) for model in models]),
        ("  recall of MQLs", [model.mql_recall.format_percent(1) for model in models]),
        ("PSI since the first date", [f"{model.stability:.3f}" for model in models]),
    ]


def _print_criteria(model: ModelBacktest, console: Console) -> None:
    table = build_table(
        (f"criteria of {model.model}", "left"), ("points", "right"), ("contacts", "right"), ("converted", "left"), ("lift", "right")
    )
    for each in model.criteria:
        lift = "–" if each.lift is None else f"× {each.lift:.2f}"
        table.add_row(each.label, format_minus(each.points), f"{each.contacts:,}", each.rate.format_percent(), lift)
    console.print(table)
    for band in model.calibration:
        if band.contacts:
            expected = "" if band.expected is None else f", {band.expected:.0%} on an earlier date"
            console.print(f"  band {band.band}: {band.observed.format_percent()} of {band.contacts:,} converted{expected}", markup=False)
