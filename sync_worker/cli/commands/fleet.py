"""The commands of `fleet`: many portals, run by any number of worker processes."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from sync_worker import log
from sync_worker.cli.commands.app import fleet_app
from sync_worker.cli.commands.execution import log_failure, print_result
from sync_worker.cli.options import JsonOption, VerboseOption
from sync_worker.cli.output.console import out
from sync_worker.errors import ConfigurationError
from sync_worker.settings import load_settings

if TYPE_CHECKING:
    from sync_worker.fleet.fleet import Fleet

T = TypeVar("T")
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="Name of the portal in the fleet.", show_default=False)]
NamesArgument = Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="Names of portals in the fleet.", show_default=False)]
AllOption = Annotated[bool, typer.Option("--all", help="All portals.")]


def with_fleet(action: Callable[[Fleet], T]) -> T:
    """Return the result of an action on the fleet of the settings."""
    from sync_worker.cli.fleet import open_fleet  # noqa: PLC0415 -- an extra, and only these commands need it

    settings = load_settings()
    log.configure(level=max(logging.WARNING, settings.log_level_number), log_format=settings.log_format)
    with open_fleet(settings) as fleet:
        return action(fleet)


@fleet_app.command("add")
def add_portal(
    name: NameArgument,
    *,
    token_from: Annotated[
        str,
        typer.Option(
            metavar="PLACE", help="Where the worker processes read the token: env:NAME, file:PATH or command:PROGRAM.", show_default=False
        ),
    ],
    model: Annotated[str, typer.Option(metavar="FILE", help="The model file, as the worker processes find it.", show_default=False)],
    settings: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Settings of this portal, a file like worker.yaml.", show_default=False)
    ] = None,
    state_url: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Another state, without a password, or env:NAME, file:PATH, command:PROGRAM. Default: a schema of the fleet's database.",
        ),
    ] = None,
    priority: Annotated[int, typer.Option(help="Portals with a higher number run first if all places are taken.")] = 0,
    check: Annotated[bool, typer.Option(help="Check token, model and portal now, on this machine.")] = True,
) -> None:
    """Add a portal; its first run is a backfill. The token itself is never saved."""
    entry = with_fleet(
        lambda fleet: fleet.add(
            name, token=token_from, model=model, settings_file=settings, state_url=state_url, priority=priority, is_checked=check
        )
    )
    opened = f"portal {entry.portal_id}" if entry.portal_id else "its portal will be checked by the first run"
    out.print(f"  added     {name}, {opened}", markup=False)
    out.print(
        f"  next      `sync-worker fleet exec {name} setup` if the portal has no properties yet, then `sync-worker fleet serve`",
        markup=False,
    )


@fleet_app.command("list")
def list_portals(*, json: JsonOption = False) -> None:
    """Show the entries: portal, model, settings, and where the token is."""
    from sync_worker.cli.output.fleet.portals import print_fleet_list  # noqa: PLC0415 -- needs the extra

    print_result(with_fleet(lambda fleet: fleet.load_list()), json=json, print_text=print_fleet_list)


@fleet_app.command("status")
def show_status(names: NamesArgument = None, *, json: JsonOption = False) -> None:
    """Show the condition of each portal, its last and its next run.

    Also how far it is behind, what is held back, its MQLs, its error; and the worker processes.
    """
    from sync_worker.cli.output.fleet.portals import print_fleet_status  # noqa: PLC0415 -- needs the extra

    print_result(with_fleet(lambda fleet: fleet.status(names or ())), json=json, print_text=print_fleet_status)


@fleet_app.command("pause")
def pause_portals(
    names: NamesArgument = None,
    *,
    all_portals: AllOption = False,
    note: Annotated[str, typer.Option(metavar="TEXT", help="Why; `fleet status` shows it.")] = "paused by an operator",
) -> None:
    """Let portals run no more until `fleet resume`.

    A run in progress ends first.
    """
    chosen = _choose(names, all_portals=all_portals)
    with_fleet(lambda fleet: fleet.pause(chosen, note))
    resume = f"`sync-worker fleet resume {' '.join(chosen) or '--all'}`"
    out.print(f"  paused    {', '.join(chosen) or 'all portals'}; {resume} ends the pause", markup=False)


@fleet_app.command("resume")
def resume_portals(names: NamesArgument = None, *, all_portals: AllOption = False) -> None:
    """End a pause; the portals run now.

    Also a pause that an error has caused.
    """
    chosen = _choose(names, all_portals=all_portals)
    with_fleet(lambda fleet: fleet.resume(chosen))
    out.print(f"  resumed   {', '.join(chosen) or 'all portals'}", markup=False)


@fleet_app.command("remove")
def remove_portal(
    name: NameArgument,
    *,
    drop_state: Annotated[bool, typer.Option("--drop-state", help="Delete its state as well: its facts, verdicts and audit.")] = False,
) -> None:
    """Remove a portal from the fleet.

    Nothing changes in HubSpot, and its state stays.
    """
    removed = with_fleet(lambda fleet: fleet.remove(name, drop_state=drop_state))
    kept = "deleted" if drop_state and removed.state_url is None else "kept; the same name uses it again"
    out.print(f"  removed   {name}; its state is {kept}", markup=False)


@fleet_app.command("exec", context_settings={"ignore_unknown_options": True})
def execute_command(
    name: NameArgument,
    command: Annotated[
        list[str], typer.Argument(metavar="COMMAND...", help="A command of sync-worker with its options.", show_default=False)
    ],
) -> None:
    """Run any command on a portal of the fleet.

    Such as `fleet exec acme approve --note good`.
    """
    environment = with_fleet(lambda fleet: fleet.build_environment(name))
    arguments = [sys.executable, "-m", "sync_worker", *command]
    os.execve(sys.executable, arguments, {**os.environ, **environment})  # noqa: S606 -- this program, without a shell


@fleet_app.command("serve")
def serve_fleet(
    *,
    short_runs: Annotated[int, typer.Option(min=0, max=64, help="Short runs at a time: syncs.")] = 4,
    long_runs: Annotated[int, typer.Option(min=0, max=16, help="Long runs at a time: backfills, rescans, and portals that need long.")] = 1,
    verbose: VerboseOption = False,
) -> None:
    """Run portals until SIGTERM or Ctrl-C. Start any number of these processes, on any number of machines."""
    from sync_worker.cli.fleet import FleetService  # noqa: PLC0415 -- an extra, and only this command needs it

    log.configure()
    log.capture_libraries()
    with log_failure():
        settings = load_settings()
        log.configure(level=logging.DEBUG if verbose else settings.log_level_number, log_format=settings.log_format)
        FleetService(settings=settings, short_runs=short_runs, long_runs=long_runs).serve()


def _choose(names: list[str] | None, *, all_portals: bool) -> list[str]:
    if bool(names) == all_portals:
        raise ConfigurationError("Name the portals, or use --all.", hint="`sync-worker fleet list` shows the names.")
    return names or []
