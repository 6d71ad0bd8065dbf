"""The commands that people decide with: report, approve, review."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sync_worker.cli.commands.app import app
from sync_worker.cli.commands.execution import execute_run, find_author, with_worker
from sync_worker.cli.options import AllowLargeOption, DryRunOption, JsonOption, NoNamesOption, NoteOption
from sync_worker.cli.output.console import out, print_json
from sync_worker.cli.output.revision_log import print_log
from sync_worker.cli.output.score_report import DETAILED_FORMATS, FORMATS, print_report, write_report
from sync_worker.output_file import check_output_file
from sync_worker.reports.score_report import ScoreReport
from sync_worker.worker import Worker


@app.command()
def report(
    *,
    to: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write to this .html, .txt or .json file instead.")] = None,
    no_names: NoNamesOption = False,
    json: JsonOption = False,
) -> None:
    """Show scores and MQLs by name; `approve` needs such a report.

    Contacts whose verdict is missing, out of date or of another model are evaluated for the report only. An .html or .json file also has
    what each criterion gives, bots, fields and what is not visible.
    """
    check_output_file(to, *FORMATS)
    with_details = to is not None and to.suffix.lower() in DETAILED_FORMATS

    def make(worker: Worker) -> ScoreReport:
        found = worker.report(with_details=with_details)
        return found.hide_names() if no_names else worker.add_names(found)

    made = with_worker(make)
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
    hand_off_existing: Annotated[
        bool, typer.Option("--hand-off-existing", help="Hand off the contacts that are MQLs already, too.")
    ] = False,
    no_names: NoNamesOption = False,
    json: JsonOption = False,
) -> None:
    """Allow changes to lists and lifecycle stages under this model.

    Needs a recent `report` of the model. Applies the pending changes at once.
    """
    execute_run(
        lambda worker: worker.approve(
            note,
            author=find_author(),
            report_id=based_on,
            allow_large=allow_large,
            dry_run=dry_run,
            hand_off_existing=hand_off_existing,
        ),
        no_names=no_names,
        json=json,
    )


@app.command()
def review(*, note: NoteOption, json: JsonOption = False) -> None:
    """Record that the model was reviewed.

    A review is due 60 days after the first approval, then 90 days after each review; `status` shows when.
    """
    log_of_model = with_worker(lambda worker: worker.add_to_log("review", note, author=find_author()))
    print_json(log_of_model.as_json()) if json else print_log(log_of_model)
