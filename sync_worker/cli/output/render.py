"""Text output of the commands: runs, setup, check, explanation, status and models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console, RenderableType
from rich.style import StyleType
from rich.table import Table
from rich.text import Text

from sync_worker.cli.output.console import err, out
from sync_worker.cli.output.held_back import print_held_back, print_rejected
from sync_worker.cli.output.labels import count_records, format_count, record_label
from sync_worker.cli.output.plan import print_plan, summarize_plan
from sync_worker.reports.model_comparison import ModelComparison
from sync_worker.reports.model_summary import ModelSummary
from sync_worker.reports.status import RunSummary, ServiceStatus, WorkerStatus
from sync_worker.sync.evaluate.parse_warnings import UnreadableProperty
from sync_worker.sync.plan.named_mqls import NamedMql
from sync_worker.sync.portal.ownership import SetupConflict
from sync_worker.sync.portal.preflight import PreflightReport
from sync_worker.sync.portal.setup import SetupPlan
from sync_worker.sync.report import ErasureReport, RunReport

MAX_NAMED_MQLS = 20  # MQLs shown by name
LIST_CHANGE_LABELS = {"add": "to add", "remove": "to remove"}
SETUP_VERBS = {"create": "created", "update": "updated"}


def print_run(report: RunReport) -> None:
    """Print the counts of a run or dry run."""
    out.print(f"[bold]{report.command}[/]{' (dry run: nothing was written)' if report.dry_run else ''}")
    read = ", ".join(count_records(number, counter) for counter, number in sorted(report.pulled.items()) if number) or "nothing new"
    out.print(f"  read      {read}")
    out.print(f"  evaluated {format_count(report.evaluated, 'contact')} with model {report.model}")
    if report.dry_run:
        out.print(f"  to write  {format_count(report.plan.contacts, 'contact')}{_format_stages(report)}")
    else:
        out.print(f"  wrote     {format_count(report.written, 'contact')}{_format_stages(report)}")
    for name, counts in (report.plan.lists if report.dry_run else report.lists).items():
        changes = ", ".join(f"{number:,} {LIST_CHANGE_LABELS.get(change, change)}" for change, number in counts.items() if number)
        out.print(f"  list      {name}: {changes}", markup=False)
    retries = f"{format_count(report.retries, 'retry', 'retries')}, {report.rate_limited:,} rate-limited"
    out.print(f"  requests  {sum(report.requests.values()):,} in {report.seconds:.1f} s, {retries}")
    if report.waiting:
        out.print(f"  pending   {format_count(report.waiting, 'qualified contact')} above the daily limit of new MQLs", markup=False)
    _print_not_visible(report)
    for warning in report.unreadable:
        _print_unreadable_property(warning)
    if report.dry_run:
        print_plan(report.plan)
    _print_new_mqls(report.new_mqls)
    _print_withheld(report)
    if report.unsafe:
        err.print(f"  refused   {report.unsafe} The real run needs --allow-large.", style="red", markup=False)
    for note in report.notes:
        out.print(f"  note      {note}", markup=False)
    print_rejected(report.rejected, err)
    print_held_back(report.held_back, err)
    if report.dry_run:
        out.print(f"  plan      {summarize_plan(report.plan)}", markup=False)


def print_forgotten(report: ErasureReport) -> None:
    """Print what was deleted from the state."""
    if not report.contact_ids and not report.events:
        out.print("  deleted   nothing: the state contains no data of this contact")
        return
    counts = f"{format_count(len(report.contact_ids), 'contact')}, {format_count(report.events, 'event')}"
    out.print(f"  deleted   {counts} from the state", markup=False)
    out.print("  HubSpot is not changed. If the contact still exists there, delete it there too, or the next run reads it again.")


def _format_stages(report: RunReport) -> str:
    if report.dry_run:
        return f", {report.plan.stages:,} to move to stage MQL" if report.plan.stages else ""
    return f", {report.stages:,} moved to stage MQL" if report.stages else ""


def _print_not_visible(report: RunReport) -> None:
    if report.not_visible:
        out.print(f"  not visible on this portal: {', '.join(report.not_visible)}", style="yellow", markup=False)
    for each in report.left_out:
        out.print(f"  left out  {each}", style="yellow", markup=False)


def _print_unreadable_property(warning: UnreadableProperty) -> None:
    more = " ..." if warning.contacts > len(warning.ids) else ""
    contacts = f"{format_count(warning.contacts, 'contact')} ({', '.join(map(str, warning.ids))}{more})"
    text = f"{warning.property} is not {warning.expected}: {contacts}; `sync-worker explain ID` shows the value"
    out.print(f"  unknown   {text}", style="yellow", markup=False)


def _print_withheld(report: RunReport) -> None:
    if not report.approved and any(report.withheld.values()):
        mqls = format_count(report.withheld.get("MQL", 0), "contact")
        out.print(
            f"  pending   lists and lifecycle stages do not change until this model is approved ({mqls} for the list “MQL”): "
            "run `sync-worker report`, then `sync-worker approve --note ...`",
            style="yellow",
            markup=False,
        )


def _print_new_mqls(mqls: Sequence[NamedMql]) -> None:
    if mqls:
        out.print(f"  new MQLs  {len(mqls):,}", markup=False)
    print_mqls(mqls, out)


def print_mqls(mqls: Sequence[NamedMql], console: Console) -> None:
    """Print the MQLs with the highest scores, one line each, with their most important reason."""
    for mql in mqls[:MAX_NAMED_MQLS]:
        name, reason = mql.email or str(mql.contact_id), " · ".join(mql.score_reasons[:2])
        how = "" if mql.reason in ("", "by_score") else f"{mql.reason}: "
        console.print(f"    {format_score(mql.score):>4}  {mql.grade.replace('-', '−'):2}  {name}  {how}{reason}", markup=False)
    if len(mqls) > MAX_NAMED_MQLS:
        console.print(f"    and {len(mqls) - MAX_NAMED_MQLS:,} more; --json lists all", style="dim", markup=False)


def print_setup_plan(plan: SetupPlan, *, dry_run: bool) -> None:
    """Print the steps of `setup`, and the objects of others that prevent them."""
    for step in plan.steps:
        verb = step.action if dry_run else SETUP_VERBS[step.action]
        out.print(f"  {verb:8} {step.kind:9} {step.name} ({step.reason})", markup=False)
    if not plan.steps:
        out.print("  no changes: property group, properties and lists are up to date")
    elif dry_run:
        out.print(f"  {format_count(len(plan.steps), 'change')}; nothing was written")
    _print_conflicts(plan.conflicts)


def _print_conflicts(conflicts: Sequence[SetupConflict]) -> None:
    for conflict in conflicts:
        err.print(f"  taken     {conflict.reason} {conflict.hint}", style="red", markup=False)


def print_findings(findings: PreflightReport) -> None:
    """Print the result of `check`."""
    portal, limits, model = findings.portal, findings.limits, findings.model
    out.print(f"  portal    {portal.portal_id} ({portal.account_type}, {portal.time_zone}), plan: {findings.tier}", markup=False)
    daily = f", {usage.used:,} of {usage.limit:,} calls used today" if (usage := limits.daily) else ""
    out.print(f"  limits    {limits.per_10_seconds} requests in 10 s{daily}", markup=False)
    for access in findings.access:
        verb = "can" if access.resource.startswith("write ") else "can read"
        label, style = (verb, None) if access.granted else ("NO ACCESS", "red")
        out.print(f"  {label:9} {access.resource} {access.reason}".rstrip(), style=style, markup=False)
    if optional := findings.subscriptions:
        out.print(f"  {'can read' if optional.granted else 'hidden':9} {optional.resource} {optional.reason}".rstrip(), markup=False)
    for access in findings.bulk:
        out.print(f"  {'in bulk' if access.granted else 'not bulk':9} {access.resource} {access.reason}".rstrip(), markup=False)
    points = f"up to {model.maximum:g} points, {model.reachable:g} reachable here"
    out.print(f"  model     {model.name} · {model.hash}: {points}", markup=False)
    _print_unavailable_criteria(model.not_visible, model.unreachable_criteria)
    for warning in [*model.warnings, *model.errors]:
        out.print(f"  warning   {warning}", style="yellow", markup=False)
    _print_conflicts(findings.conflicts)
    if findings.setup:
        out.print(f"  setup     {format_count(len(findings.setup), 'change')}: run `sync-worker setup`", style="yellow", markup=False)


def _print_unavailable_criteria(not_visible: Sequence[str], unreachable: Sequence[str]) -> None:
    if not_visible:
        out.print(f"  not visible on this portal: {', '.join(not_visible)}", style="yellow", markup=False)
    if unreachable:
        out.print(f"  no contact can meet on this portal: {', '.join(unreachable)}", style="yellow", markup=False)


class PlainTable(Table):
    """A table whose cells are plain text: labels and names may contain brackets, which are no markup."""

    def add_row(self, *cells: RenderableType | None, style: StyleType | None = None, end_section: bool = False) -> None:
        """Add a row."""
        plain = (Text(cell) if isinstance(cell, str) else cell for cell in cells)
        super().add_row(*plain, style=style, end_section=end_section)


def build_table(*headings: tuple[str, str]) -> Table:
    """Return a table without borders; a heading is a text with `left` or `right`."""
    table = PlainTable(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name, justify in headings:
        table.add_column(Text(name), justify="right" if justify == "right" else "left")
    return table


def print_status(status: WorkerStatus) -> None:
    """Print the status of the worker."""
    model, pending = status.model, status.pending
    out.print(f"  portal    {status.portal_id or 'none yet'}, {format_count(status.contacts, 'contact')}", markup=False)
    approval = f"approved {model.approved_at:%Y-%m-%d}" if model.approved_at else "not approved"
    out.print(f"  model     {model.name} · {model.hash} ({approval})", markup=False)
    if model.review_overdue_days:
        text = f"overdue by {format_count(model.review_overdue_days, 'day')}: look at the results, then run `sync-worker review --note ...`"
        out.print(f"  review    {text}", style="yellow", markup=False)
    elif model.review_due:
        out.print(f"  review    due {model.review_due:%Y-%m-%d}", markup=False)
    for stream, at in status.cursors.items():
        out.print(f"  read to   {at}  {record_label(stream)}", markup=False)
    for item in status.not_visible:
        out.print(f"  left out  {item}", style="yellow", markup=False)
    members = sum(sum(counts.values()) for counts in pending.lists.values())
    counts = f"{format_count(pending.contacts, 'contact')}, {format_count(members, 'list member')}, {format_count(pending.stages, 'stage')}"
    out.print(f"  pending   {counts}{f': {pending.reason}' if pending.reason else ''}", markup=False)
    if status.active_run:
        out.print(f"  active    run {status.active_run.run_id}, {status.active_run.holder}", markup=False)
    if status.service:
        _print_service(status.service)
    print_held_back(pending.held_back, out)
    print_rejected(pending.rejected, out)
    for run in status.runs:
        out.print(f"  run       {_format_run(run)}", markup=False)


def _print_service(service: ServiceStatus) -> None:
    out.print(f"  service   {service.holder}", markup=False)
    if service.degraded_since:
        out.print(f"  degraded  since {service.degraded_since:%Y-%m-%d %H:%M} UTC: {service.error}", style="red", markup=False)


def _format_run(run: RunSummary) -> str:
    ended = "unfinished" if run.exit_code is None else f"exit {run.exit_code}{'' if run.done else ', not done'}"
    counts = {"read": run.pulled, "evaluated": run.evaluated, "wrote": run.written}
    parts = [ended, *(f"{label} {number:,}" for label, number in counts.items() if number is not None)]
    return f"{run.run_id} {run.started_at:%Y-%m-%dT%H:%M:%S} {run.command}: {', '.join(parts)}"


def print_model(summary: ModelSummary) -> None:
    """Print the summary of a model file."""
    out.print(f"  model     {summary.name} · {summary.hash} ({summary.file})", markup=False)
    score = f"{summary.minimum:g} to {summary.maximum:g}; MQL from {summary.threshold:g}"
    out.print(f"  score     {score.replace('-', '−')}", markup=False)
    out.print(f"  bands     {', '.join(summary.bands)}", markup=False)
    out.print(f"  reads     events: {', '.join(summary.events) or 'none'}", markup=False)
    out.print(f"  reads     properties: {', '.join(summary.properties) or 'none'}", markup=False)
    if summary.portal:
        out.print(f"  here      {summary.reachable:g} of {summary.maximum:g} points reachable on this portal", markup=False)
        _print_unavailable_criteria(summary.portal.not_visible, summary.portal.unreachable_criteria)
        for step in summary.portal.setup:
            out.print(f"  setup     {step.action} {step.kind} {step.name} ({step.reason})", style="yellow", markup=False)
    for warning in summary.warnings:
        out.print(f"  warning   {warning}", style="yellow", markup=False)


def print_evaluation(evaluation: Mapping[str, Any]) -> None:
    """Print the highest scores of an offline evaluation."""
    contacts = format_count(len(evaluation["verdicts"]), "contact")
    out.print(f"{contacts} as of {evaluation['at']}, model {evaluation['model']}; the highest scores:", markup=False)
    if evaluation["frozen"]:
        names = ", ".join(evaluation["frozen"])
        err.print(f"  no history in the folder, so with the values of today: {names}", style="yellow", markup=False)
    highest = sorted(evaluation["verdicts"], key=lambda verdict: (-verdict["score"], int(verdict["id"])))[:20]
    for verdict in highest:
        grade = (verdict["grade"] or "").replace("-", "−")
        out.print(
            f"  {verdict['id']:>12}  {format_score(verdict['score']):>4}  {grade:2}  {verdict['band']}{'  MQL' if verdict['mql'] else ''}",
            markup=False,
        )


def print_comparison(comparison: ModelComparison) -> None:
    """Print the changes of the model and the contacts that they affect."""
    for sentence in comparison.model_changes or ["no differences between the models"]:
        out.print(f"  {sentence}", markup=False)
    contacts = format_count(comparison.contacts, "contact")
    out.print(f"\n{contacts} evaluated with both models, {comparison.score_changes:,} with a different score", markup=False)
    for dimension, transitions in comparison.transitions.items():
        for transition in transitions:
            before, after = (_format_value(dimension, value) for value in (transition.before, transition.after))
            names = ", ".join(comparison.emails.get(id_) or str(id_) for id_ in transition.ids[:8])
            more = " ..." if transition.contacts > 8 else ""
            out.print(f"  {dimension:5} {before} → {after}: {transition.contacts:,} ({names}{more})", markup=False)


def _format_value(dimension: str, value: str) -> str:
    if dimension == "mql":
        return "MQL" if value == "true" else "not an MQL"
    return value.replace("-", "−") if dimension == "grade" else value


def format_score(score: int) -> str:
    """Return a score with the minus sign of the ledger."""
    return str(score).replace("-", "−")
