"""Text output of `fleet list` and `fleet status`. On a terminal of at least 80 columns it fits; elsewhere each record has one line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from rich.console import Console
from rich.table import Table

from sync_worker.cli.output.console import out
from sync_worker.cli.output.labels import format_count
from sync_worker.cli.output.tables import build_table
from sync_worker.fleet.fleet_portal import FleetPortal, PortalCondition, RunKind
from sync_worker.fleet.fleet_status import FleetList, FleetStatus

Heading = tuple[str, str]
Note = tuple[str, str, str]  # label, text, style

MIN_WIDTH: Final = 80
MAX_WIDTH: Final = 1_000
MAX_NAMES: Final = 10  # of portals with the same error
STYLES: Final = {PortalCondition.FAILING: "yellow", PortalCondition.PAUSED: "red"}
EMPTY: Final = "the fleet is empty; `sync-worker fleet add NAME` adds a portal"
LIST_HEADINGS: Final[Sequence[Heading]] = (
    ("name", "left"),
    ("portal", "right"),
    ("priority", "right"),
    ("token from", "left"),
    ("model", "left"),
    ("settings", "left"),
)
STATUS_HEADINGS: Final[Sequence[Heading]] = (
    ("name", "left"),
    ("", "left"),
    ("last run", "left"),
    ("behind", "right"),
    ("contacts", "right"),
    ("MQLs", "right"),
    ("held", "right"),
    ("run", "left"),
)


def print_fleet_list(fleet: FleetList, console: Console = out) -> None:
    """Print the entries: a table, or one block for each portal where the terminal is too narrow."""
    rows = [_format_entry(portal) for portal in fleet.portals]
    table = _build_table(LIST_HEADINGS, rows, [""] * len(rows))
    if not rows:
        console.print(f"  {EMPTY}", markup=False)
    elif _measure(table, console) <= _find_width(console):
        _print_fitted(table, console)
    else:
        for name, *values in rows:
            console.print(name, markup=False)
            labels = (label for label, _ in LIST_HEADINGS[1:])
            _print_notes([(label, value, "") for label, value in zip(labels, values, strict=True) if value], console)


def print_fleet_status(status: FleetStatus, console: Console = out) -> None:
    """Print what each portal does, the errors, and the counts."""
    rows = [_format_portal(portal, status.now) for portal in status.portals]
    if rows:
        table = _build_table(STATUS_HEADINGS, rows, [STYLES.get(portal.condition, "") for portal in status.portals])
        _print_fitted(table, console)
    counts = status.count()
    parts = [f"{counts[condition]:,} {condition.value}" for condition in PortalCondition if counts[condition]]
    total = f"{format_count(len(rows), 'portal')}: {', '.join(parts)}" if rows else EMPTY
    _print_notes([*_format_errors(status.portals), ("fleet", total, ""), ("workers", _format_workers(status), "")], console)


def _format_entry(portal: FleetPortal) -> Sequence[str]:
    return (
        f"{portal.name} (paused)" if portal.paused_at else portal.name,
        str(portal.portal_id or "none yet"),
        str(portal.priority or ""),
        portal.token,
        portal.model,
        ", ".join(f"{name}: {value}" for name, value in portal.settings.items()),
    )


def _format_portal(portal: FleetPortal, now: datetime) -> Sequence[str]:
    last, lag = portal.last, portal.lag(now)
    return (
        portal.name,
        portal.condition.value,
        f"{_format_duration(now - last.finished_at)} ago" if last.finished_at else "none yet",
        "" if lag is None else _format_duration(lag),
        *(_format_number(number) for number in (last.contacts, last.mqls, last.held_back or None)),
        _format_run(portal, now),
    )


def _format_run(portal: FleetPortal, now: datetime) -> str:
    """Return the run in progress, or the next one; nearly all are syncs, so only others have a name."""
    last, left = portal.last, portal.next_run_at - now
    if portal.is_running and last.started_at and last.kind:
        return f"{last.kind.value} since {_format_duration(now - last.started_at)}"
    if portal.paused_at:
        return ""
    kind = "" if portal.next_run is RunKind.SYNC else f"{portal.next_run.value} "
    return f"{kind}now" if left <= timedelta(0) else f"{kind}in {_format_duration(left)}"


def _format_errors(portals: Sequence[FleetPortal]) -> Iterator[Note]:
    """Yield the reasons of pauses and failures. An outage fails hundreds of portals with one reason, which is printed once."""
    groups: dict[tuple[PortalCondition, str], list[str]] = {}
    for portal in portals:
        if reason := portal.pause_reason or portal.last.error:
            ended = f" (exit {portal.last.exit_code})" if reason == portal.last.error else ""
            groups.setdefault((portal.condition, f"{reason}{ended}"), []).append(portal.name)
    for (condition, reason), names in groups.items():
        style = STYLES.get(condition, "")
        more = f" and {len(names) - MAX_NAMES:,} more" if len(names) > MAX_NAMES else ""
        yield condition.value, f"{', '.join(names[:MAX_NAMES])}{more}: {reason}", style
        if condition is PortalCondition.PAUSED:
            chosen = "--all" if len(names) == len(portals) else "NAME ..." if more else " ".join(names)
            yield "", f"`sync-worker fleet resume {chosen}` ends the pause", style


def _format_workers(status: FleetStatus) -> str:
    if not status.workers:
        return "no worker process was seen; `sync-worker fleet serve` starts one"
    places = ", ".join(f"{worker.place} ({worker.short_runs} short, {worker.long_runs} long)" for worker in status.workers)
    return f"{format_count(len(status.workers), 'process', 'processes')}: {places}"


def _build_table(headings: Sequence[Heading], rows: Sequence[Sequence[str]], styles: Sequence[str]) -> Table:
    """Return a table of the columns that have content."""
    used = [number for number in range(len(headings)) if any(row[number] for row in rows)]
    table = build_table(*(headings[number] for number in used))
    for row, style in zip(rows, styles, strict=True):
        table.add_row(*(row[number] for number in used), style=style)
    return table


def _print_notes(notes: Sequence[Note], console: Console) -> None:
    table = build_table(("", "left"), ("", "left"))
    table.show_header = False
    for label, text, style in notes:
        table.add_row(f"  {label}", text, style=style)
    _print_fitted(table, console)


def _print_fitted(table: Table, console: Console) -> None:
    """Print a table that wraps its last column and its names; a name is not cut, because it has to be typed."""
    for column in table.columns:
        column.overflow, column.no_wrap = "fold", True
    table.columns[-1].no_wrap = False
    table.columns[0].no_wrap = not table.show_header
    table.width = min(_measure(table, console), _find_width(console))
    console.print(table)


def _measure(table: Table, console: Console) -> int:
    return console.measure(table, options=console.options.update(width=MAX_WIDTH)).maximum


def _find_width(console: Console) -> int:
    return max(console.width, MIN_WIDTH) if console.is_terminal else MAX_WIDTH


def _format_number(number: int | None) -> str:
    return "" if number is None else f"{number:,}"


def _format_duration(duration: timedelta) -> str:
    seconds = max(0, int(duration.total_seconds()))
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
