"""The commands that read HubSpot and write to it: backfill, sync, plan, apply, serve, undo."""

from __future__ import annotations

import logging
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from sync_worker import log, traces
from sync_worker.cli.commands.app import app
from sync_worker.cli.commands.execution import MissingState, execute_run, log_failure
from sync_worker.cli.options import AllowLargeOption, DryRunOption, JsonOption, NoNamesOption, VerboseOption
from sync_worker.cli.output.console import err
from sync_worker.cli.output.plan import print_markdown
from sync_worker.cli.output.run import print_run
from sync_worker.errors import ExitCode, MissingExtra, explain_extra
from sync_worker.output_file import check_output_file
from sync_worker.settings import Settings, load_settings
from sync_worker.worker import build_worker


class PlanFormat(StrEnum):
    """The format of a plan."""

    TEXT = "text"
    MARKDOWN = "markdown"


class SyncMethod(StrEnum):
    """API that reads and writes contacts in a backfill."""

    API = "api"
    BULK = "bulk"


@app.command()
def backfill(
    *,
    dry_run: DryRunOption = False,
    allow_large: AllowLargeOption = False,
    via: Annotated[
        SyncMethod, typer.Option(help="bulk: use exports and imports, which need only a few calls; see docs/operations.md.")
    ] = SyncMethod.API,
    no_names: NoNamesOption = False,
    verbose: VerboseOption = False,
    json: JsonOption = False,
) -> None:
    """Evaluate every contact once; resumes after an interruption."""
    bulk = via is SyncMethod.BULK
    execute_run(
        lambda worker: worker.backfill(dry_run=dry_run, allow_large=allow_large, bulk=bulk),
        no_names=no_names,
        json=json,
        verbose=verbose,
        missing_state=MissingState.CREATE,
    )


@app.command()
def sync(
    *,
    dry_run: DryRunOption = False,
    allow_large: AllowLargeOption = False,
    no_names: NoNamesOption = False,
    verbose: VerboseOption = False,
    json: JsonOption = False,
) -> None:
    """Process the changes since the last run."""
    execute_run(
        lambda worker: worker.sync(dry_run=dry_run, allow_large=allow_large),
        no_names=no_names,
        json=json,
        verbose=verbose,
        missing_state=MissingState.CREATE,
    )


@app.command()
def plan(
    *,
    to: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Save exactly these changes, for `apply`.")] = None,
    plan_format: Annotated[PlanFormat, typer.Option("--format", help="markdown: a comment for a pull request.")] = PlanFormat.TEXT,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="Exit with code 6 if changes wait.")] = False,
    no_names: NoNamesOption = False,
    json: JsonOption = False,
) -> None:
    """Show what the next run would change, the gravest changes first.

    Reads from HubSpot what changed since the last run; writes nothing.
    """
    check_output_file(to)
    print_text = print_markdown if plan_format is PlanFormat.MARKDOWN else print_run
    result = execute_run(lambda worker: worker.plan(out=to, names=not no_names), no_names=no_names, json=json, print_text=print_text)
    if to:
        err.print(
            f"written to {to}; " + ("it has nothing to apply" if result.plan.is_empty else f"`sync-worker apply {to}` carries it out"),
            markup=False,
        )
    if exit_code and not result.plan.is_empty:
        raise typer.Exit(int(ExitCode.CHANGES_WAIT))


@app.command("apply")
def apply_plan(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file of `plan --out`.", show_default=False)],
    *,
    dry_run: DryRunOption = False,
    allow_large: AllowLargeOption = False,
    no_names: NoNamesOption = False,
    json: JsonOption = False,
) -> None:
    """Carry out a saved plan exactly, or refuse it.

    If anything that it rests on has changed, nothing is written (exit code 5). After an interruption, the same command writes the rest.
    The next `sync` processes all other changes.
    """
    execute_run(lambda worker: worker.apply(file, allow_large=allow_large, dry_run=dry_run), no_names=no_names, json=json)


@app.command()
def serve(
    *,
    ui: Annotated[bool, typer.Option("--ui", help="Serve the console too: web pages on the same port, for this machine.")] = False,
    verbose: VerboseOption = False,
) -> None:
    """Run as a service until SIGTERM or Ctrl-C. SIGHUP reloads settings and model.

    A cycle every few minutes, a re-evaluation of all contacts once a day, a full scan once a week.
    """
    from sync_worker.service.scheduler import serve as run_service  # noqa: PLC0415 -- other commands do not need the scheduler

    def load() -> Settings:
        settings = load_settings()
        log.configure(level=logging.DEBUG if verbose else settings.log_level_number, log_format=settings.log_format)
        return settings

    log.configure()
    log.capture_libraries()
    traces.start()
    with log_failure():
        if ui:
            _require_console()
        with build_worker(load()) as worker:
            run_service(worker, load, with_console=ui)


def _require_console() -> None:
    if missing := [name for name in ("starlette", "uvicorn") if find_spec(name) is None]:
        raise MissingExtra(f"The console is not installed ({' and '.join(missing)} missing).", hint=explain_extra("ui"))


@app.command()
def undo(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Id of a run, from `status` or the log.", show_default=False)],
    *,
    dry_run: DryRunOption = False,
    no_names: NoNamesOption = False,
    json: JsonOption = False,
) -> None:
    """Restore the values and list members that a run replaced.

    Values that have changed since stay. Lifecycle stages stay, because HubSpot moves them forward only.
    """
    execute_run(lambda worker: worker.undo(run, dry_run=dry_run), no_names=no_names, json=json)
