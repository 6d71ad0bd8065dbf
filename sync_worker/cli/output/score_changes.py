"""Text output of `explain --since`: what changed the score, event by event and by time."""

from __future__ import annotations

from decimal import Decimal
from zoneinfo import ZoneInfo

from sync_worker.cli.output.console import out
from sync_worker.model.i18n.phrases import format_minus
from sync_worker.model.score_history import ScoreStep
from sync_worker.reports.score_changes import ScoreChanges


def print_score_changes(changes: ScoreChanges) -> None:
    """Print the score then, each step, and the score now."""
    history, zone = changes.history, ZoneInfo(changes.time_zone)
    out.print(f"Contact {changes.contact_id}: what changed the score", style="bold", markup=False)
    out.print(f"{_format_points(history.before):>6}  {history.since.astimezone(zone):%Y-%m-%d %H:%M %Z}", markup=False)
    for step in history.steps:
        sign = "+" if step.points > 0 else ""
        out.print(f"{sign + _format_points(step.points):>6}  {step.at.astimezone(zone):%Y-%m-%d %H:%M} {_describe(step)}", markup=False)
    remark = "the steps add up to it" if history.adds_up else "THE STEPS DO NOT ADD UP"
    out.print(
        f"{_format_points(history.after):>6}  {history.until.astimezone(zone):%Y-%m-%d %H:%M %Z}, {remark}", style="bold", markup=False
    )
    out.print("Properties have their present values at both times.", style="dim", markup=False)


def _describe(step: ScoreStep) -> str:
    lines = ", ".join(f"{label} {'+' if points > 0 else ''}{_format_points(points)}" for label, points in step.changes.items())
    first = step.events[0] if step.events else None
    cause = "by time" if first is None else f"{first.kind.replace('_', ' ')} {first.subject}".strip()
    more = f" and {len(step.events) - 1:,} more" if len(step.events) > 1 else ""
    return f"{cause}{more}: {lines or 'no change'}"


def _format_points(points: Decimal) -> str:
    return format_minus(f"{float(points):g}")
