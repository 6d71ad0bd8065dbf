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
from sync_worker.sync.portal.preflight import PreflightReport
from sync_worker.sync.report import RunReport

BAR = "█"
WIDEST = 40  # characters of the longest bar
SHOWN = 5  # events of a line


def run(report: RunReport) -> None:
    """Show what a run did, or would do."""
    would = "would write" if report.dry_run else "wrote"
    contacts = report.plan.contacts if report.dry_run else report.written
    out.print(f"[bold]{report.command}[/]{' (dry run: nothing was written)' if report.dry_run else ''}")
    read = ", ".join(f"{number:,} {what.replace('_', ' ')}" for what, number in sorted(report.pulled.items()) if number) or "nothing new"
    out.print(f"  read      {read}")
    out.print(f"  evaluated {report.evaluated:,} contacts by model {report.model}")
    out.print(f"  {would:9} {contacts:,} contacts{_stages(report)}")
    for name, counts in (report.plan.lists if report.dry_run else report.lists).items():
        out.print(f"  list      {name}: {', '.join(f'{number:,} {what}' for what, number in counts.items() if number)}", markup=False)
    pace = f"{report.retries} retries, {report.rate_limited} refused for pace"
    out.print(f"  requests  {sum(report.requests.values()):,} in {report.seconds:.1f} s, {pace}")
    if report.waiting:
        out.print(f"  waiting   {report.waiting:,} contacts qualify and wait: the model lets in so many new MQLs a day", markup=False)
    if report.not_visible:
        out.print(f"  not visible on this portal: {', '.join(report.not_visible)}", style="yellow", markup=False)
    for each in report.unreadable:
        said = f"{each['property']} of {each['contacts']:,} contacts ({', '.join(each['ids'])} ...) is not {each['expected']}"
        out.print(f"  unknown   {said}; `explain` shows the value", style="yellow", markup=False)
    if report.dry_run:
        _samples(report.plan.samples)
    _withheld(report)
    _unsafe(report)
    for note in report.notes:
        out.print(f"  note      {note}", markup=False)
    for id_, reason in report.rejected:
        err.print(f"  rejected  {id_}: {reason}", style="red", markup=False)


def forgotten(found: Mapping[str, Any]) -> None:
    """Show what was forgotten, and what that does not mean."""
    out.print(f"  forgotten {len(found['contacts']):,} contacts, {found['events']:,} events", markup=False)
    out.print("  A contact that still exists in HubSpot is read again by the next run: delete it there first.")


def _unsafe(report: RunReport) -> None:
    if report.unsafe:
        err.print(f"  refused   {report.unsafe} The real run needs --allow-large.", style="red", markup=False)


def _stages(report: RunReport) -> str:
    moved = report.plan.stages if report.dry_run else report.stages
    return f", {moved:,} of them moved to MQL" if moved else ""


def _withheld(report: RunReport) -> None:
    if not report.approved and any(report.withheld.values()):
        mqls = report.withheld.get("MQL", 0)
        out.print(
            f"  waiting   lists and lifecycle stages are left alone until this model is approved ({mqls:,} contacts for the list “MQL”): "
            "look at `sync-worker report`, then `sync-worker approve --note ...`",
            style="yellow",
            markup=False,
        )


def _samples(samples: Sequence[Mapping[str, Any]]) -> None:
    for sample in samples:
        out.print(f"  contact {sample['id']}", markup=False)
        for name, change in sample["changes"].items():
            before, after = (_short(change[end]) for end in ("from", "to"))
            out.print(f"    {name}: {before} → {after}", markup=False)


def _short(text: str) -> str:
    lines = text.splitlines()
    return (lines[0][:60] + (" …" if len(lines) > 1 or len(lines[0]) > 60 else "")) if lines else "(empty)"


def steps(done: Sequence[Mapping[str, str]], *, dry_run: bool) -> None:
    """Show what setup did, or would do."""
    for step in done:
        verb = {"create": "create", "mend": "mend"}[step["action"]] if dry_run else {"create": "created", "mend": "mended"}[step["action"]]
        out.print(f"  {verb:8} {step['what']:9} {step['name']} ({step['why']})", markup=False)
    if not done:
        out.print("  nothing to do: group, properties and lists are as they should be")


