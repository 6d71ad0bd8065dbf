"""Reports as people read them on a terminal."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

import orjson
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sync_worker.cli.console import err, out
from sync_worker.errors import ConfigurationError
from sync_worker.model.explain import ScoreLine
from sync_worker.reports.explain_contact import ContactExplanation
from sync_worker.reports.model_comparison import ModelComparison
from sync_worker.reports.score_distribution import ScoreDistribution
from sync_worker.sync.evaluate.verdict_json import LedgerLine
from sync_worker.sync.plan.plan import ContactChange
from sync_worker.sync.portal.preflight import PreflightReport
from sync_worker.sync.report import RunReport

BAR_CHARACTER = "█"
MAX_BAR_CHARS = 40  # characters of the longest bar
MAX_EVENTS_PER_LINE = 5  # events of a line


def print_run(report: RunReport) -> None:
    """Show what a run did, or would do."""
    would = "would write" if report.dry_run else "wrote"
    contacts = report.plan.contacts if report.dry_run else report.written
    out.print(f"[bold]{report.command}[/]{' (dry run: nothing was written)' if report.dry_run else ''}")
    read = ", ".join(f"{number:,} {what.replace('_', ' ')}" for what, number in sorted(report.pulled.items()) if number) or "nothing new"
    out.print(f"  read      {read}")
    out.print(f"  evaluated {report.evaluated:,} contacts by model {report.model}")
    out.print(f"  {would:9} {contacts:,} contacts{_format_stages(report)}")
    for name, counts in (report.plan.lists if report.dry_run else report.lists).items():
        out.print(f"  list      {name}: {', '.join(f'{number:,} {what}' for what, number in counts.items() if number)}", markup=False)
    pace = f"{report.retries} retries, {report.rate_limited} refused for pace"
    out.print(f"  requests  {sum(report.requests.values()):,} in {report.seconds:.1f} s, {pace}")
    if report.waiting:
        out.print(f"  waiting   {report.waiting:,} contacts qualify and wait: the model lets in so many new MQLs a day", markup=False)
    if report.not_visible:
        out.print(f"  not visible on this portal: {', '.join(report.not_visible)}", style="yellow", markup=False)
    for each in report.unreadable:
        said = f"{each.property} of {each.contacts:,} contacts ({', '.join(map(str, each.ids))} ...) is not {each.expected}"
        out.print(f"  unknown   {said}; `explain` shows the value", style="yellow", markup=False)
    if report.dry_run:
        _print_samples(report.plan.samples)
    _print_withheld(report)
    _print_unsafe_plan(report)
    for note in report.notes:
        out.print(f"  note      {note}", markup=False)
    for id_, reason in report.rejected:
        err.print(f"  rejected  {id_}: {reason}", style="red", markup=False)


def print_forgotten(result: Mapping[str, Any]) -> None:
    """Show what was forgotten, and what that does not mean."""
    out.print(f"  forgotten {len(result['contacts']):,} contacts, {result['events']:,} events", markup=False)
    out.print("  A contact that still exists in HubSpot is read again by the next run: delete it there first.")


def _print_unsafe_plan(report: RunReport) -> None:
    if report.unsafe:
        err.print(f"  refused   {report.unsafe} The real run needs --allow-large.", style="red", markup=False)


def _format_stages(report: RunReport) -> str:
    moved = report.plan.stages if report.dry_run else report.stages
    return f", {moved:,} of them moved to MQL" if moved else ""


def _print_withheld(report: RunReport) -> None:
    if not report.approved and any(report.withheld.values()):
        mqls = report.withheld.get("MQL", 0)
        out.print(
            f"  waiting   lists and lifecycle stages are left alone until this model is approved ({mqls:,} contacts for the list “MQL”): "
            "look at `sync-worker report`, then `sync-worker approve --note ...`",
            style="yellow",
            markup=False,
        )


def _print_samples(samples: Sequence[ContactChange]) -> None:
    for sample in samples:
        out.print(f"  contact {sample.id}", markup=False)
        for name, (before, after) in sample.properties.items():
            out.print(f"    {name}: {_shorten(before)} → {_shorten(after)}", markup=False)


def _shorten(text: str) -> str:
    lines = text.splitlines()
    return (lines[0][:60] + (" …" if len(lines) > 1 or len(lines[0]) > 60 else "")) if lines else "(empty)"


def print_setup_steps(steps: Sequence[Mapping[str, str]], *, dry_run: bool) -> None:
    """Show what setup did, or would do."""
    for step in steps:
        verb = step["action"] if dry_run else f"{step['action']}d"
        out.print(f"  {verb:8} {step['what']:9} {step['name']} ({step['why']})", markup=False)
    if not steps:
        out.print("  nothing to do: group, properties and lists are as they should be")


def print_findings(findings: PreflightReport) -> None:
    """Show what a check found."""
    portal, limits, model = findings.portal, findings.limits, findings.model
    out.print(f"  portal    {portal.portal_id} ({portal.account_type}, {portal.time_zone}), plan: {findings.tier}", markup=False)
    daily = f", {usage.used:,} of {usage.limit:,} calls used today" if (usage := limits.daily) else ""
    out.print(f"  limits    {limits.per_10_seconds} requests in 10 s{daily}", markup=False)
    for access in findings.access:
        out.print(
            f"  {'can read' if access.granted else 'NO ACCESS':9} {access.resource} {access.reason}",
            style=None if access.granted else "red",
            markup=False,
        )
    for access in findings.bulk:
        out.print(f"  {'in bulk' if access.granted else 'not bulk':9} {access.resource} {access.reason}", markup=False)
    out.print(
        f"  model     {model.name} · {model.hash}: up to {model.maximum:g} points, {model.reachable:g} reachable here",
        markup=False,
    )
    _print_unavailable_criteria(model.not_visible, model.unreachable_criteria)
    for warning in [*model.warnings, *model.errors]:
        out.print(f"  warning   {warning}", style="yellow", markup=False)
    if findings.setup:
        out.print(f"  setup     {len(findings.setup)} things to create or mend: run `sync-worker setup`", style="yellow", markup=False)


def _print_unavailable_criteria(not_visible: Sequence[str], unreachable: Sequence[str]) -> None:
    if not_visible:
        out.print(f"  not visible on this portal: {', '.join(not_visible)}", style="yellow", markup=False)
    if unreachable:
        out.print(f"  nobody can meet on this portal: {', '.join(unreachable)}", style="yellow", markup=False)


def print_explanation(explanation: ContactExplanation) -> None:
    """Show a contact as a rep would want it in ten seconds, then everything behind it."""
    verdict = explanation.verdict
    score = f"score {_format_score(verdict.score)} of {explanation.maximum:g} ({verdict.band}, {verdict.trend})"
    out.print(
        f"Contact {verdict.id}: {score}, grade {verdict.grade.replace('-', '−')}, {_format_mql(explanation)}",
        style="bold",
        markup=False,
    )
    for line in [*verdict.score_reasons, *verdict.grade_reasons[:1], *_format_next_changes(explanation)]:
        out.print(f"  {line}", markup=False)
    out.print()
    out.print(_build_ledger_table(explanation))
    _print_ledger_details(explanation)
    out.print(f"\nas of {explanation.at:%Y-%m-%d %H:%M} UTC, model {explanation.model}", markup=False)
    if explanation.unread_properties:
        out.print(f"never read from HubSpot, so unknown here: {', '.join(explanation.unread_properties)}", style="yellow", markup=False)
    for each in verdict.unreadable:
        said = f"{each.property} is {each.value!r}, which is not {each.expected}"
        out.print(f"counts as unknown: {said}", style="yellow", markup=False)
    if explanation.lists:
        out.print(f"in the lists {', '.join(explanation.lists)}", markup=False)
    if explanation.differences:
        out.print(f"HubSpot shows otherwise until the next run: {', '.join(explanation.differences)}", style="yellow", markup=False)


def _format_mql(explanation: ContactExplanation) -> str:
    verdict = explanation.verdict
    labels = {rule.rule: rule.label for rule in explanation.evaluation.rules}
    if verdict.mql:
        return "MQL by score" if verdict.reason == "by_score" else f"MQL: {labels.get(verdict.reason or '', verdict.reason)}"
    return f"no MQL: {', '.join(explanation.mql_blockers)}"


def _format_next_changes(explanation: ContactExplanation) -> list[str]:
    """Say what would change next, and when, if nothing else happens."""
    said = []
    for change in dict.fromkeys((explanation.evaluation.next_change, explanation.evaluation.next_band_change)):
        if change is not None:
            becomes = f"{change.band}{', MQL' if change.mql else ''}"
            said.append(f"without anything new: score {_format_score(change.score)} ({becomes}) from {change.at.day} {change.at:%B %Y}")
    return said


def _build_ledger_table(explanation: ContactExplanation) -> Table:
    table = _build_table(("points", "right"), ("line", "left"), ("events", "right"), ("newest", "left"), ("remarks", "left"))
    for line in explanation.verdict.ledger:
        table.add_row(
            _format_points(line.points),
            line.label,
            "" if line.events is None else str(line.events),
            (line.newest or "")[:10],
            _format_remarks(line),
        )
    table.add_row("─────")
    table.add_row(
        _format_score(explanation.verdict.score),
        "score",
        "",
        "",
        "the lines add up to it" if explanation.adds_up else "THE LINES DO NOT ADD UP",
    )
    return table


def _print_ledger_details(explanation: ContactExplanation) -> None:
    judged = explanation.evaluation
    fading = judged.decay
    if fading.last_engagement and fading.grace_ends:
        since = f"last engagement {fading.last_engagement:%Y-%m-%d}, grace until {fading.grace_ends:%Y-%m-%d}"
        loss = f"{fading.earned:g} − {fading.loss:g}, which leaves {fading.decayed:g}"
        out.print(f"\nfading: {since}, {fading.full_periods} full periods after that: {loss}")
    marks = {True: "✓ match", False: "✗ no match", None: "? unknown"}
    table = _build_table(("grade", "right"), ("", "left"), ("", "left"))
    for line in judged.grade:
        table.add_row(f"{line.thirds:+d}".replace("-", "−") if line.thirds else "", marks[line.match], line.label)
    out.print()
    out.print(table)
    for rule in judged.rules:
        if rule.holds:
            out.print(f"{rule.kind}: {rule.label}", markup=False)
    for scored in judged.score:
        _print_events(scored)


def _print_events(line: ScoreLine) -> None:
    """Show the newest events behind a line, and those that machines made with the reason."""
    counted = [event for event in line.looked_at if event.inside_window and not event.quarantine]
    machines = [event for event in line.looked_at if event.quarantine]
    for said, events in ((f"{line.label}:", counted), (f"{line.label}, not counted:", machines)):
        if events:
            out.print(f"\n{said}", style="bold", markup=False)
        for event in events[:MAX_EVENTS_PER_LINE]:
            about = event.form or event.url or event.name or event.campaign or ""
            why = f"  ({event.quarantine})" if event.quarantine else ""
            out.print(f"  {event.at:%Y-%m-%d %H:%M:%S}  {about}{why}", markup=False)
        if len(events) > MAX_EVENTS_PER_LINE:
            out.print(f"  and {len(events) - MAX_EVENTS_PER_LINE} more; --json lists them", style="dim", markup=False)


def _build_table(*headings: tuple[str, str]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name, justify in headings:
        table.add_column(name, justify="right" if justify == "right" else "left")
    return table


def _format_points(points: float) -> str:
    return f"{points:+g}".replace("-", "−") if points else "0"


def _format_remarks(line: LedgerLine) -> str:
    cut = [f"{line.cut:g} cut by the cap"] if line.cut else []
    machines = [f"{line.quarantined} by machines, not counted"] if line.quarantined else []
    hidden = [] if line.visible else ["not visible on this portal"]
    return ", ".join([*cut, *machines, *hidden])


def print_status(status: Mapping[str, Any]) -> None:
    """Show what the state says of itself."""
    model, waiting = status["model"], status["waiting"]
    out.print(f"  portal    {status['portal'] or 'none yet'}, {status['contacts']:,} contacts", markup=False)
    approved = f"approved {model['approved_at'][:10]}, review due {model['review_due'][:10]}" if model["approved_at"] else "not approved"
    out.print(f"  model     {model['name']} · {model['hash']} ({approved})", markup=False)
    for name, at in status["cursors"].items():
        out.print(f"  read to   {at}  {name.replace('_', ' ')}", markup=False)
    lists = sum(change["add"] + change["remove"] for change in waiting["lists"].values())
    waits = f"{waiting['contacts']:,} contacts, {lists:,} list members, {waiting['stages']:,} stages"
    out.print(f"  waiting   {waits}{': ' + waiting['why'] if waiting['why'] else ''}", markup=False)
    if at_work := status["under_way"]:
        out.print(f"  at work   run {at_work['run']}, {at_work['holder']}", markup=False)
    for refused in waiting["rejected"]:
        out.print(f"  rejected  {refused['id']}: {refused['reason']}", style="red", markup=False)
    for each in status["runs"]:
        ended = "unfinished" if each["exit_code"] is None else f"exit {each['exit_code']}"
        counts = ", ".join(f"{name} {each[name]:,}" for name in ("pulled", "evaluated", "written") if name in each)
        out.print(
            f"  run       {each['run']} {each['started_at'][:19]} {each['command']}: {ended}{', ' + counts if counts else ''}", markup=False
        )


def print_distribution(distribution: ScoreDistribution, console: Console) -> None:
    """Show how the scores lie: numbers, histogram, bands with grades."""
    if not distribution.contacts:
        console.print("No contact has a score yet: run `sync-worker backfill`.")
        return
    console.print(f"[bold]{distribution.contacts:,} contacts, {distribution.mqls:,} MQLs[/]")
    console.print(
        f"min {distribution.minimum}   mean {distribution.mean:.1f}   median {distribution.median:g}   max {distribution.maximum}\n"
    )
    most = max(bar.contacts for bar in distribution.histogram)
    for bar in distribution.histogram:
        span = str(bar.low) if bar.low == bar.high else f"{bar.low} to {bar.high}"
        console.print(Text(f"{span:>12}  {BAR_CHARACTER * _bar_width(bar.contacts, most)} {bar.contacts:,}"))
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("band")
    table.add_column("contacts", justify="right")
    for grade in distribution.grades:
        table.add_column(grade.replace("-", "−"), justify="right")
    for band, contacts in distribution.bands.items():
        table.add_row(band, f"{contacts:,}", *(f"{distribution.grades_by_band[band].get(grade, 0):,}" for grade in distribution.grades))
    console.print()
    console.print(table)


def _bar_width(number: int, maximum: int) -> int:
    return max(1, round(MAX_BAR_CHARS * number / maximum)) if number else 0


def write_distribution(distribution: ScoreDistribution, path: Path) -> None:
    """Write the distribution to a file, in the form that its name asks for."""
    forms: Mapping[str, Callable[[], str]] = {
        ".json": lambda: orjson.dumps(distribution.as_json(), option=orjson.OPT_INDENT_2).decode() + "\n",
        ".txt": lambda: _record_distribution(distribution).export_text(),
        ".html": lambda: _record_distribution(distribution).export_html(),
    }
    if path.suffix not in forms:
        raise ConfigurationError(f"--out {path}: the name must end in {', '.join(forms)}.")
    try:
        path.write_text(forms[path.suffix](), encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"--out {path}: {error.strerror}.", hint="Name a file that can be written.") from error
    out.print(f"written to {path}", markup=False)


def _record_distribution(distribution: ScoreDistribution) -> Console:
    console = Console(record=True, width=110, file=StringIO())
    print_distribution(distribution, console)
    return console


def print_model(summary: Mapping[str, Any]) -> None:
    """Show what a model file says."""
    out.print(f"  model     {summary['name']} · {summary['hash']} ({summary['file']})", markup=False)
    out.print(f"  score     {summary['minimum']:g} to {summary['maximum']:g}; MQL from {summary['threshold']:g}", markup=False)
    out.print(f"  bands     {', '.join(summary['bands'])}", markup=False)
    out.print(f"  reads     {', '.join(summary['events']) or 'no events'}; properties {', '.join(summary['properties'])}", markup=False)
    if "setup" in summary:
        out.print(f"  here      {summary['reachable']:g} points can be reached", markup=False)
        _print_unavailable_criteria(summary["not_visible"], summary["unmet"])
        for step in summary["setup"]:
            out.print(f"  setup     would {step['action']} {step['what']} {step['name']} ({step['why']})", style="yellow", markup=False)
    for warning in summary["warnings"]:
        out.print(f"  warning   {warning}", style="yellow", markup=False)


def print_evaluation(evaluation: Mapping[str, Any]) -> None:
    """Show the best of an offline evaluation."""
    out.print(f"{len(evaluation['verdicts']):,} contacts as of {evaluation['at']}, model {evaluation['model']}; the best:", markup=False)
    best = sorted(evaluation["verdicts"], key=lambda verdict: (-verdict["score"], int(verdict["id"])))[:20]
    for verdict in best:
        out.print(
            f"  {verdict['id']:>12}  {_format_score(verdict['score']):>4}  {verdict['grade']:2}  {verdict['band']}"
            f"{'  MQL' if verdict['mql'] else ''}",
            markup=False,
        )


def print_comparison(comparison: ModelComparison) -> None:
    """Show what changed between two models, and for whom."""
    for sentence in comparison.model_changes or ["the two say the same"]:
        out.print(f"  {sentence}", markup=False)
    out.print(f"\n{comparison.contacts:,} contacts judged by both: {comparison.score_changes:,} get another score", markup=False)
    for what, moves in comparison.transitions.items():
        for move in moves:
            before, after = (_format_value(what, value) for value in (move.before, move.after))
            named = ", ".join(comparison.emails.get(id_) or str(id_) for id_ in move.ids[:8]) + (" ..." if move.contacts > 8 else "")
            out.print(f"  {what:5} {before} → {after}: {move.contacts:,} ({named})", markup=False)


def _format_value(dimension: str, value: str) -> str:
    if dimension == "mql":
        return "MQL" if value == "true" else "none"
    return value.replace("-", "−") if dimension == "grade" else value


def _format_score(score: int) -> str:
    """Write a score with the minus of the ledger."""
    return str(score).replace("-", "−")
