"""Text output of a run, and of `forget`."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from sync_worker.cli.output.console import err, out
from sync_worker.cli.output.held_back import print_held_back, print_rejected
from sync_worker.cli.output.labels import count_records, format_count, format_score
from sync_worker.cli.output.plan import print_plan, summarize_plan
from sync_worker.model.i18n.phrases import format_minus
from sync_worker.reports.audit import AuditSummary
from sync_worker.store.writes.hand_offs import HandOffCounts
from sync_worker.sync.evaluate.parse_warnings import UnreadableProperty
from sync_worker.sync.plan.named_mqls import NamedMql
from sync_worker.sync.run_report import ErasureReport, RunReport

MAX_NAMED_MQLS = 20  # MQLs shown by name
LIST_CHANGE_LABELS = {"add": "to add", "remove": "to remove"}


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
    print_hand_offs(report.hand_offs)
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


def print_audit(summary: AuditSummary) -> None:
    """Print how many writes were exported."""
    out.print(f"  written   {format_count(summary.rows, 'write')} to {summary.file}", markup=False)


def print_hand_offs(counts: HandOffCounts) -> None:
    """Print how many messages about new MQLs were sent and wait; nothing without messages."""
    if counts.sent or counts.waiting:
        out.print(f"  hand-off  {format_count(counts.sent, 'message')} sent, {counts.waiting:,} waiting", markup=False)
    if counts.reason:
        err.print(f"  hand-off  {counts.reason}", style="yellow", markup=False)


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
        name, reason = mql.name.text or str(mql.contact_id), " · ".join(mql.score_reasons[:2])
        how = "" if mql.reason in ("", "by_score") else f"{mql.reason}: "
        console.print(f"    {format_score(mql.score):>4}  {format_minus(mql.grade):2}  {name}  {how}{reason}", markup=False)
    if len(mqls) > MAX_NAMED_MQLS:
        console.print(f"    and {len(mqls) - MAX_NAMED_MQLS:,} more; --json lists all", style="dim", markup=False)