def findings(found: PreflightReport) -> None:
    """Show what a check found."""
    portal, limits, model = found.portal, found.limits, found.model
    out.print(f"  portal    {portal['id']} ({portal['kind']}, {portal['time_zone']}), plan: {found.tier}", markup=False)
    daily = f", {limits['used_today']:,} of {limits['daily']:,} calls used today" if limits["daily"] else ""
    out.print(f"  limits    {limits['per_10_seconds']} requests in 10 s{daily}", markup=False)
    for access in found.access:
        out.print(
            f"  {'can read' if access.granted else 'NO ACCESS':9} {access.resource} {access.reason}",
            style=None if access.granted else "red",
            markup=False,
        )
    for access in found.bulk:
        out.print(f"  {'in bulk' if access.granted else 'not bulk':9} {access.resource} {access.reason}", markup=False)
    out.print(
        f"  model     {model['name']} · {model['hash']}: up to {model['maximum']:g} points, {model['reachable']:g} reachable here",
        markup=False,
    )
    _out_of_sight(model)
    for warning in [*model["warnings"], *model["misfits"]]:
        out.print(f"  warning   {warning}", style="yellow", markup=False)
    if found.setup:
        out.print(f"  setup     {len(found.setup)} things to create or mend: run `sync-worker setup`", style="yellow", markup=False)


def _out_of_sight(model: Mapping[str, Any]) -> None:
    if model["not_visible"]:
        out.print(f"  not visible on this portal: {', '.join(model['not_visible'])}", style="yellow", markup=False)
    if model["unmet"]:
        out.print(f"  nobody can meet on this portal: {', '.join(model['unmet'])}", style="yellow", markup=False)


def explanation(found: ContactExplanation) -> None:
    """Show a contact as a rep would want it in ten seconds, then everything behind it."""
    verdict = found.verdict
    score = f"score {_whole(verdict['score'])} of {found.maximum:g} ({verdict['band']}, {verdict['trend']})"
    out.print(f"Contact {verdict['id']}: {score}, grade {verdict['grade'].replace('-', '−')}, {_mql(found)}", style="bold", markup=False)
    for line in [*verdict["score_reasons"], *verdict["grade_reasons"][:1], *_ahead(found)]:
        out.print(f"  {line}", markup=False)
    out.print()
    out.print(_ledger(found))
    _behind_the_ledger(found)
    out.print(f"\nas of {found.at:%Y-%m-%d %H:%M} UTC, model {found.model}", markup=False)
    if found.unread_properties:
        out.print(f"never read from HubSpot, so unknown here: {', '.join(found.unread_properties)}", style="yellow", markup=False)
    for each in verdict["unreadable"]:
        said = f"{each['property']} is {each['value']!r}, which is not {each['expected']}"
        out.print(f"counts as unknown: {said}", style="yellow", markup=False)
    if found.lists:
        out.print(f"in the lists {', '.join(found.lists)}", markup=False)
    if found.differences:
        out.print(f"HubSpot shows otherwise until the next run: {', '.join(found.differences)}", style="yellow", markup=False)


def _mql(found: ContactExplanation) -> str:
    verdict = found.verdict
    labels = {rule.rule: rule.label for rule in found.evaluation.rules}
    if verdict["mql"]:
        return "MQL by score" if verdict["reason"] == "by_score" else f"MQL: {labels.get(verdict['reason'], verdict['reason'])}"
    return f"no MQL: {', '.join(found.mql_blockers)}"


def _ahead(found: ContactExplanation) -> list[str]:
    """Say what would change next, and when, if nothing else happens."""
    said = []
    for change in dict.fromkeys((found.evaluation.next_change, found.evaluation.next_band_change)):
        if change is not None:
            becomes = f"{change.band}{', MQL' if change.mql else ''}"
            said.append(f"without anything new: score {_whole(change.score)} ({becomes}) from {change.at.day} {change.at:%B %Y}")
    return said


def _ledger(found: ContactExplanation) -> Table:
    table = _columns(("points", "right"), ("line", "left"), ("events", "right"), ("newest", "left"), ("remarks", "left"))
    for line in found.verdict["ledger"]:
        table.add_row(_points(line["points"]), line["label"], str(line.get("events", "")), line.get("newest", "")[:10], _remarks(line))
    table.add_row("─────")
    table.add_row(_whole(found.verdict["score"]), "score", "", "", "the lines add up to it" if found.adds_up else "THE LINES DO NOT ADD UP")
    return table


