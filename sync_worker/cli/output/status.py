"""Text output of `status`."""

from __future__ import annotations

from typing import Final

from sync_worker.cli.output.console import out
from sync_worker.cli.output.held_back import print_held_back, print_rejected
from sync_worker.cli.output.labels import format_count, record_label
from sync_worker.cli.output.run import print_hand_offs
from sync_worker.reports.status import RunSummary, WorkerStatus
from sync_worker.store.saved_state.service_cycle import ServiceCycle

CYCLE_REASONS: Final = {
    "setting": "`sync_every_minutes`",
    "day": "day in the portal",
    "changes": "changes arrive",
    "night": "night in the portal",
    "backlog": "reads a backlog",
    "daily_limit": "`max_daily_share` of the daily limit",
}


def print_status(status: WorkerStatus) -> None:
    """Print the status of the worker."""
    model, pending = status.model, status.pending
    out.print(f"  portal    {status.portal_id or 'none yet'}, {format_count(status.contacts, 'contact')}", markup=False)
    if status.mqls:
        out.print(f"  MQLs      {status.mqls:,}{_format_freshness(status)}", markup=False)
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
    print_hand_offs(status.hand_offs)
    members = sum(sum(counts.values()) for counts in pending.lists.values())
    counts = f"{format_count(pending.contacts, 'contact')}, {format_count(members, 'list member')}, {format_count(pending.stages, 'stage')}"
    out.print(f"  pending   {counts}{f': {pending.reason}' if pending.reason else ''}", markup=False)
    if status.active_run:
        out.print(f"  active    run {status.active_run.run_id}, {status.active_run.holder}", markup=False)
    _print_service(status)
    print_held_back(pending.held_back, out)
    print_rejected(pending.rejected, out)
    for run in status.runs:
        out.print(f"  run       {_format_run(run)}", markup=False)


def _format_freshness(status: WorkerStatus) -> str:
    if not (freshness := status.freshness):
        return ""
    minutes = f"{freshness.p50 / 60:.1f} min (median), {freshness.p95 / 60:.1f} min (95th percentile)"
    return f"; from form to MQL {minutes}, the last {freshness.mqls:,}"


def _print_service(status: WorkerStatus) -> None:
    for stream, since in status.resyncs.items():
        out.print(f"  resync    {record_label(stream)} since {since:%Y-%m-%d %H:%M} UTC, in the next run", markup=False)
    if status.paused_since:
        paused = f"since {status.paused_since:%Y-%m-%d %H:%M} UTC; `sync-worker service resume` ends the pause"
        out.print(f"  paused    {paused}", style="yellow", markup=False)
    service = status.service
    if service:
        out.print(f"  service   {service.holder}{_format_cycle(service.cycle)}", markup=False)
    if service and service.degraded_since:
        out.print(f"  degraded  since {service.degraded_since:%Y-%m-%d %H:%M} UTC: {service.error}", style="red", markup=False)


def _format_cycle(cycle: ServiceCycle | None) -> str:
    return f", a cycle every {cycle.seconds} s ({CYCLE_REASONS.get(cycle.reason, cycle.reason)})" if cycle else ""


def _format_run(run: RunSummary) -> str:
    ended = "unfinished" if run.exit_code is None else f"exit {run.exit_code}{'' if run.done else ', not done'}"
    ended = "interrupted" if run.is_interrupted else ended
    counts = {"read": run.pulled, "evaluated": run.evaluated, "wrote": run.written}
    parts = [ended, *(f"{label} {number:,}" for label, number in counts.items() if number is not None)]
    return f"{run.run_id} {run.started_at:%Y-%m-%dT%H:%M:%S} {run.command}: {', '.join(parts)}"
