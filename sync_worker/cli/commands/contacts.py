"""The commands about contacts: explain, audit, forget."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sync_worker.cli.commands.app import app
from sync_worker.cli.commands.execution import parse_timestamp, print_result, with_worker
from sync_worker.cli.options import ContactArgument, JsonOption, ModelOption
from sync_worker.cli.output import contact_explanation
from sync_worker.cli.output.console import out, print_json
from sync_worker.cli.output.person_report import print_person_report, write_person_report
from sync_worker.cli.output.run import print_audit, print_forgotten
from sync_worker.cli.output.score_changes import print_score_changes
from sync_worker.errors import ConfigurationError
from sync_worker.output_file import check_output_file


@app.command()
def explain(
    contact: ContactArgument,
    *,
    at: Annotated[
        str | None, typer.Option(metavar="TIME", help="Evaluate as of this ISO 8601 time. Default: the time of the last verdict.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="DATE", help="Show what changed the score since this ISO 8601 date or time instead.")
    ] = None,
    file: ModelOption = None,
    for_person: Annotated[bool, typer.Option("--for-person", help="Show the contact's data and their evaluation in plain words.")] = False,
    language: Annotated[
        str | None, typer.Option(metavar="CODE", help="Language of --for-person, such as de. Default: that of the model.")
    ] = None,
    to: Annotated[Path | None, typer.Option("--out", metavar="FILE.html", help="With --for-person: write a page that prints well.")] = None,
    json: JsonOption = False,
) -> None:
    """Show the ledger of one contact; its lines add up to the score."""
    if for_person and (at or since or file):
        raise ConfigurationError("--for-person shows the last verdict.", hint="Use it without --at, --since and --model.")
    if not for_person and (language or to):
        raise ConfigurationError("--language and --out belong to --for-person.", hint="Add --for-person.")
    if for_person:
        show_to_person(contact, language, to, json=json)
        return
    when = parse_timestamp(at) if at else None
    if since:
        start = parse_timestamp(since, "--since")
        changes = with_worker(lambda worker: worker.trace_score(contact, since=start, until=when, model_file=file))
        print_result(changes, json=json, print_text=print_score_changes)
        return
    print_result(
        with_worker(lambda worker: worker.explain(contact, at=when, model_file=file)),
        json=json,
        print_text=contact_explanation.print_explanation,
    )


def show_to_person(contact: str, language: str | None, to: Path | None, *, json: bool) -> None:
    """Print the page for a person, or write it to a file."""
    check_output_file(to, ".html", ".htm")
    report = with_worker(lambda worker: worker.report_to_person(contact, language=language))
    if to is not None:
        write_person_report(report, to)
    if json:
        print_json(report.as_json())
    elif to is None:
        print_person_report(report, out)


@app.command()
def audit(
    *,
    to: Annotated[Path, typer.Option("--out", metavar="FILE", help="A .csv or .parquet file.", show_default=False)],
    since: Annotated[str | None, typer.Option(metavar="DATE", help="Only writes from this ISO 8601 date or time on.")] = None,
    run: Annotated[str | None, typer.Option(metavar="RUN", help="Only writes of this run.")] = None,
    contact: Annotated[str | None, typer.Option(metavar="EMAIL|ID", help="Only writes to this contact.")] = None,
    json: JsonOption = False,
) -> None:
    """Export all writes to HubSpot with HubSpot's answers.

    A row has the run, contact, property, old and new value. Erased contacts are not in it.
    """
    at = parse_timestamp(since, "--since") if since else None
    print_result(with_worker(lambda worker: worker.audit(to, since=at, run=run, email_or_id=contact)), json=json, print_text=print_audit)


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
