"""The commands, one short function each."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn

import typer

from sync_worker import __version__, log
from sync_worker.cli import render
from sync_worker.cli.console import TerminalProgress, err, out, print_json
from sync_worker.errors import ConfigurationError, ExitCode, SyncWorkerError
from sync_worker.model.file.units import parse_duration
from sync_worker.settings import load_settings
from sync_worker.worker import Worker, build_worker

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Lead scoring as code for HubSpot.",
)
model_app = typer.Typer(no_args_is_help=True, help="Check, describe and try model files; HubSpot is not asked.")
app.add_typer(model_app, name="model")

EXIT_CODE_BUG: Final = 70  # EX_SOFTWARE of sysexits.h

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else on standard output.")]
AllowLargeOption = Annotated[bool, typer.Option("--allow-large", help="Let a plan through that changes more than the settings allow.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Show what would be written; write nothing to HubSpot.")]


class SyncMethod(StrEnum):
    """How contacts are read and written."""

    API = "api"
    BULK = "bulk"


def main() -> NoReturn:
    """Run the command line: errors become one sentence and an exit code."""
    try:
        app()
    except SyncWorkerError as error:
        err.print(f"sync-worker: {error}", style="red" if err.is_terminal else None, markup=False, soft_wrap=True)
        sys.exit(int(error.exit_code))
    except KeyboardInterrupt:
        err.print("sync-worker: stopped; run the same command again to go on.", markup=False)
        sys.exit(130)
    except BrokenPipeError:
        # Whoever read our output has left; that is no error of ours.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as error:  # noqa: BLE001 -- a bug is told without anybody's data, and not taken for exit code 1
        err.print(log.format_traceback(error), markup=False)
        sys.exit(EXIT_CODE_BUG)
    sys.exit(0)


@app.callback(invoke_without_command=True)
def version(*, show_version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    """Score and grade HubSpot contacts from a model file under version control."""
    if show_version:
        out.print(__version__)
        raise typer.Exit


@app.command()
def check(*, json: JsonOption = False) -> None:
    """Ask HubSpot whether everything that the worker needs is there; write nothing."""
    _print_result(_with_worker(lambda worker: worker.check()), json=json, print_text=render.print_findings)


@app.command()
def setup(*, dry_run: DryRunOption = False, json: JsonOption = False) -> None:
    """Create or mend the property group, the properties and the lists in HubSpot."""
    done = _with_worker(lambda worker: worker.setup(dry_run=dry_run))
    if json:
        print_json({"dry_run": dry_run, "steps": done, "exit_code": 0})
    else:
        render.print_setup_steps(done, dry_run=dry_run)


@app.command()
def backfill(
    *,
    dry_run: DryRunOption = False,
    allow_large: AllowLargeOption = False,
    via: Annotated[
        SyncMethod, typer.Option(help="bulk: by exports and imports, in a handful of calls where that can be had.")
    ] = SyncMethod.API,
    json: JsonOption = False,
) -> None:
    """Score every contact once; goes on where it was stopped."""
    done = _with_worker(lambda worker: worker.backfill(dry_run=dry_run, allow_large=allow_large, bulk=via is SyncMethod.BULK))
    _print_result(done, json=json, print_text=render.print_run)


@app.command()
def sync(*, dry_run: DryRunOption = False, allow_large: AllowLargeOption = False, json: JsonOption = False) -> None:
    """Score what changed since the last run."""
    _print_result(
        _with_worker(lambda worker: worker.sync(dry_run=dry_run, allow_large=allow_large)), json=json, print_text=render.print_run
    )


@app.command()
def serve() -> None:
    """Run cycles until SIGTERM or Ctrl-C."""
    from sync_worker.service.scheduler import serve as forever  # noqa: PLC0415 -- the scheduler is not needed by one-shot commands

    log.configure()
    with build_worker(load_settings()) as worker:
        forever(worker)


@app.command()
def explain(
    contact: Annotated[str, typer.Argument(metavar="EMAIL|ID", help="An address or the id of a contact.")],
    *,
    at: Annotated[str | None, typer.Option(metavar="TIME", help="As of another time, ISO 8601.")] = None,
    file: Annotated[Path | None, typer.Option("--model", metavar="FILE", help="By another model.")] = None,
    json: JsonOption = False,
) -> None:
    """Show the ledger of one contact: every line, and that they add up."""
    when = _parse_timestamp(at)
    _print_result(
        _with_worker(lambda worker: worker.explain(contact, at=when, model_file=file)), json=json, print_text=render.print_explanation
    )


@app.command()
def status(
    *,
    max_age: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Exit with 4 where no run has come to its end for so long, such as 2h, and none is at work."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Show cursors, last runs, what waits to be written, and the model; HubSpot is not asked."""
    most = _parse_max_age(max_age)
    found = _with_worker(lambda worker: worker.status(max_age=most))
    print_json(found) if json else render.print_status(found)
    if found["stale"]:
        err.print(f"sync-worker: {found['stale']}", markup=False)
        raise typer.Exit(int(ExitCode.TRY_AGAIN))


