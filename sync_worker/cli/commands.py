"""The commands, one function each."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn, Protocol, TypeVar

import typer

from sync_worker import __version__, log
from sync_worker.cli.author import find_author
from sync_worker.cli.init import write_configuration
from sync_worker.cli.options import AllowLargeOption, ContactArgument, DryRunOption, JsonOption, ModelOption, NoNamesOption, NoteOption
from sync_worker.cli.output import contact_explanation, render
from sync_worker.cli.output.console import TerminalProgress, err, out, print_json
from sync_worker.cli.output.plan import format_markdown
from sync_worker.cli.output.revision_log import LogFormat, print_log
from sync_worker.cli.output.score_report import print_report, write_report
from sync_worker.cli.state_commands import state_app
from sync_worker.errors import ConfigurationError, ExitCode, SyncWorkerError
from sync_worker.model.file.units import parse_duration
from sync_worker.resource_errors import find_exhaustion
from sync_worker.settings import load_settings
from sync_worker.sync.plan.named_mqls import hide_names
from sync_worker.sync.report import RunReport
from sync_worker.worker import Worker, build_worker

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Score and grade HubSpot contacts from a model file under version control.",
    epilog=(
        "First steps on a portal: init, check, setup, backfill --dry-run, backfill, report, approve, serve.\n\n"
        "Exit codes: 0 success; 1 success, but some records were rejected; 2 usage, configuration or model error; "
        "3 HubSpot refused the token, a scope or a request; 4 try again later; 5 plan refused as unsafe, or no recent report; "
        "6 changes wait (plan --exit-code); 70 a bug; 130 interrupted."
    ),
)
model_app = typer.Typer(no_args_is_help=True, help="Validate, compare and evaluate model files.")
app.add_typer(model_app, name="model")
app.add_typer(state_app, name="state")

EXIT_CODE_BUG: Final = 70  # EX_SOFTWARE of sysexits.h


class PlanFormat(StrEnum):
    """The format of a plan."""

    TEXT = "text"
    MARKDOWN = "markdown"


class CommandResult(Protocol):
    """A result that is printed as text or JSON, with the exit code of the process."""

    @property
    def exit_code(self) -> ExitCode:
        """Return the exit code of the process."""

    def as_json(self) -> dict[str, Any]:
        """Return the result for `--json`."""


T = TypeVar("T")
ResultT = TypeVar("ResultT", bound=CommandResult)


class SyncMethod(StrEnum):
    """API that reads and writes contacts in a backfill."""

    API = "api"
    BULK = "bulk"


def main() -> NoReturn:
    """Run the command line; an error ends it with a message and an exit code."""
    try:
        app()
    except KeyboardInterrupt:
        err.print("sync-worker: interrupted; run the same command again to resume.", markup=False)
        sys.exit(130)
    except BrokenPipeError:
        # The reader of our output has closed the pipe, such as `head`; this is not an error.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as error:  # noqa: BLE001 -- a bug is reported without personal data, and with its own exit code
        sys.exit(_print_error(find_exhaustion(error) or error))
    sys.exit(0)


def _print_error(error: Exception) -> int:
    """Print an error as a sentence, or a bug as a traceback; return the exit code."""
    if not isinstance(error, SyncWorkerError):
        err.print(log.format_traceback(error), markup=False)
        return EXIT_CODE_BUG
    err.print(f"sync-worker: {error}", style="red" if err.is_terminal else None, markup=False, soft_wrap=True)
    return int(error.exit_code)


@app.callback(invoke_without_command=True)
def version(*, show_version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    """Print the version, or run a command."""
    if show_version:
        out.print(__version__)
        raise typer.Exit


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder to start from; created if it is missing.")] = Path(),
    *,
    model: Annotated[str, typer.Option("--model", metavar="NAME", help="The model to start from: default, or a preset.")] = "default",
    json: JsonOption = False,
) -> None:
    """Write a model, presets and settings to start from.

    Existing files are kept.
    """
    written = write_configuration(folder, model)
    if json:
        print_json({"folder": str(folder), "written": [str(path) for path, new in written.items() if new], "exit_code": 0})
        return
    for path, new in written.items():
        out.print(f"  {'wrote' if new else 'kept':9} {path}", markup=False)
    out.print(f"Next: {'' if folder == Path() else f'cd {folder}; '}set HUBSPOT_ACCESS_TOKEN, then run `sync-worker check`.", markup=False)


@app.command()
def check(*, json: JsonOption = False) -> None:
    """Check token, scopes, plan, limits and model; write nothing."""
    _print_result(_with_worker(lambda worker: worker.check()), json=json, print_text=render.print_findings)


@app.command()
def setup(
    *,
    dry_run: DryRunOption = False,
    take_over: Annotated[
        bool,
        typer.Option(
            "--take-over", help="Use properties and lists with our names that this state did not create; moves and relabels them."
        ),
    ] = False,
    json: JsonOption = False,
) -> None:
    """Create or update the property group, properties and lists."""
    plan = _with_worker(lambda worker: worker.setup(dry_run=dry_run, take_over=take_over))
    print_json({"dry_run": dry_run, **plan.as_json()}) if json else render.print_setup_plan(plan, dry_run=dry_run)
    if plan.exit_code != ExitCode.DONE:
        raise typer.Exit(int(plan.exit_code))


@app.command()
def backfill(
    *,
    dry_run: DryRunOption = False,
    allow_large: AllowLargeOption = False,
    via: Annotated[
        SyncMethod, typer.Option(help="bulk: use exports and imports, which need only a few calls; see docs/operations.md.")
    ] = SyncMethod.API,
    no_names: NoNamesOption = False,
    json: JsonOption = False,
) -> None:
    """Evaluate every contact once; resumes after an interruption."""
    result = _with_worker(lambda worker: worker.backfill(dry_run=dry_run, allow_large=allow_large, bulk=via is SyncMethod.BULK))
    _print_run(result, no_names=no_names, json=json)


@app.command()
def sync(
    *,
    dry_run: DryRunOption = False,
    allow_large: AllowLargeOption = False,
    no_names: NoNamesOption = False,
    json: JsonOption = False,
) -> None:
    """Process the changes since the last run."""
    result = _with_worker(lambda worker: worker.sync(dry_run=dry_run, allow_large=allow_large))
    _print_run(result, no_names=no_names, json=json)


@app.command()
def plan(
    *,
    plan_format: Annotated[PlanFormat, typer.Option("--format", help="markdown: a comment for a pull request.")] = PlanFormat.TEXT,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="Exit with code 6 if changes wait.")] = False,
    no_names: NoNamesOption = False,
    json: JsonOption = False,
) -> None:
    """Show what the next run would change, the gravest changes first.

    Reads from HubSpot what changed since the last run; writes nothing.
    """
    result = _with_worker(lambda worker: worker.sync(dry_run=True))
    if no_names:
        result.hide_names()
    if plan_format is PlanFormat.MARKDOWN and not json:
        out.file.write(format_markdown(result.plan, refused=result.unsafe))
    elif json:
        print_json(result.as_json())
    else:
        render.print_run(result)
    if result.exit_code != ExitCode.DONE:
        raise typer.Exit(int(result.exit_code))
    if exit_code and not result.plan.is_empty:
        raise typer.Exit(int(ExitCode.CHANGES_WAIT))


@app.command()
def serve() -> None:
    """Run as a service until SIGTERM or Ctrl-C.

    A cycle every few minutes, a re-evaluation of all contacts once a day, a full scan once a week.
    """
    from sync_worker.service.scheduler import serve as run_service  # noqa: PLC0415 -- other commands do not need the scheduler

    settings = load_settings()
    log.configure(level=settings.log_level_number, log_format=settings.log_format)
    with build_worker(settings) as worker:
        run_service(worker)


@app.command()
def explain(
    contact: ContactArgument,
    *,
    at: Annotated[
        str | None, typer.Option(metavar="TIME", help="Evaluate as of this ISO 8601 time. Default: the time of the last verdict.")
    ] = None,
    file: ModelOption = None,
    json: JsonOption = False,
) -> None:
    """Show the ledger of one contact; its lines add up to the score."""
    when = _parse_timestamp(at)
    _print_result(
        _with_worker(lambda worker: worker.explain(contact, at=when, model_file=file)),
        json=json,
        print_text=contact_explanation.print_explanation,
    )


@app.command()
def status(
    *,
    max_age: Annotated[
        str | None,
        typer.Option(
            metavar="DURATION",
            help="Exit with code 4 if no sync or backfill has finished within this time, such as 2h, and no run is active.",
        ),
    ] = None,
    check_review: Annotated[bool, typer.Option("--review", help="Exit with code 1 if a review of the model is overdue.")] = False,
    json: JsonOption = False,
) -> None:
    """Show cursors, pending changes, the model and the last runs.

    Does not call HubSpot.
    """
    limit = _parse_max_age(max_age)
    result = _with_worker(lambda worker: worker.status(max_age=limit))
    if result.stale:
        err.print(f"sync-worker: {result.stale}", markup=False)
    _print_result(result, json=json, print_text=render.print_status)
    if check_review and result.model.review_overdue_days:
        raise typer.Exit(int(ExitCode.SOME_REJECTED))


@app.command()
def report(
    *,
    to: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write to this .html, .txt or .json file instead.")] = None,
    no_names: NoNamesOption = False,
    json: JsonOption = False,
) -> None:
    """Show scores and MQLs by name; `approve` needs such a report.

    Contacts whose verdict is missing, out of date or of another model are evaluated for the report only.
    """
    made = _with_worker(lambda worker: worker.report())
    made = replace(made, mqls=hide_names(made.mqls)) if no_names else made
    if to:
        write_report(made, to)
    if json:
        print_json(made.as_json())
    elif not to:
        print_report(made, out)


@app.command()
def approve(
    *,
    note: Annotated[str, typer.Option(metavar="TEXT", help="Who looked at the report, and what was decided.", show_default=False)],
    based_on: Annotated[str | None, typer.Option("--report", metavar="ID", help="A report of this model. Default: the last one.")] = None,
    dry_run: DryRunOption = False,
    allow_large: AllowLargeOption = False,
    no_names: NoNamesOption = False,
    json: JsonOption = False,
) -> None:
    """Allow changes to lists and lifecycle stages under this model.

    Needs a recent `report` of the model. Applies the pending changes at once.
    """
    result = _with_worker(
        lambda worker: worker.approve(note, author=_find_author(), report_id=based_on, allow_large=allow_large, dry_run=dry_run)
    )
    _print_run(result, no_names=no_names, json=json)


@app.command()
def review(*, note: NoteOption, json: JsonOption = False) -> None:
    """Record that the model was reviewed.

    A review is due 60 days after the first approval, then 90 days after each review; `status` shows when.
    """
    log_of_model = _with_worker(lambda worker: worker.add_to_log("review", note, author=_find_author()))
    print_json(log_of_model.as_json()) if json else print_log(log_of_model)


@app.command()
def undo(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Id of a run, from `status` or the log.", show_default=False)],
    *,
    dry_run: DryRunOption = False,
    json: JsonOption = False,
) -> None:
    """Restore the values and list members that a run replaced.

    Values that have changed since stay. Lifecycle stages stay, because HubSpot moves them forward only.
    """
    _print_result(_with_worker(lambda worker: worker.undo(run, dry_run=dry_run)), json=json, print_text=render.print_run)


@app.command()
def forget(
    contact: ContactArgument,
    *,
    json: JsonOption = False,
) -> None:
    """Delete all data of a contact from the state.

    Does not change HubSpot: delete the contact there first, or the next run reads it again.
    """
    _print_result(_with_worker(lambda worker: worker.forget(contact)), json=json, print_text=render.print_forgotten)


@app.command()
def sandbox(
    *,
    port: Annotated[int, typer.Option(metavar="P", help="Port; 0 selects a free one.")] = 0,
    contacts: Annotated[int, typer.Option(metavar="N", min=0, help="Number of generated contacts.")] = 1_000,
    seed: Annotated[int, typer.Option(metavar="S", help="The same seed generates the same portal.")] = 1,
    portal: Annotated[Path | None, typer.Option(metavar="DIR", help="Serve this portal folder instead.")] = None,
    tier: Annotated[str | None, typer.Option(metavar="TIER", help="starter, professional or enterprise: sets limits and features.")] = None,
    latency_ms: Annotated[float, typer.Option(metavar="MS", min=0, help="Minimum duration of every response.")] = 0,
    rate: Annotated[int | None, typer.Option(metavar="N", min=1, help="Requests in 10 seconds. Default: by tier.")] = None,
    faults: Annotated[Path | None, typer.Option(metavar="FILE", help="Faults to inject, a YAML file; see docs/sandbox.md.")] = None,
    switch: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="Another interpretation of HubSpot's documentation; see docs/sandbox.md. Can be repeated."),
    ] = None,
) -> None:
    """Serve a HubSpot portal on this machine until Ctrl-C.

    The first line of the output is JSON with its address and token.
    """
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
def demo(*, contacts: Annotated[int, typer.Option(metavar="N", min=100, help="Number of generated contacts.")] = 1_000) -> None:
    """Run the whole workflow on a generated portal on this machine."""
    from sync_worker.cli.demo import run_demo  # noqa: PLC0415 -- other commands do not need it

    run_demo(contacts)


@model_app.command("check")
def model_check(
    file: Annotated[Path | None, typer.Argument(metavar="FILE", help="Default: SYNC_WORKER_MODEL.")] = None,
    *,
    portal: Annotated[
        bool, typer.Option("--portal", help="Also check the properties, options, forms, events and lists of the portal; calls HubSpot.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Validate a model file and show its summary."""
    with build_worker(load_settings()) as worker:
        summary = worker.summarize_model(file, check_portal=portal)
    _print_result(summary, json=json, print_text=render.print_model)