def _behind_the_ledger(found: ContactExplanation) -> None:
    judged = found.evaluation
    fading = judged.decay
    if fading.last_engagement and fading.grace_ends:
        since = f"last engagement {fading.last_engagement:%Y-%m-%d}, grace until {fading.grace_ends:%Y-%m-%d}"
        loss = f"{fading.earned:g} − {fading.loss:g}, which leaves {fading.decayed:g}"
        out.print(f"\nfading: {since}, {fading.full_periods} full periods after that: {loss}")
    marks = {True: "✓ match", False: "✗ no match", None: "? unknown"}
    table = _columns(("grade", "right"), ("", "left"), ("", "left"))
    for line in judged.grade:
        table.add_row(f"{line.thirds:+d}".replace("-", "−") if line.thirds else "", marks[line.match], line.label)
    out.print()
    out.print(table)
    for rule in judged.rules:
        if rule.holds:
            out.print(f"{rule.kind}: {rule.label}", markup=False)
    for scored in judged.score:
        _events(scored)


def _events(line: ScoreLine) -> None:
    """Show the newest events behind a line, and those that machines made with the reason."""
    counted = [event for event in line.looked_at if event.inside_window and not event.quarantine]
    machines = [event for event in line.looked_at if event.quarantine]
    for said, events in ((f"{line.label}:", counted), (f"{line.label}, not counted:", machines)):
        if events:
            out.print(f"\n{said}", style="bold", markup=False)
        for event in events[:SHOWN]:
            about = event.form or event.url or event.name or event.campaign or ""
            why = f"  ({event.quarantine})" if event.quarantine else ""
            out.print(f"  {event.at:%Y-%m-%d %H:%M:%S}  {about}{why}", markup=False)
        if len(events) > SHOWN:
            out.print(f"  and {len(events) - SHOWN} more; --json lists them", style="dim", markup=False)


