"""Text output of `threshold`."""

from __future__ import annotations

from itertools import islice

from rich.console import Console

from sync_worker.cli.output.labels import format_count, format_score
from sync_worker.insight.threshold import ThresholdAdvice
from sync_worker.model.i18n.phrases import format_minus

MAX_NAMES = 20


def print_threshold(found: ThresholdAdvice, console: Console) -> None:
    """Print the threshold, its figures, and the contacts that reach it today."""
    head = f"threshold {format_score(found.threshold)} for {found.goal}; the model has {format_minus(found.present)}"
    console.print(head, style="bold", markup=False)
    console.print(f"  as of {found.as_of:%Y-%m-%d}, with opportunities within {found.horizon.days} days:", markup=False)
    reached = f"of the {format_count(found.precision.total or 0, 'contact')} that reach it; of all contacts, {found.base_rate:.0%}"
    console.print(f"  precision  {found.precision.format_percent()} {reached}", markup=False)
    opportunities = format_count(found.recall.total or 0, "opportunity", "opportunities")
    console.print(f"  recall     {found.recall.format_percent()} of the {opportunities}", markup=False)
    weekly = found.weekly
    flow = f"{weekly.value:.1f} [{weekly.low:.1f}–{weekly.high:.1f}] new contacts per week, in the last {found.weeks:.0f} weeks"
    console.print(f"  flow       {flow}", markup=False)
    if found.note:
        console.print(f"  {found.note}", style="yellow", markup=False)
    change = f"{found.joined:,} more than" if found.joined else f"{found.left:,} fewer than" if found.left else "as many as"
    today = f"{format_count(len(found.contacts), 'contact')} reach it, {change} with {format_minus(found.present)}"
    console.print(f"  today      {today}", markup=False)
    for id_, email in islice(found.contacts.items(), MAX_NAMES):
        console.print(f"    {email or id_}", markup=False)
    if len(found.contacts) > MAX_NAMES:
        console.print(f"    and {len(found.contacts) - MAX_NAMES:,} more; --json lists all", markup=False)