@app.command()
def report(
    *,
    to: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write to a .html, .txt or .json file.")] = None,
    json: JsonOption = False,
) -> None:
    """Show how the scores lie: look at this before `approve`."""
    found = _with_worker(lambda worker: worker.distribution())
    if to:
        render.write_distribution(found, to)
    if json:
        print_json(found.as_json())
    elif not to:
        render.print_distribution(found, out)


@app.command()
def approve(
    *,
    note: Annotated[str, typer.Option(help="Who looked at the report, and what was decided.")],
    allow_large: AllowLargeOption = False,
    json: JsonOption = False,
) -> None:
    """Give leave to change lists and lifecycle stages under this model, and change what waited for it."""
    _print_result(_with_worker(lambda worker: worker.approve(note, allow_large=allow_large)), json=json, print_text=render.print_run)


@app.command()
def undo(
    run: Annotated[str, typer.Argument(help="A run, as `status` and the log name it.")],
    *,
    dry_run: DryRunOption = False,
    json: JsonOption = False,
) -> None:
    """Put back the values and list members that a run replaced, wherever nobody has changed them since; lifecycle stages stay."""
    _print_result(_with_worker(lambda worker: worker.undo(run, dry_run=dry_run)), json=json, print_text=render.print_run)


@app.command()
def forget(
    contact: Annotated[str, typer.Argument(metavar="EMAIL|ID", help="An address or the id of a contact.")], *, json: JsonOption = False
) -> None:
    """Delete whatever the state knows of a person. HubSpot is not asked: a contact that still exists there is read again by the next."""
    found = _with_worker(lambda worker: worker.forget(contact))
    print_json(found) if json else render.print_forgotten(found)


@app.command()
def sandbox(
    *,
    port: Annotated[int, typer.Option(help="0 takes a free one.")] = 0,
    contacts: Annotated[int, typer.Option(min=0, help="How many contacts are made up.")] = 1_000,
    seed: Annotated[int, typer.Option(help="The same seed makes the same portal.")] = 1,
    portal: Annotated[Path | None, typer.Option(metavar="DIR", help="Serve this portal folder instead.")] = None,
    tier: Annotated[str | None, typer.Option(help="starter, professional or enterprise.")] = None,
    latency_ms: Annotated[float, typer.Option(min=0, help="Every reply takes at least so long.")] = 0,
    rate: Annotated[int | None, typer.Option(min=1, help="Requests per 10 s; default by tier.")] = None,
    faults: Annotated[Path | None, typer.Option(metavar="FILE", help="What is to go wrong: a YAML file, see docs/sandbox.md.")] = None,
    switch: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help="Another reading of HubSpot's documents.")] = None,
) -> None:
    """Serve a HubSpot portal on this machine, until Ctrl-C."""
    from sync_worker.cli.sandbox import serve_sandbox  # noqa: PLC0415 -- the sandbox is an extra

    serve_sandbox(
        port=port,
        contacts=contacts,
        seed=seed,
        path=portal,
        tier=tier,
        latency_ms=latency_ms,
        rate=rate,
        faults=faults,
        switches=switch or (),
    )


