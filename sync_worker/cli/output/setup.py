"""Text output of `setup` and `check`."""

from __future__ import annotations

from collections.abc import Sequence

from sync_worker.cli.output.console import err, out
from sync_worker.cli.output.labels import format_count
from sync_worker.sync.portal.draft_workflows import DraftPlan
from sync_worker.sync.portal.ownership import SetupConflict
from sync_worker.sync.portal.preflight import ModelFit, PreflightReport
from sync_worker.sync.portal.setup import SetupPlan

SETUP_VERBS = {"create": "created", "update": "updated"}


def print_setup_plan(plan: SetupPlan, *, dry_run: bool) -> None:
    """Print the steps of `setup`, and the objects of others that prevent them."""
    for step in plan.steps:
        verb = step.action if dry_run else SETUP_VERBS[step.action]
        out.print(f"  {verb:8} {step.kind:9} {step.name} ({step.reason})", markup=False)
    changes = len(plan.steps)
    if not plan.steps:
        out.print("  no changes: property group, properties and lists are up to date")
    if plan.drafts:
        changes += len(plan.drafts.new)
        _print_drafts(plan.drafts, dry_run=dry_run)
    if changes and dry_run:
        out.print(f"  {format_count(changes, 'change')}; nothing was written")
    _print_conflicts(plan.conflicts)


def _print_drafts(drafts: DraftPlan, *, dry_run: bool) -> None:
    for draft in drafts.existing:
        out.print(f"  {'exists':8} {'workflow':9} {draft.name} (not changed)", markup=False)
    for draft in drafts.new:
        out.print(f"  {'create' if dry_run else 'created':8} {'workflow':9} {draft.name} (switched off)", markup=False)
    if not drafts.refused:
        return
    done = "" if dry_run else " Everything else of the setup is done."
    err.print(f"  refused   {drafts.refusal}{done} The workflows can be built by hand:", style="red", markup=False)
    for draft in drafts.refused:
        out.print(f"  {draft.name}", markup=False)
        for number, step in enumerate(draft.steps, start=1):
            out.print(f"    {number}. {step}", markup=False)


def _print_conflicts(conflicts: Sequence[SetupConflict]) -> None:
    for conflict in conflicts:
        err.print(f"  taken     {conflict.reason}", style="red", markup=False)
    for hint in dict.fromkeys(conflict.hint for conflict in conflicts):
        err.print(f"  {'':9} {hint}", style="red", markup=False)


def print_findings(findings: PreflightReport) -> None:
    """Print the result of `check`."""
    portal, limits = findings.portal, findings.limits
    out.print(f"  portal    {portal.portal_id} ({portal.account_type}, {portal.time_zone}), plan: {findings.tier}", markup=False)
    daily = f", {usage.used:,} of {usage.limit:,} calls used today" if (usage := limits.daily) else ""
    out.print(f"  limits    {limits.per_10_seconds} requests in 10 s{daily}", markup=False)
    for access in findings.access:
        verb = "can" if access.resource.startswith("write ") else "can read"
        label, style = (verb, None) if access.granted else ("NO ACCESS", "red")
        out.print(f"  {label:9} {access.resource} {access.reason}".rstrip(), style=style, markup=False)
    if optional := findings.subscriptions:
        out.print(f"  {'can read' if optional.granted else 'hidden':9} {optional.resource} {optional.reason}".rstrip(), markup=False)
    if workflows := findings.workflows:
        out.print(f"  {'can use' if workflows.granted else 'NO ACCESS':9} {workflows.resource} {workflows.reason}".rstrip(), markup=False)
    for access in findings.bulk:
        out.print(f"  {'in bulk' if access.granted else 'not bulk':9} {access.resource} {access.reason}".rstrip(), markup=False)
    label = "can read" if findings.outcomes.granted else "hidden"
    out.print(f"  {label:9} {findings.outcomes.resource}, for `outcomes` {findings.outcomes.reason}".rstrip(), markup=False)
    _print_fit("model", findings.model)
    if findings.shadow:
        _print_fit("shadow", findings.shadow)
    _print_conflicts(findings.conflicts)
    if findings.setup:
        out.print(f"  setup     {format_count(len(findings.setup), 'change')} needed", style="yellow", markup=False)
    if not all(access.granted for access in findings.access):
        out.print("  next      give the token what it lacks, then run `sync-worker check` again")
    elif not findings.conflicts:
        command = "setup" if findings.setup else "backfill --dry-run"
        out.print(f"  next      run `sync-worker {command}`", markup=False)


def _print_fit(label: str, model: ModelFit) -> None:
    points = f"up to {model.maximum:g} points, {model.reachable:g} reachable here"
    out.print(f"  {label:9} {model.name} · {model.hash}: {points}", markup=False)
    print_unavailable_criteria(model.not_visible, model.unreachable_criteria)
    for warning in [*model.warnings, *model.errors]:
        out.print(f"  warning   {warning}", style="yellow", markup=False)


def print_unavailable_criteria(not_visible: Sequence[str], unreachable: Sequence[str]) -> None:
    """Print the criteria that cannot give points on this portal."""
    if not_visible:
        out.print(f"  not visible on this portal: {', '.join(not_visible)}", style="yellow", markup=False)
    if unreachable:
        out.print(f"  no contact can meet on this portal: {', '.join(unreachable)}", style="yellow", markup=False)
