"""The page for a person, as text or as HTML that prints well."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from rich.console import Console

from sync_worker.cli.output.console import err
from sync_worker.cli.output.tables import build_table
from sync_worker.model.i18n.phrases import format_minus
from sync_worker.output_file import write_output_file
from sync_worker.reports.person_report import PersonReport


def print_person_report(report: PersonReport, console: Console) -> None:
    """Print the page as text."""
    texts = report.texts
    console.print(f"{texts.title} · {report.at}", style="bold", markup=False)
    console.print(texts.introduction, markup=False)
    data = build_table((texts.property, "left"), (texts.value, "left"))
    for row in report.data:
        data.add_row(*row)
    console.print(f"\n{texts.data}", style="bold", markup=False)
    console.print(data)
    if report.history:
        history = build_table((texts.date, "left"), (texts.property, "left"), (texts.value, "left"))
        for earlier in report.history:
            history.add_row(*earlier)
        console.print(f"\n{texts.history}", style="bold", markup=False)
        console.print(history)
    console.print(f"\n{texts.activity}", style="bold", markup=False)
    for activity in report.activities:
        console.print("  ".join(activity), markup=False, highlight=False, soft_wrap=True)
    if not report.activities:
        console.print(texts.no_activity, markup=False)
    ledger = build_table((texts.rule, "left"), (texts.points, "right"))
    for rule, points in report.ledger:
        ledger.add_row(rule, format_minus(points))
    console.print(f"\n{texts.evaluation}", style="bold", markup=False)
    console.print(ledger)
    for line in (report.score, report.grade, report.result, *report.reasons):
        if line:
            console.print(line, markup=False, soft_wrap=True)
    console.print(f"\n{texts.change}", style="bold", markup=False)
    for line in report.changes:
        console.print(f"- {line}", markup=False, soft_wrap=True)
    console.print(f"\n{texts.rights}", markup=False)


def write_person_report(report: PersonReport, path: Path) -> None:
    """Write the page as one HTML file that only its owner may read; raises ConfigurationError if the file cannot be written."""
    environment = Environment(loader=PackageLoader("sync_worker.reports", "html"), autoescape=True, undefined=StrictUndefined)
    write_output_file(path, environment.get_template("person.html").render(report=report, texts=report.texts))
    err.print(f"written to {path}; a help, not legal advice", markup=False)
