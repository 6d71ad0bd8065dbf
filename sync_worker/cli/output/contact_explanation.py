"""Text output of `explain`: the verdict on one contact as a sales rep needs it, then everything that led to it."""

from __future__ import annotations

from rich.table import Table

from sync_worker.cli.output.console import out
from sync_worker.cli.output.labels import format_score
from sync_worker.cli.output.tables import build_table
from sync_worker.model.explain import ScoreLine
from sync_worker.model.i18n.phrases import format_minus
from sync_worker.reports.explain_contact import ContactExplanation
from sync_worker.reports.texts.contact_rows import format_decay, list_grade_rows, list_ledger_rows, list_notes, list_reasons, list_rules
from sync_worker.reports.texts.ledger import format_exclusion, format_mql, format_subject, format_time, localize

MAX_EVENTS_PER_LINE = 5  # events shown for a line of the ledger
RULE = "─────"  # above the sum of a table


def print_explanation(explanation: ContactExplanation) -> None:
    """Print the verdict as a sales rep needs it, then the ledger, the grade and the events behind them."""
    verdict = explanation.verdict
    score = f"score {format_score(verdict.score)} of {explanation.maximum:g}, band {verdict.band}, trend {verdict.trend}"
    grade = f", grade {format_minus(verdict.grade)}" if verdict.grade else ""
    out.print(f"Contact {verdict.id}: {score}{grade}, {format_mql(explanation)}", style="bold", markup=False)
    for line in list_reasons(explanation):
        out.print(f"  {line}", markup=False)
    out.print()
    out.print(_build_ledger_table(explanation))
    _print_ledger_details(explanation)
    out.print(f"\nas of {format_time(explanation.at, explanation)}, model {explanation.model}", markup=False)
    for note in list_notes(explanation):
        out.print(note, style="yellow", markup=False)
    if explanation.lists:
        out.print(f"lists: {', '.join(explanation.lists)}", markup=False)
    if explanation.differences:
        out.print(f"HubSpot shows other values until the next run: {', '.join(explanation.differences)}", style="yellow", markup=False)


def _build_ledger_table(explanation: ContactExplanation) -> Table:
    table = build_table(("points", "right"), ("line", "left"), ("events", "right"), ("newest", "left"), ("remarks", "left"))
    *rows, total = list_ledger_rows(explanation)
    for row in (*rows, (RULE,), total):
        table.add_row(*row)
    return table


def _print_ledger_details(explanation: ContactExplanation) -> None:
    if decay := format_decay(explanation):
        out.print(f"\n{decay}", markup=False)
    if grade := list(list_grade_rows(explanation)):
        table = build_table(("grade", "right"), ("match", "left"), ("criterion", "left"))
        for row in (*grade[:-1], (RULE,), grade[-1]):
            table.add_row(*row)
        out.print()
        out.print(table)
    for rule in list_rules(explanation):
        out.print(rule, markup=False)
    for scored in explanation.evaluation.score:
        _print_events(scored, explanation)


def _print_events(line: ScoreLine, explanation: ContactExplanation) -> None:
    """Print the newest events of a line, and those that do not count with the reason."""
    counted = [event for event in line.looked_at if event.counts]
    excluded = [event for event in line.looked_at if not event.counts]
    for heading, events in ((f"{line.label}:", counted), (f"{line.label}, not counted:", excluded)):
        if events:
            out.print(f"\n{heading}", style="bold", markup=False)
        for event in events[:MAX_EVENTS_PER_LINE]:
            reason = "" if event.counts else f"  ({format_exclusion(event)})"
            out.print(f"  {localize(event.at, explanation):%Y-%m-%d %H:%M:%S %Z}  {format_subject(event)}{reason}", markup=False)
        if len(events) > MAX_EVENTS_PER_LINE:
            out.print(f"  and {len(events) - MAX_EVENTS_PER_LINE:,} more; see --json", style="dim", markup=False)
