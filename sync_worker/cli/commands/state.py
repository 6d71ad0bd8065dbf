"""The commands of the state file: backup, verify, restore."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sync_worker.cli.commands.app import state_app
from sync_worker.cli.commands.execution import MissingState, with_worker
from sync_worker.cli.options import JsonOption
from sync_worker.cli.output.console import out, print_json
from sync_worker.cli.output.labels import format_count
from sync_worker.store.backup import BackupSummary
from sync_worker.timestamps import from_ms

FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="A backup file.", show_default=False)]


@state_app.command("backup")
def back_up_state(file: FileArgument, *, json: JsonOption = False) -> None:
    """Write a consistent copy of the state, also while the worker runs."""
    _print_summary(with_worker(lambda worker: worker.back_up(file)), "written", json=json)


@state_app.command("verify")
def verify_state(file: FileArgument, *, json: JsonOption = False) -> None:
    """Check every page of a backup."""
    _print_summary(with_worker(lambda worker: worker.verify_backup(file), missing_state=MissingState.IGNORE), "intact", json=json)


@state_app.command("restore")
def restore_state(file: FileArgument, *, json: JsonOption = False) -> None:
    """Replace the state by a backup; the earlier state is kept.

    Refused while a run or the service uses the state. Run `sync-worker backfill` afterward: HubSpot is newer than the backup.
    """
    _print_summary(with_worker(lambda worker: worker.restore(file), missing_state=MissingState.CREATE), "restored", json=json)


def _print_summary(summary: BackupSummary, verb: str, *, json: bool) -> None:
    if json:
        print_json(summary.as_json())
        return
    last = f", last run {from_ms(summary.last_run_at):%Y-%m-%d %H:%M} UTC" if summary.last_run_at else ""
    size = f"{summary.size / 1_000_000:,.1f} MB"
    out.print(
        f"  {verb:9} {summary.file}: {format_count(summary.contacts, 'contact')}, schema {summary.schema}{last}, {size}", markup=False
    )
    if summary.replaced:
        out.print(f"  kept      the earlier state: {summary.replaced}", markup=False)
