"""The command that shows what became of MQLs."""

from __future__ import annotations

from typing import Annotated

import typer

from sync_worker.cli.commands.app import app
from sync_worker.cli.commands.execution import with_worker
from sync_worker.cli.options import JsonOption
from sync_worker.cli.output.console import out, print_json
from sync_worker.cli.output.outcomes import print_outcomes


@app.command()
def outcomes(
    *,
    capacity: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="MQLs that the sales reps can work in a week; more are an alarm.")
    ] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Use the deals and stages of the last read; do not call HubSpot.")] = False,
    json: JsonOption = False,
) -> None:
    """Show how many MQLs became opportunities and customers.

    By band, grade, criterion, month and way of qualification, with 95 % intervals. Reads deals and lifecycle stages from HubSpot.
    """
    report = with_worker(lambda worker: worker.outcomes(capacity=capacity, offline=offline))
    print_json(report.as_json()) if json else print_outcomes(report, out)