def _columns(*headings: tuple[str, str]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name, justify in headings:
        table.add_column(name, justify="right" if justify == "right" else "left")
    return table


def _points(points: float) -> str:
    return f"{points:+g}".replace("-", "−") if points else "0"


def _remarks(line: Mapping[str, Any]) -> str:
    cut = [f"{line['cut']:g} cut by the cap"] if line.get("cut") else []
    machines = [f"{line['quarantined']} by machines, not counted"] if line.get("quarantined") else []
    hidden = [] if line.get("visible", True) else ["not visible on this portal"]
    return ", ".join([*cut, *machines, *hidden])


def status(found: Mapping[str, Any]) -> None:
    """Show what the state says of itself."""
    model, waiting = found["model"], found["waiting"]
    out.print(f"  portal    {found['portal'] or 'none yet'}, {found['contacts']:,} contacts", markup=False)
    approved = f"approved {model['approved_at'][:10]}, review due {model['review_due'][:10]}" if model["approved_at"] else "not approved"
    out.print(f"  model     {model['name']} · {model['hash']} ({approved})", markup=False)
    for name, at in found["cursors"].items():
        out.print(f"  read to   {at}  {name.replace('_', ' ')}", markup=False)
    lists = sum(change["add"] + change["remove"] for change in waiting["lists"].values())
    waits = f"{waiting['contacts']:,} contacts, {lists:,} list members, {waiting['stages']:,} stages"
    out.print(f"  waiting   {waits}{': ' + waiting['why'] if waiting['why'] else ''}", markup=False)
    if at_work := found["under_way"]:
        out.print(f"  at work   run {at_work['run']}, {at_work['holder']}", markup=False)
    for refused in waiting["rejected"]:
        out.print(f"  rejected  {refused['id']}: {refused['reason']}", style="red", markup=False)
    for each in found["runs"]:
        ended = "unfinished" if each["exit_code"] is None else f"exit {each['exit_code']}"
        counts = ", ".join(f"{name} {each[name]:,}" for name in ("pulled", "evaluated", "written") if name in each)
        out.print(
            f"  run       {each['run']} {each['started_at'][:19]} {each['command']}: {ended}{', ' + counts if counts else ''}", markup=False
        )


def distribution(found: ScoreDistribution, console: Console) -> None:
    """Show how the scores lie: numbers, histogram, bands with grades."""
    if not found.contacts:
        console.print("No contact has a score yet: run `sync-worker backfill`.")
        return
    console.print(f"[bold]{found.contacts:,} contacts, {found.mqls:,} MQLs[/]")
    console.print(f"min {found.minimum}   mean {found.mean:.1f}   median {found.median:g}   max {found.maximum}\n")
    most = max(bar.contacts for bar in found.histogram)
    for bar in found.histogram:
        span = str(bar.low) if bar.low == bar.high else f"{bar.low} to {bar.high}"
        console.print(Text(f"{span:>12}  {BAR * _width(bar.contacts, most)} {bar.contacts:,}"))
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("band")
    table.add_column("contacts", justify="right")
    for grade in found.grades:
        table.add_column(grade.replace("-", "−"), justify="right")
    for band, contacts in found.bands.items():
        table.add_row(band, f"{contacts:,}", *(f"{found.grades_by_band[band].get(grade, 0):,}" for grade in found.grades))
    console.print()
    console.print(table)


def _width(number: int, most: int) -> int:
    return max(1, round(WIDEST * number / most)) if number else 0


def write_distribution(found: ScoreDistribution, path: Path) -> None:
    """Write the distribution to a file, in the form that its name asks for."""
    forms: Mapping[str, Callable[[], str]] = {
        ".json": lambda: orjson.dumps(found.as_json(), option=orjson.OPT_INDENT_2).decode() + "\n",
        ".txt": lambda: _recorded(found).export_text(),
        ".html": lambda: _recorded(found).export_html(),
    }
    if path.suffix not in forms:
        raise ConfigurationError(f"--out {path}: the name must end in {', '.join(forms)}.")
    try:
        path.write_text(forms[path.suffix](), encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"--out {path}: {error.strerror}.", hint="Name a file that can be written.") from error
    out.print(f"written to {path}", markup=False)


def _recorded(found: ScoreDistribution) -> Console:
    console = Console(record=True, width=110, file=StringIO())
    distribution(found, console)
    return console


def model(found: Mapping[str, Any]) -> None:
    """Show what a model file says."""
    out.print(f"  model     {found['name']} · {found['hash']} ({found['file']})", markup=False)
    out.print(f"  score     {found['minimum']:g} to {found['maximum']:g}; MQL from {found['threshold']:g}", markup=False)
    out.print(f"  bands     {', '.join(found['bands'])}", markup=False)
    out.print(f"  reads     {', '.join(found['events']) or 'no events'}; properties {', '.join(found['properties'])}", markup=False)
    if "setup" in found:
        out.print(f"  here      {found['reachable']:g} points can be reached", markup=False)
        _out_of_sight(found)
        for step in found["setup"]:
            out.print(f"  setup     would {step['action']} {step['what']} {step['name']} ({step['why']})", style="yellow", markup=False)
    for warning in found["warnings"]:
        out.print(f"  warning   {warning}", style="yellow", markup=False)


def evaluation(found: Mapping[str, Any]) -> None:
    """Show the best of an offline evaluation."""
    out.print(f"{len(found['verdicts']):,} contacts as of {found['at']}, model {found['model']}; the best:", markup=False)
    best = sorted(found["verdicts"], key=lambda verdict: (-verdict["score"], int(verdict["id"])))[:20]
    for verdict in best:
        out.print(
            f"  {verdict['id']:>12}  {_whole(verdict['score']):>4}  {verdict['grade']:2}  {verdict['band']}"
            f"{'  MQL' if verdict['mql'] else ''}",
            markup=False,
        )


def comparison(found: ModelComparison) -> None:
    """Show what changed between two models, and for whom."""
    for sentence in found.model_changes or ["the two say the same"]:
        out.print(f"  {sentence}", markup=False)
    out.print(f"\n{found.contacts:,} contacts judged by both: {found.score_changes:,} get another score", markup=False)
    for what, moves in found.transitions.items():
        for move in moves:
            before, after = (_said(what, value) for value in (move.before, move.after))
            named = ", ".join(found.emails.get(id_) or str(id_) for id_ in move.ids[:8]) + (" ..." if move.contacts > 8 else "")
            out.print(f"  {what:5} {before} → {after}: {move.contacts:,} ({named})", markup=False)


def _said(what: str, value: str) -> str:
    if what == "mql":
        return "MQL" if value == "true" else "none"
    return value.replace("-", "−") if what == "grade" else value


def _whole(score: int) -> str:
    """Write a score with the minus of the ledger."""
    return str(score).replace("-", "−")