@app.command()
def demo(*, contacts: Annotated[int, typer.Option(min=100, help="How many contacts are made up.")] = 1_000) -> None:
    """Do the whole job on a made-up portal and show what a sales rep would see."""
    from sync_worker.cli.demo import run_demo as show_all  # noqa: PLC0415 -- starts programs; needed here alone

    show_all(contacts)


@model_app.command("check")
def model_check(
    file: Annotated[Path | None, typer.Argument(metavar="[FILE]")] = None,
    *,
    portal: Annotated[
        bool, typer.Option("--portal", help="Also ask HubSpot for the properties, options, forms and lists that it takes.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Validate a model file."""
    with build_worker(load_settings()) as worker:
        found = worker.summarize_model(file, check_portal=portal)
    print_json(found) if json else render.print_model(found)


@model_app.command("schema")
def model_schema() -> None:
    """Print the JSON Schema of model files, for editors."""
    from sync_worker.model.file.json_schema import build_json_schema  # noqa: PLC0415 -- needed here alone

    print_json(build_json_schema())


@model_app.command("diff")
def model_diff(
    old: Annotated[Path, typer.Argument(metavar="OLD")],
    new: Annotated[Path, typer.Argument(metavar="NEW")],
    *,
    portal: Annotated[Path | None, typer.Option(metavar="DIR", help="A portal folder; default: what the state knows.")] = None,
    json: JsonOption = False,
) -> None:
    """Say in words what changed between two models, and for whom it would change band, grade or MQL."""
    if portal is None:
        found = _with_worker(lambda worker: worker.compare(old, new))
    else:
        from sync_worker.cli.sandbox import compare_models_on_folder  # noqa: PLC0415 -- the folder's reader comes with the sandbox

        found = compare_models_on_folder(portal, old, new)
    print_json(found.as_json()) if json else render.print_comparison(found)


@model_app.command("evaluate")
def model_evaluate(
    *,
    portal: Annotated[Path, typer.Option(metavar="DIR", help="A portal folder.")],
    at: Annotated[str | None, typer.Option(metavar="TIME", help="ISO 8601; default: the portal's own now.")] = None,
    file: Annotated[Path | None, typer.Option("--model", metavar="FILE", help="Default: SYNC_WORKER_MODEL.")] = None,
    json: JsonOption = False,
) -> None:
    """Score a portal folder; HubSpot is not asked."""
    from sync_worker.cli.sandbox import evaluate_folder  # noqa: PLC0415 -- the folder's reader comes with the sandbox

    found = evaluate_folder(portal, at=_parse_timestamp(at), model_file=file or load_settings().model)
    print_json(found) if json else render.print_evaluation(found)


def _with_worker(action: Callable[[Worker], Any]) -> Any:  # noqa: ANN401 -- whatever the worker gives
    # A person at a terminal watches the bars; a scheduler's log gets the canonical line.
    log.configure(level=logging.WARNING if err.is_terminal else logging.INFO)
    with TerminalProgress() as progress, build_worker(load_settings(), progress=progress) as worker:
        return action(worker)


def _print_result(result: Any, *, json: bool, print_text: Callable[[Any], None]) -> None:  # noqa: ANN401 -- anything with as_json and exit_code
    print_json(result.as_json()) if json else print_text(result)
    if result.exit_code != ExitCode.DONE:
        raise typer.Exit(int(result.exit_code))


def _parse_max_age(text: str | None) -> timedelta | None:
    if text is None:
        return None
    short = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
    try:
        return parse_duration(f"{text[:-1]} {short[text[-1]]}" if text[:-1].isdecimal() and text[-1] in short else text)
    except ValueError as error:
        raise ConfigurationError(f"--max-age: {error}.", hint="Write for example 2h or 90m.") from error


def _parse_timestamp(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigurationError(f"--at: {text!r} is no time.", hint="Write for example 2026-11-01T00:00:00Z.") from error
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
