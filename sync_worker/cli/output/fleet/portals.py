"""Text output of `fleet list` and `fleet status`: one line a portal."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from rich.table import Table

from sync_worker.cli.output.console import out
from sync_worker.cli.output.labels import format_count
from sync_worker.cli.output.tables import build_table
from sync_worker.fleet.fleet_portal import FleetPortal, PortalCondition
from sync_worker.fleet.fleet_status import FleetList, FleetStatus

MAX_WIDTH: Final = 1_000
STYLES: Final = {PortalCondition.FAILING: "yellow", PortalCondition.PAUSED: "red"}


def print_fleet_list(fleet: FleetList) -> None:
    """Print the entries."""
    table = build_table(
        ("name", "left"), ("portal", "right"), ("priority", "right"), ("token from", "left"), ("model", "left"), ("settings", "left")
    )
    for portal in fleet.portals:
        settings = ", ".join(f"{name}: {value}" for name, value in portal.settings.items())
        name = f"{portal.name} (paused)" if portal.paused_at else portal.name
        table.add_row(name, str(portal.portal_id or "not known yet"), str(portal.priority), portal.token, portal.model, settings)
    _print_unwrapped(table)


def print_fleet_status(status: FleetStatus) -> None:
    """Print what each portal does, and the counts."""
    headings = (
        ("name", "left"),
        ("", "left"),
        ("last run", "left"),
        ("behind", "right"),
        ("contacts", "right"),
        ("MQLs", "right"),
        ("held back", "right"),
    )
    table = build_table(*headings, ("next run", "left"), ("reason", "left"))
    for portal in status.portals:
        lag = portal.lag(status.now)
        counts = (_format_number(number) for number in (portal.last.contacts, portal.last.mqls, portal.last.held_back))
        table.add_row(
            portal.name,
            portal.condition.value,
            _format_last_run(portal, status.now),
            _format_duration(lag) if lag is not None else "",
            *counts,
            _format_next_run(portal, status.now),
            portal.pause_reason or portal.last.error or "",
            style=STYLES.get(portal.condition, ""),
        )
    _print_unwrapped(table)
    counts_by_condition = status.count()
    parts = [f"{counts_by_condition[condition]:,} {condition.value}" for condition in PortalCondition if counts_by_condition[condition]]
    out.print(f"  {format_count(len(status.portals), 'portal')}{': ' if parts else ''}{', '.join(parts)}", markup=False)
    out.print(f"  {_format_workers(status)}", markup=False)


def _format_workers(status: FleetStatus) -> str:
    if not status.workers:
        return "no worker process was seen; `sync-worker fleet serve` starts one"
    places = ", ".join(f"{worker.place} ({worker.short_runs} short, {worker.long_runs} long)" for worker in status.workers)
    return f"{format_count(len(status.workers), 'worker process', 'worker processes')}: {places}"


def _print_unwrapped(table: Table) -> None:
    """Print a table wider than the terminal if needed, so that each portal has one line."""
    table.width = out.measure(table, options=out.options.update(width=MAX_WIDTH)).maximum
    out.print(table)


def _format_last_run(portal: FleetPortal, now: datetime) -> str:
    last = portal.last
    if portal.is_running and last.started_at and last.kind:
        return f"{last.kind.value} since {_format_duration(now - last.started_at)}"
    if last.finished_at is None or last.kind is None:
        return "none yet"
    return f"{last.kind.value} {_format_duration(now - last.finished_at)} ago, exit {last.exit_code}"


def _format_next_run(portal: FleetPortal, now: datetime) -> str:
    if portal.paused_at:
        return f"`sync-worker fleet resume {portal.name}`"
    left = portal.next_run_at - now
    return f"{portal.next_run.value} {'now' if left <= timedelta(0) else f'in {_format_duration(left)}'}"


def _format_number(number: int | None) -> str:
    return "" if number is None else f"{number:,}"


def _format_duration(duration: timedelta) -> str:
    seconds = max(0, int(duration.total_seconds()))
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
