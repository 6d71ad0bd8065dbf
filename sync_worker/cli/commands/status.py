"""The command `status`."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer

from sync_worker.cli.commands.app import app
from sync_worker.cli.commands.execution import print_result, with_worker
from sync_worker.cli.options import JsonOption
from sync_worker.cli.output.console import err
from sync_worker.cli.output.status import print_status
from sync_worker.errors import ConfigurationError, ExitCode
from sync_worker.model.file.units import parse_duration


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
    result = with_worker(lambda worker: worker.status(max_age=limit))
    if result.stale:
        err.print(f"sync-worker: {result.stale}", markup=False)
    print_result(result, json=json, print_text=print_status)
    if check_review and result.model.review_overdue_days:
        raise typer.Exit(int(ExitCode.SOME_REJECTED))


def _parse_max_age(text: str | None) -> timedelta | None:
    if text is None:
        return None
    units = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
    try:
        return parse_duration(f"{text[:-1]} {units[text[-1]]}" if text[:-1].isdecimal() and text[-1] in units else text)
    except ValueError as error:
        raise ConfigurationError(f"--max-age: {error}.", hint="Example: 2h or 90m.") from error
