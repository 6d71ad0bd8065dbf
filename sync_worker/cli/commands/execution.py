"""What all commands do: build the worker, print the result, exit with its code."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final, Protocol, TypeVar

import structlog
import typer

from sync_worker import log, traces
from sync_worker.cli import author
from sync_worker.cli.interruption import Interruption, print_interruption
from sync_worker.cli.output import run as run_output
from sync_worker.cli.output.console import TerminalProgress, err, print_json
from sync_worker.errors import ConfigurationError, ExitCode, SyncWorkerError
from sync_worker.model.compiled.loader import load
from sync_worker.settings import Settings, load_settings
from sync_worker.store.database import find_missing_file
from sync_worker.sync.run_report import RunReport
from sync_worker.worker import Worker, build_worker

STATE_IN_MEMORY: Final = "sqlite://"

# With a window of up to a hundred years before or after it, each of these times is a date.
FIRST_TIME: Final = datetime(1970, 1, 1, tzinfo=UTC)
LAST_TIME: Final = datetime(2200, 1, 1, tzinfo=UTC)


class CommandResult(Protocol):
    """A result that is printed as text or JSON, with the exit code of the process."""

    @property
    def exit_code(self) -> ExitCode:
        """Return the exit code of the process."""

    def as_json(self) -> dict[str, Any]:
        """Return the result for `--json`."""


T = TypeVar("T")
ResultT = TypeVar("ResultT", bound=CommandResult)


class MissingState(StrEnum):
    """What a command does if the file of the state does not exist."""

    STOP = "stop"
    CREATE = "create"
    IGNORE = "ignore"  # use an empty state in memory


def choose_state(settings: Settings, missing_state: MissingState) -> Settings:
    """Return the settings with the state to use.

    Raises ConfigurationError if it does not exist and the command needs it, or ModelError if the model cannot be read either.
    """
    missing = find_missing_file(settings.state_url)
    if missing is None or missing_state is MissingState.CREATE:
        return settings
    if missing_state is MissingState.IGNORE:
        return settings.model_copy(update={"state_url": STATE_IN_MEMORY})
    load(settings.model)  # a model that cannot be read is corrected first
    raise ConfigurationError(
        f"There is no state yet: {missing} does not exist.",
        hint="Run `sync-worker backfill` first, or set SYNC_WORKER_STATE_URL to the state.",
    )


def find_author() -> str:
    """Return the author of an approval, a note or a review: the setting, or who is known to git."""
    return load_settings().author or author.find_author()


def with_worker(action: Callable[[Worker], T], *, verbose: bool = False, missing_state: MissingState = MissingState.STOP) -> T:
    """Call the action with the worker of the settings; show progress on a terminal, and with `verbose` all events of the log.

    Raises ConfigurationError if the file of the state does not exist and the action must not create it.
    """
    # On a terminal, progress bars and the printed result replace the log; elsewhere, the log gets the canonical line.
    settings = choose_state(load_settings(), missing_state)
    level = logging.DEBUG if verbose else settings.log_level_number
    is_detailed = level <= logging.DEBUG
    replaced = err.is_terminal and not is_detailed
    log.configure(
        level=max(level, logging.WARNING) if replaced else level,
        log_format=settings.log_format,
        omit={log.RUN_FINISHED} if replaced else (),
    )
    traces.start()
    interruption: Interruption | None = None
    try:
        with TerminalProgress() as progress, build_worker(settings, progress=progress) as worker:
            interruption = Interruption(worker=worker, progress=progress)
            with interruption.handle():
                return action(worker)
    except KeyboardInterrupt:  # Typer would end the command without a word
        print_interruption()
        raise typer.Exit(interruption.exit_code if interruption else int(ExitCode.INTERRUPTED)) from None


@contextmanager
def log_failure() -> Iterator[None]:
    """End a service that fails with a line of the log, because nothing else is on its standard error; on a terminal, with a sentence."""
    try:
        yield
    except SyncWorkerError as error:
        if err.is_terminal:
            raise
        structlog.get_logger().error("service.failed", error=str(error), exit_code=int(error.exit_code))
        raise typer.Exit(int(error.exit_code)) from None


def print_result(result: ResultT, *, json: bool, print_text: Callable[[ResultT], None]) -> None:
    """Print a result as text or JSON, and exit with its code."""
    print_json(result.as_json()) if json else print_text(result)
    if result.exit_code != ExitCode.DONE:
        raise typer.Exit(int(result.exit_code))


def execute_run(
    action: Callable[[Worker], RunReport],
    *,
    no_names: bool,
    json: bool,
    verbose: bool = False,
    print_text: Callable[[RunReport], None] = run_output.print_run,
    missing_state: MissingState = MissingState.STOP,
) -> RunReport:
    """Execute a run and print its report, with the names of the contacts that it lists unless `no_names`; exit with its code."""
    report = with_worker(
        lambda worker: action(worker) if no_names else worker.add_names(action(worker)), verbose=verbose, missing_state=missing_state
    )
    if no_names:
        report.hide_names()
    print_result(report, json=json, print_text=print_text)
    return report


def parse_timestamp(text: str, option: str = "--at") -> datetime:
    """Parse a time that is the value of an option; without a UTC offset it is UTC.

    Raises:
        ConfigurationError: not an ISO 8601 time, or not between 1970 and 2200.
    """
    try:
        found = datetime.fromisoformat(text)
        at = found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise ConfigurationError(f"{option}: {text!r} is not a time.", hint="Example: 2026-11-01T00:00:00Z.") from error
    if not FIRST_TIME <= at < LAST_TIME:
        raise ConfigurationError(f"{option}: {text!r} is not between 1970 and 2200.", hint="Example: 2026-11-01T00:00:00Z.")
    return at
