"""Text output of `suggest`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

from sync_worker.cli.output.labels import format_count
from sync_worker.cli.output.tables import build_table
from sync_worker.insight.metrics import Ranking
from sync_worker.insight.suggest.suggestion import Suggestion
from sync_worker.model.i18n.phrases import format_minus

STYLES = {"+": "green", "-": "red", "~": "yellow"}


def print_suggestion(found: Suggestion, file: Path | None, console: Console) -> None:
    """Print the verdict, the diff with its reasons, and the figures."""
    console.print(found.verdict, style="bold", markup=False)
    fitted, later = found.fitted, found.evaluated
    counts = f"{format_count(fitted.contacts, 'contact')} created up to {fitted.until}; evaluated on {later.contacts:,} created later"
    console.print(f"fitted on {counts}; opportunities within {found.horizon_days} days after {found.as_of}", markup=False)
    for change in found.changes:
        leak = "  POSSIBLE LEAK" if change.may_leak else ""
        console.print(f"{change.change} {change.text}{leak}", style=STYLES[change.change], markup=False)
        console.print(f"    {change.reason}", style="dim", markup=False)
    _print_figures(found, console)
    if found.calibration:
        console.print("\nbands: expected from the fit, and observed later", style="bold")
        for band in found.calibration:
            expected = "–" if band.expected is None else f"{band.expected:.0%}"
            observed = f"{band.observed.format_percent()} of {band.contacts:,} observed"
            console.print(f"  {band.band}: {expected} expected, {observed}", markup=False)
    if not any(change.reason == found.grade_reason for change in found.changes):
        console.print(f"\ngrade: {found.grade_reason}", markup=False)
    if found.leaks:
        names = ", ".join(found.leaks)
        console.print(
            f"possible leaks: {names}. More than 80% of these contacts convert: perhaps sales sets the value afterward.", markup=False
        )
        if not found.without_leaks_criteria:
            console.print("  without them, nothing predicts who converts", markup=False)
        else:
            console.print(f"  without them, the criteria are {', '.join(found.without_leaks_criteria)}", markup=False)
    for note in found.notes:
        console.print(f"! {note}", style="yellow", markup=False)
    if found.frozen:
        console.print(f"without a history, with their latest values: {', '.join(found.frozen)}", style="dim", markup=False)
    if file is not None:
        console.print(
            f"\nwrote {file}; nothing is applied" if found.model else f"\n{file} is not written: there is no suggestion", markup=False
        )


def _print_figures(found: Suggestion, console: Console) -> None:
    table = build_table(("model", "left"), ("AUC", "left"), ("average precision", "left"), ("lift of top tenth", "left"))
    for name, ranking in _list_rankings(found):
        table.add_row(name, *(format_minus(each) for each in (ranking.auc, ranking.average_precision, ranking.lift)))
    console.print("\nfigures on the later contacts", style="bold", markup=False)
    console.print(table)
    console.print(f"gradient boosting on the same candidates: AUC {found.boosting_auc:.3f}", markup=False)
    if found.current.warning:
        console.print(f"! current model: {found.current.warning}", style="bold red", markup=False)


def _list_rankings(found: Suggestion) -> Iterator[tuple[str, Ranking]]:
    """Yield the rows of the figures; a draft that is no better than chance is no suggestion, and without a draft there is no row."""
    if found.model is not None:
        yield "suggested", found.suggested
    elif found.suggested.auc.low < found.suggested.auc.high:
        yield "rejected", found.suggested
    if found.without_leaks is not None:
        yield "without leaks", found.without_leaks
    yield "current", found.current
    if found.model is not None:
        yield "difference", found.difference
