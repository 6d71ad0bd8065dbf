"""Text output of `outcomes`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.console import Console

from sync_worker.cli.output.labels import format_count
from sync_worker.cli.output.tables import build_table
from sync_worker.insight.feedback import format_counts
from sync_worker.insight.mqls.conversion import OutcomeReport
from sync_worker.insight.mqls.conversion_alarms import HORIZON, Group
from sync_worker.insight.ratio import Ratio
from sync_worker.model.file.schema import GRADE_LETTERS
from sync_worker.model.i18n.phrases import format_minus

HEADINGS: Final = {
    "band": "band, when the contact became an MQL",
    "grade": "grade, when the contact became an MQL",
    "criterion": "criterion that gave points or matched",
    "qualified": "way of qualification",
    "month": "month in which the contact became an MQL",
}


def print_outcomes(report: OutcomeReport, console: Console) -> None:
    """Print the alarms, the whole and the groups."""
    for note in report.notes:
        console.print(note, style="yellow", markup=False)
    for alarm in report.alarms:
        console.print(f"! {alarm.text}", style="bold yellow", markup=False)
    whole = report.all_mqls
    over = f"{format_count(whole.mqls, 'MQL')}, {whole.opportunities.total:,} of them {HORIZON.days} days ago or earlier"
    counts = f"{whole.opportunities.count:,} became opportunities · {whole.customers.count:,} became customers"
    console.print(f"{over} · {counts} within {HORIZON.days} days", style="bold", markup=False)
    console.print(f"opportunities {whole.opportunities}, customers {whole.customers}, with 95 % intervals", markup=False)
    if report.days:
        first, middle, last = report.days
        console.print(f"days from MQL to opportunity: median {middle:.0f}, middle half {first:.0f} to {last:.0f}", markup=False)
    if report.earlier:
        console.print(f"not counted: {format_count(report.earlier, 'contact')} with an opportunity before the MQL stage", markup=False)
    for dimension, groups in report.groups.items():
        _print_groups(HEADINGS[dimension], groups, console, first="MQLs")
    if report.bands:
        _print_groups("band of all contacts 90 days ago", report.bands, console, first="contacts")
    if report.named:
        console.print("\ncriteria that sales reps name in their notes", style="bold", markup=False)
        for criterion, answers in report.named.items():
            console.print(f"  #{criterion}: {format_counts(answers)}", markup=False)
    if report.frozen:
        console.print("\nwithout a history, with their latest values: " + ", ".join(report.frozen), markup=False, style="dim")


def _print_groups(heading: str, groups: Sequence[Group], console: Console, *, first: str) -> None:
    if not groups:
        return
    feedback = [("feedback", "left")] if any(group.feedback for group in groups) else []
    table = build_table(("", "left"), (first, "right"), ("opportunities", "right"), ("customers", "right"), *feedback)
    for group in groups:
        name = format_minus(group.value) if group.value in GRADE_LETTERS else group.name
        cells = (name, f"{group.mqls:,}", _format_ratio(group.opportunities), _format_ratio(group.customers))
        table.add_row(*cells, *(format_counts(group.feedback) for _ in feedback))
    console.print(f"\n{heading}", style="bold", markup=False)
    console.print(table)


def _format_ratio(ratio: Ratio) -> str:
    return f"{ratio.count:,} of {ratio.total:,}  {ratio}"
