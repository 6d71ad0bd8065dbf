"""Text output of `threshold`."""

from __future__ import annotations

from itertools import islice

from rich.console import Console

from sync_worker.cli.output.labels import format_count
from sync_worker.insight.threshold import ThresholdAdvice

MAX_NAMES = 20


def print_threshold(found: ThresholdAdvice, console: Console) -> None:
    """Print the threshold, its figures, and the contacts that reach it today."""
    console.print(f"threshold {found.threshold} (now {found.present}) for {found.goal}", style="bold", markup=False)
    past = f"as of {found.as_of:%Y-%m-%d}, within {found.horizon.days} days"
    console.print(f"  precision  {found.precision} ({past}; {found.base_rate:.3f} of all contacts)", markup=False)
    console.print(f"  recall     {found.recall}", markup=False)
    weekly = found.weekly
    console.print(
        f"  new        {weekly.value:.1f} contacts per week [{weekly.low:.1f}, {weekly.high:.1f}] in the last {found.weeks:.0f} weeks",
        markup=False,
    )
    if found.note:
        console.print(f"  {found.note}", style="yellow", markup=False)
    change = f"{found.joined:,} more" if found.joined else f"{found.left:,} fewer" if found.left else "as many"
    console.print(f"  today      {format_count(len(found.contacts), 'contact')}, {change} than with {found.present}", markup=False)
    for id_, email in islice(found.contacts.items(), MAX_NAMES):
        console.print(f"    {email or id_}", markup=False)
    if len(found.contacts) > MAX_NAMES:
        console.print(f"    and {len(found.contacts) - MAX_NAMES:,} more; --json lists all", markup=False)
