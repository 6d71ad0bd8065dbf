"""Text output of the score report, on the terminal or in a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from io import StringIO
from pathlib import Path
from typing import Final

import orjson
from rich.console import Console
from rich.text import Text

from sync_worker.cli.output.console import PlainConsole, err
from sync_worker.cli.output.labels import format_count, format_score
from sync_worker.cli.output.run import print_mqls
from sync_worker.cli.output.tables import build_table
from sync_worker.model.i18n.phrases import format_minus
from sync_worker.output_file import write_output_file
from sync_worker.reports.html.score_page import render_score_page
from sync_worker.reports.score_distribution import ScoreDistribution
from sync_worker.reports.score_report import ScoreReport
from sync_worker.reports.shadow_comparison import ShadowComparison

BAR_CHARACTER: Final = "█"
MAX_DISPUTED_MQLS: Final = 10  # of each model
MAX_BAR_CHARS: Final = 40  # length of the longest bar, in characters

FORMATS: Final = (".html", ".txt", ".json")
DETAILED_FORMATS: Final = (".html", ".json")  # of files that have the details of the report


def print_report(report: ScoreReport, console: Console) -> None:
    """Print what the report is made of, the statistics, the histogram, bands with grades, and the MQLs by name."""
    distribution = report.distribution
    if not distribution.contacts:
        console.print("No contact has a score yet: run `sync-worker backfill`.")
        return
    head = (
        f"Report {report.id} · portal {report.portal_id} · model {report.model_name} · {report.model_hash} · {report.at:%Y-%m-%d %H:%M} UTC"
    )
    console.print(head, markup=False, style="bold")
    if report.newly_evaluated:
        count = format_count(report.newly_evaluated, "contact")
        console.print(f"{count} evaluated for this report; HubSpot may still show earlier values.", style="yellow", markup=False)
    console.print(f"{format_count(distribution.contacts, 'contact')}, {format_count(distribution.mqls, 'MQL')}", markup=False)
    _print_statistics(report, console)
    _print_histogram(distribution, console)
    grades = ((format_minus(grade), "right") for grade in distribution.grades)
    table = build_table(("band", "left"), ("contacts", "right"), *grades)
    for band, contacts in distribution.bands.items():
        table.add_row(band, f"{contacts:,}", *(f"{distribution.grades_by_band[band].get(grade, 0):,}" for grade in distribution.grades))
    console.print()
    console.print(table)
    if report.mqls:
        console.print("\nMQLs, the highest score first:")
        print_mqls(report.mqls, console)
    if report.shadow:
        _print_shadow(report.shadow, console)


def _print_shadow(shadow: ShadowComparison, console: Console) -> None:
    console.print(f"\nChallenger {shadow.model_name} · {shadow.model_hash}, on {format_count(shadow.contacts, 'contact')}:", markup=False)
    counts = f"{shadow.both:,} of both, {shadow.only_model:,} of the model only, {shadow.only_shadow:,} of the challenger only"
    console.print(f"  MQLs              {counts}", markup=False)
    order = "–" if shadow.rank_correlation is None else format_minus(f"{shadow.rank_correlation:.2f}")
    console.print(f"  rank correlation  {order}; same score {shadow.same_score:,}, same grade {shadow.same_grade:,}", markup=False)
    for name, mqls in (("model", shadow.model_mqls), ("challenger", shadow.shadow_mqls)):
        for mql in mqls[:MAX_DISPUTED_MQLS]:
            scores = f"{format_score(mql.score)} / {format_score(mql.shadow_score)}"
            console.print(f"    {scores:>9}  {mql.email or mql.contact_id}  MQL of the {name} only", markup=False)


def _print_statistics(report: ScoreReport, console: Console) -> None:
    numbers = report.distribution
    text = f"min {numbers.minimum}   mean {numbers.mean:.1f}   median {numbers.median:g}   max {numbers.maximum}"
    console.print(format_minus(text), markup=False)
    percentiles = "   ".join(f"{share} %: {format_score(score)}" for share, score in numbers.percentiles.items())
    console.print(f"percentiles   {percentiles}", markup=False)
    console.print(
        f"MQL from {report.threshold:g}; the model reaches {report.maximum:g} points, {report.reachable:g} on this portal\n", markup=False
    )


def _print_histogram(distribution: ScoreDistribution, console: Console) -> None:
    console.print(f"{'score':>12}  contacts")
    most = max(bar.contacts for bar in distribution.histogram)
    for bar in distribution.histogram:
        span = format_score(bar.low) if bar.low == bar.high else f"{format_score(bar.low)} to {format_score(bar.high)}"
        console.print(Text(f"{span:>12}  {BAR_CHARACTER * _bar_width(bar.contacts, most)} {bar.contacts:,}"))


def _bar_width(number: int, maximum: int) -> int:
    return max(1, round(MAX_BAR_CHARS * number / maximum)) if number else 0


def write_report(report: ScoreReport, path: Path) -> None:
    """Write the report to a file; its ending, one of `FORMATS`, selects the format. Raises ConfigurationError if it cannot be written."""
    formats: Mapping[str, Callable[[], str]] = {
        ".json": lambda: orjson.dumps(report.as_json(), option=orjson.OPT_INDENT_2).decode() + "\n",
        ".txt": lambda: _record_report(report).export_text(),
        ".html": lambda: render_score_page(report),
    }
    write_output_file(path, formats[path.suffix.lower()]())
    err.print(f"written to {path}", markup=False)


def _record_report(report: ScoreReport) -> Console:
    console = PlainConsole(record=True, width=110, file=StringIO(), emoji=False)
    print_report(report, console)
    return console
