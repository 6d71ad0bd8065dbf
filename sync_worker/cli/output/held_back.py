"""Text output of what HubSpot rejected, with hints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.console import Console

from sync_worker.cli.output.labels import format_count
from sync_worker.reports.texts.held_back import RETRY_HINT, VALUE_HINT, format_next_try
from sync_worker.store.writes.held_back import HeldBack, HeldBackGroup
from sync_worker.timestamps import from_ms

MAX_REJECTED: Final = 20  # contacts printed one by one


def print_rejected(rejected: Sequence[tuple[int, str]], console: Console) -> None:
    """Print the first rejected contacts, each with the reason."""
    for id_, reason in rejected[:MAX_REJECTED]:
        console.print(f"  rejected  {id_}: {reason}", style="red", markup=False)
    if len(rejected) > MAX_REJECTED:
        console.print(f"  rejected  and {len(rejected) - MAX_REJECTED:,} more; see --json", style="red", markup=False)


def print_held_back(held_back: HeldBack, console: Console) -> None:
    """Print how many contacts are held back, by part and reason."""
    if not held_back.contacts:
        return
    console.print(f"  held back {format_count(held_back.contacts, 'contact')}", style="red", markup=False)
    for group in held_back.groups:
        console.print(f"    {_format_group(group)}", style="red", markup=False)
    if any(group.retry_at is not None for group in held_back.groups):
        console.print(f"  {RETRY_HINT}", markup=False)
    if any(group.retry_at is None for group in held_back.groups):
        console.print(f"  {VALUE_HINT}", markup=False)


def _format_group(group: HeldBackGroup) -> str:
    since = f"since {from_ms(group.since):%Y-%m-%d %H:%M} UTC, {format_next_try(group)}"
    return f"{group.part}: {group.contacts:,}, {group.reason} ({since})"
