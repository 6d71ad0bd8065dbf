"""The commands about one contact: explain, forget."""

from __future__ import annotations

from typing import Annotated

import typer

from sync_worker.cli.commands.app import app
from sync_worker.cli.commands.execution import parse_timestamp, print_result, with_worker
from sync_worker.cli.options import ContactArgument, JsonOption, ModelOption
from sync_worker.cli.output import contact_explanation
from sync_worker.cli.output.run import print_forgotten


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
    when = parse_timestamp(at) if at else None
    print_result(
        with_worker(lambda worker: worker.explain(contact, at=when, model_file=file)),
        json=json,
        print_text=contact_explanation.print_explanation,
    )


@app.command()
def forget(
    contact: ContactArgument,
    *,
    json: JsonOption = False,
) -> None:
    """Delete all data of a contact from the state.

    Does not change HubSpot: delete the contact there first, or the next run reads it again.
    """
    print_result(with_worker(lambda worker: worker.forget(contact)), json=json, print_text=print_forgotten)
