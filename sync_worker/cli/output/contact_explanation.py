"""Text output of `explain`: the verdict on one contact as a sales rep needs it, then everything that led to it."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from rich.table import Table

from sync_worker.cli.output.console import out
from sync_worker.cli.output.labels import format_count, format_score
from sync_worker.cli.output.tables import build_table
from sync_worker.model.explain import CountedEvent, Decay, ScoreLine
from sync_worker.model.file.schema import GRADE_LETTERS
from sync_worker.model.i18n.phrases import format_minus
from sync_worker.model.reasons.blockers import SEPARATOR
from sync_worker.reports.explain_contact import ContactExplanation

MAX_EVENTS_PER_LINE = 5  # events shown for a line of the ledger


def print_explanation(explanation: ContactExplanation) -> None:
    """Print the verdict as a sales rep needs it, then the ledger, the grade and the events behind them."""
    verdict = explanation.verdict
    score = f"score {format_score(verdict.score)} of {explanation.maximum:g}, band {verdict.band}, trend {verdict.trend}"
    grade = f", grade {format_minus(verdict.grade)}" if verdict.grade else ""
    out.print(f"Contact {verdict.id}: {score}{grade}, {_format_mql(explanation)}", style="bold", markup=False)
    for line in [*verdict.score_reasons, *verdict.grade_reasons[:1], *_format_next_changes(explanation)]:
        out.print(f"  {line}", markup=False)
    if explanation.mql_since:
        reasons = " · ".join(explanation.mql_reasons)
        out.print(f"  became an MQL on {_localize(explanation.mql_since, explanation):%-d %B %Y}: {reasons}", markup=False)
    out.print()
    out.print(_build_ledger_table(explanation))
    _print_ledger_details(explanation)
    out.print(f"\nas of {_format_time(explanation.at, explanation)}, model {explanation.model}", markup=False)
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


def _format_mql(explanation: ContactExplanation) -> str:
    verdict = explanation.verdict
    if not verdict.mql:
        return f"not an MQL: {SEPARATOR.join(explanation.mql_blockers)}"
    if verdict.retained:
        return "MQL by score, below the threshold: until the score falls below `leave_below`"
    if verdict.reason is None or verdict.reason == "by_score":
        return "MQL by score"
    labels = {rule.rule: rule.label for rule in explanation.evaluation.rules}
    return f"MQL: {labels.get(verdict.reason, verdict.reason)}"


def _format_next_changes(explanation: ContactExplanation) -> list[str]:
    """Return the next changes of the score and of the band if no new event occurs."""
    changes = dict.fromkeys((explanation.evaluation.next_change, explanation.evaluation.next_band_change))
    return [
        f"without new events: score {format_score(change.score)}, band {change.band}, {'MQL' if change.mql else 'not an MQL'}"
        f" from {_localize(change.at, explanation):%-d %B %Y %Z}"
        for change in changes
        if change is not None
    ]


def _build_ledger_table(explanation: ContactExplanation) -> Table:
    table = build_table(("points", "right"), ("line", "left"), ("events", "right"), ("newest", "left"), ("remarks", "left"))
    for line in explanation.evaluation.score:
        events = "" if line.events is None else str(line.events)
        newest = f"{_localize(line.newest, explanation):%Y-%m-%d %Z}" if line.newest else ""
        table.add_row(_format_points(float(line.points)), line.label, events, newest, _format_remarks(line))
    table.add_row("─────")
    remark = "the lines add up to it" if explanation.adds_up else "THE LINES DO NOT ADD UP"
    table.add_row(format_score(explanation.verdict.score), "score", "", "", remark)
    return table


def _add_cause(label: str, because: str | None) -> str:
    return f"{label} ({because})" if because else label


def _print_ledger_details(explanation: ContactExplanation) -> None:
    evaluation = explanation.evaluation
    if evaluation.decay:
        _print_decay(evaluation.decay, explanation)
    matches = {True: "✓ match", False: "✗ no match", None: "? unknown"}
    table = build_table(("grade", "right"), ("match", "left"), ("criterion", "left"))
    if evaluation.grade:
        table.add_row(evaluation.grade_start, "", "start of every contact")
    for line in evaluation.grade:
        table.add_row(format_minus(f"{line.thirds:+d}") if line.thirds else "", matches[line.match], _add_cause(line.label, line.because))
    if explanation.verdict.grade:
        table.add_row("─────")
        table.add_row(format_minus(explanation.verdict.grade), "", f"grade, from F to A+ in thirds{_format_clamp(explanation)}")
    if evaluation.grade:
        out.print()
        out.print(table)
    rules = {"direct": "direct rule", "disqualifier": "disqualifier"}
    for rule in evaluation.rules:
        if rule.holds:
            out.print(f"{rules[rule.kind]}: {_add_cause(rule.label, rule.because)}", markup=False)
    for scored in evaluation.score:
        _print_events(scored, explanation)


def _print_decay(decay: Decay, explanation: ContactExplanation) -> None:
    """Print what decay has cost, if there was an engagement."""
    if decay.last_engagement is None:
        return
    since = f"last engagement {_localize(decay.last_engagement, explanation):%Y-%m-%d %Z}"
    if decay.grace_ends:
        since += (
            f", grace until {_localize(decay.grace_ends, explanation):%Y-%m-%d %Z}, then {format_count(decay.full_periods, 'full period')}"
        )
    out.print(f"\ndecay: {since}: {decay.earned:g} − {decay.loss:g} = {decay.decayed:g}")


def _format_clamp(explanation: ContactExplanation) -> str:
    """Return a remark if the grade would be beyond an end of the scale."""
    rank = GRADE_LETTERS.index(explanation.start_letter) + sum(line.thirds for line in explanation.evaluation.grade)
    return "" if 0 <= rank < len(GRADE_LETTERS) else "; the scale ends here"


def _print_events(line: ScoreLine, explanation: ContactExplanation) -> None:
    """Print the newest events of a line, and those that do not count with the reason."""
    counted = [event for event in line.looked_at if event.counts]
    excluded = [event for event in line.looked_at if not event.counts]
    for heading, events in ((f"{line.label}:", counted), (f"{line.label}, not counted:", excluded)):
        if events:
            out.print(f"\n{heading}", style="bold", markup=False)
        for event in events[:MAX_EVENTS_PER_LINE]:
            subject = event.form or event.url or event.name or event.campaign or ""
            reason = "" if event.counts else f"  ({_format_exclusion(event)})"
            out.print(f"  {_localize(event.at, explanation):%Y-%m-%d %H:%M:%S %Z}  {subject}{reason}", markup=False)
        if len(events) > MAX_EVENTS_PER_LINE:
            out.print(f"  and {len(events) - MAX_EVENTS_PER_LINE:,} more; see --json", style="dim", markup=False)


def _format_exclusion(event: CountedEvent) -> str:
    if event.quarantine:
        return event.quarantine
    return "above the daily limit" if event.above_daily_limit else "outside the window"


def _localize(at: datetime, explanation: ContactExplanation) -> datetime:
    """Return a time in the time zone of the model, in which reasons have their dates."""
    return at.astimezone(ZoneInfo(explanation.time_zone))


def _format_time(at: datetime, explanation: ContactExplanation) -> str:
    return f"{_localize(at, explanation):%Y-%m-%d %H:%M %Z}"


def _format_points(points: float) -> str:
    return format_minus(f"{points:+g}") if points else "0"


def _format_remarks(line: ScoreLine) -> str:
    cut = [f"{float(line.cut):g} cut by the cap"] if line.cut else []
    bots = [f"{line.quarantined:,} by bots, not counted"] if line.quarantined else []
    hidden = [] if line.visible else ["not visible on this portal"]
    return ", ".join([*cut, *bots, *hidden])
