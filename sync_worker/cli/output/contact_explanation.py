"""Text output of `explain`: the verdict on one contact as a sales rep needs it, then everything that led to it."""

from __future__ import annotations

from rich.table import Table

from sync_worker.cli.output.console import out
from sync_worker.cli.output.labels import format_count, format_score
from sync_worker.cli.output.tables import build_table
from sync_worker.model.explain import Decay, ScoreLine
from sync_worker.model.i18n.phrases import format_minus
from sync_worker.reports.explain_contact import ContactExplanation
from sync_worker.reports.texts.ledger import (
    add_cause,
    format_clamp,
    format_exclusion,
    format_mql,
    format_next_changes,
    format_points,
    format_remarks,
    format_time,
    localize,
)

MAX_EVENTS_PER_LINE = 5  # events shown for a line of the ledger


def print_explanation(explanation: ContactExplanation) -> None:
    """Print the verdict as a sales rep needs it, then the ledger, the grade and the events behind them."""
    verdict = explanation.verdict
    score = f"score {format_score(verdict.score)} of {explanation.maximum:g}, band {verdict.band}, trend {verdict.trend}"
    grade = f", grade {format_minus(verdict.grade)}" if verdict.grade else ""
    out.print(f"Contact {verdict.id}: {score}{grade}, {format_mql(explanation)}", style="bold", markup=False)
    for line in [*verdict.score_reasons, *verdict.grade_reasons[:1], *format_next_changes(explanation)]:
        out.print(f"  {line}", markup=False)
    if explanation.mql_since:
        reasons = " · ".join(explanation.mql_reasons)
        out.print(f"  became an MQL on {localize(explanation.mql_since, explanation):%-d %B %Y}: {reasons}", markup=False)
    out.print()
    out.print(_build_ledger_table(explanation))
    _print_ledger_details(explanation)
    out.print(f"\nas of {format_time(explanation.at, explanation)}, model {explanation.model}", markup=False)
    if explanation.unread_properties:
        names = ", ".join(explanation.unread_properties)
        out.print(f"not read from HubSpot yet, so unknown here: {names}", style="yellow", markup=False)
    if explanation.frozen:
        out.print(f"without a history, so with the value of now: {', '.join(explanation.frozen)}", style="yellow", markup=False)
    for each in verdict.unreadable:
        out.print(f"counts as unknown: {each.property} is {each.value!r}, which is not {each.expected}", style="yellow", markup=False)
    if explanation.sharing_contacts:
        others = ", ".join(map(str, explanation.sharing_contacts))
        out.print(
            f"has the same email as {others}: clicks and forms of that email count for each of these contacts", style="yellow", markup=False
        )
    if explanation.lists:
        out.print(f"lists: {', '.join(explanation.lists)}", markup=False)
    if explanation.differences:
        out.print(f"HubSpot shows other values until the next run: {', '.join(explanation.differences)}", style="yellow", markup=False)


def _build_ledger_table(explanation: ContactExplanation) -> Table:
    table = build_table(("points", "right"), ("line", "left"), ("events", "right"), ("newest", "left"), ("remarks", "left"))
    for line in explanation.evaluation.score:
        events = "" if line.events is None else str(line.events)
        newest = f"{localize(line.newest, explanation):%Y-%m-%d %Z}" if line.newest else ""
        table.add_row(format_points(float(line.points)), line.label, events, newest, format_remarks(line))
    table.add_row("─────")
    remark = "the lines add up to it" if explanation.adds_up else "THE LINES DO NOT ADD UP"
    table.add_row(format_score(explanation.verdict.score), "score", "", "", remark)
    return table


def _print_ledger_details(explanation: ContactExplanation) -> None:
    evaluation = explanation.evaluation
    if evaluation.decay:
        _print_decay(evaluation.decay, explanation)
    matches = {True: "✓ match", False: "✗ no match", None: "? unknown"}
    table = build_table(("grade", "right"), ("match", "left"), ("criterion", "left"))
    if evaluation.grade:
        table.add_row(evaluation.grade_start, "", "start of every contact")
    for line in evaluation.grade:
        table.add_row(format_minus(f"{line.thirds:+d}") if line.thirds else "", matches[line.match], add_cause(line.label, line.because))
    if explanation.verdict.grade:
        table.add_row("─────")
        table.add_row(format_minus(explanation.verdict.grade), "", f"grade, from F to A+ in thirds{format_clamp(explanation)}")
    if evaluation.grade:
        out.print()
        out.print(table)
    rules = {"direct": "direct rule", "disqualifier": "disqualifier"}
    for rule in evaluation.rules:
        if rule.holds:
            out.print(f"{rules[rule.kind]}: {add_cause(rule.label, rule.because)}", markup=False)
    for scored in evaluation.score:
        _print_events(scored, explanation)


def _print_decay(decay: Decay, explanation: ContactExplanation) -> None:
    """Print what decay has cost, if there was an engagement."""
    if decay.last_engagement is None:
        return
    since = f"last engagement {localize(decay.last_engagement, explanation):%Y-%m-%d %Z}"
    if decay.grace_ends:
        since += (
            f", grace until {localize(decay.grace_ends, explanation):%Y-%m-%d %Z}, then {format_count(decay.full_periods, 'full period')}"
        )
    out.print(f"\ndecay: {since}: {decay.earned:g} − {decay.loss:g} = {decay.decayed:g}")


def _print_events(line: ScoreLine, explanation: ContactExplanation) -> None:
    """Print the newest events of a line, and those that do not count with the reason."""
    counted = [event for event in line.looked_at if event.counts]
    excluded = [event for event in line.looked_at if not event.counts]
    for heading, events in ((f"{line.label}:", counted), (f"{line.label}, not counted:", excluded)):
        if events:
            out.print(f"\n{heading}", style="bold", markup=False)
        for event in events[:MAX_EVENTS_PER_LINE]:
            subject = event.form or event.url or event.name or event.campaign or ""
            reason = "" if event.counts else f"  ({format_exclusion(event)})"
            out.print(f"  {localize(event.at, explanation):%Y-%m-%d %H:%M:%S %Z}  {subject}{reason}", markup=False)
        if len(events) > MAX_EVENTS_PER_LINE:
            out.print(f"  and {len(events) - MAX_EVENTS_PER_LINE:,} more; see --json", style="dim", markup=False)