@model_app.command("schema")
def model_schema() -> None:
    """Print the JSON Schema of model files, for editors."""
    from sync_worker.model.file.json_schema import build_json_schema  # noqa: PLC0415 -- other commands do not need it

    print_json(build_json_schema())


@model_app.command("diff")
def model_diff(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="A model file.", show_default=False)],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="Another model file.", show_default=False)],
    *,
    portal: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Evaluate the contacts of a portal folder. Default: those of the state.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Compare two models: rules, scores, bands, grades and MQLs.

    Does not call HubSpot.
    """
    if portal is None:
        comparison = _with_worker(lambda worker: worker.compare(old, new))
    else:
        from sync_worker.cli.sandbox import compare_models_on_folder  # noqa: PLC0415 -- the reader of folders is part of the sandbox extra

        comparison = compare_models_on_folder(portal, old, new)
    print_json(comparison.as_json()) if json else render.print_comparison(comparison)


@model_app.command("log")
def model_log(
    *,
    log_format: Annotated[LogFormat, typer.Option("--format", help="The format of the log.")] = LogFormat.TEXT,
    json: JsonOption = False,
) -> None:
    """Show the revisions of the model in columns, with notes.

    Criteria go down, revisions across. Does not call HubSpot.
    """
    found = _with_worker(lambda worker: worker.revision_log())
    print_json(found.as_json()) if json else print_log(found, log_format)


@model_app.command("note")
def model_note(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What a sales rep said about the scores, for example.", show_default=False)],
    *,
    json: JsonOption = False,
) -> None:
    """Add a note to the current revision of the model."""
    log_of_model = _with_worker(lambda worker: worker.add_to_log("note", text, author=_find_author()))
    print_json(log_of_model.as_json()) if json else print_log(log_of_model)


@model_app.command("evaluate")
def model_evaluate(
    *,
    portal: Annotated[Path, typer.Option(metavar="DIR", help="A portal folder.", show_default=False)],
    at: Annotated[str | None, typer.Option(metavar="TIME", help="Evaluate as of this ISO 8601 time. Default: `now` of the folder.")] = None,
    file: ModelOption = None,
    json: JsonOption = False,
) -> None:
    """Evaluate the contacts of a portal folder without HubSpot."""
    from sync_worker.cli.sandbox import evaluate_folder  # noqa: PLC0415 -- the reader of folders is part of the sandbox extra

    evaluation = evaluate_folder(portal, at=_parse_timestamp(at), model_file=file or load_settings().model)
    print_json(evaluation) if json else render.print_evaluation(evaluation)


def _find_author() -> str:
    return load_settings().author or find_author()


def _with_worker(action: Callable[[Worker], T]) -> T:
    # On a terminal, progress bars and the printed result replace the log; elsewhere, the log gets the canonical line.
    settings = load_settings()
    level, is_detailed = settings.log_level_number, settings.log_level == "debug"
    replaced = err.is_terminal and not is_detailed
    log.configure(
        level=max(level, logging.WARNING) if replaced else level,
        log_format=settings.log_format,
        omit={log.RUN_FINISHED} if replaced else (),
    )
    with TerminalProgress() as progress, build_worker(settings, progress=progress) as worker:
        return action(worker)


def _print_result(result: ResultT, *, json: bool, print_text: Callable[[ResultT], None]) -> None:
    print_json(result.as_json()) if json else print_text(result)
    if result.exit_code != ExitCode.DONE:
        raise typer.Exit(int(result.exit_code))


def _print_run(report: RunReport, *, no_names: bool, json: bool) -> None:
    if no_names:
        report.hide_names()
    _print_result(report, json=json, print_text=render.print_run)


def _parse_max_age(text: str | None) -> timedelta | None:
    if text is None:
        return None
    units = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
    try:
        return parse_duration(f"{text[:-1]} {units[text[-1]]}" if text[:-1].isdecimal() and text[-1] in units else text)
    except ValueError as error:
        raise ConfigurationError(f"--max-age: {error}.", hint="Example: 2h or 90m.") from error


def _parse_timestamp(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigurationError(f"--at: {text!r} is not a time.", hint="Example: 2026-11-01T00:00:00Z.") from error
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
