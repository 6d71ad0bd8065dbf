"""The commands of the model file: check, schema, diff, evaluate; and of its log: log, note."""

from __future__ import annotations

from json import dumps
from pathlib import Path
from typing import Annotated

import typer

from sync_worker.cli.commands.app import model_app
from sync_worker.cli.commands.execution import MissingState, choose_state, find_author, parse_timestamp, print_result, with_worker
from sync_worker.cli.options import JsonOption, NoNamesOption
from sync_worker.cli.output.console import out, print_json
from sync_worker.cli.output.model import print_comparison, print_evaluation, print_model, print_table_summary
from sync_worker.cli.output.revision_log import LogFormat, print_log
from sync_worker.errors import ConfigurationError
from sync_worker.output_file import check_output_file
from sync_worker.settings import load_settings
from sync_worker.worker import build_worker


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
    with build_worker(choose_state(load_settings(), MissingState.IGNORE)) as worker:
        summary = worker.summarize_model(file, check_portal=portal)
    print_result(summary, json=json, print_text=print_model)


@model_app.command("schema")
def model_schema() -> None:
    """Print the JSON Schema of model files, for editors."""
    from sync_worker.model.file.json_schema import build_json_schema  # noqa: PLC0415 -- other commands do not need it

    # With the indentation of config/model.schema.json, which is a copy.
    out.file.write(dumps(build_json_schema(), indent=1, ensure_ascii=False) + "\n")


@model_app.command("diff")
def model_diff(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="A model file.", show_default=False)],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="Another model file.", show_default=False)],
    *,
    portal: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Evaluate the contacts of a portal folder. Default: those of the state.")
    ] = None,
    no_names: NoNamesOption = False,
    json: JsonOption = False,
) -> None:
    """Compare two models: rules, scores, bands, grades and MQLs.

    Does not call HubSpot.
    """
    if portal is None:
        comparison = with_worker(lambda worker: worker.compare(old, new))
    else:
        from sync_worker.cli.portal_folder import compare_models_on_folder  # noqa: PLC0415 -- the reader of folders is part of the sandbox extra

        comparison = compare_models_on_folder(portal, old, new)
    if no_names:
        comparison = comparison.hide_names()
    print_json(comparison.as_json()) if json else print_comparison(comparison)


@model_app.command("log")
def model_log(
    *,
    log_format: Annotated[LogFormat, typer.Option("--format", help="The format of the log.")] = LogFormat.TEXT,
    json: JsonOption = False,
) -> None:
    """Show the revisions of the model in columns, with notes.

    Criteria go down, revisions across. Does not call HubSpot.
    """
    found = with_worker(lambda worker: worker.revision_log())
    print_json(found.as_json()) if json else print_log(found, log_format)


@model_app.command("note")
def model_note(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What a sales rep said about the scores, for example.", show_default=False)],
    *,
    json: JsonOption = False,
) -> None:
    """Add a note to the current revision of the model."""
    log_of_model = with_worker(lambda worker: worker.add_to_log("note", text, author=find_author()))
    print_json(log_of_model.as_json()) if json else print_log(log_of_model)


@model_app.command("evaluate")
def model_evaluate(
    *,
    portal: Annotated[Path, typer.Option(metavar="DIR", help="A portal folder.", show_default=False)],
    at: Annotated[str | None, typer.Option(metavar="TIME", help="Evaluate as of this ISO 8601 time. Default: `now` of the folder.")] = None,
    model: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="A model file; with --out, may be repeated. Default: SYNC_WORKER_MODEL.")
    ] = None,
    out_file: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write the verdicts as a table: FILE.parquet, FILE.csv or FILE.jsonl.")
    ] = None,
    ledger: Annotated[str, typer.Option(metavar="LINES", help="The lines of the ledger in the table: none, nonzero or all.")] = "none",
    json: JsonOption = False,
) -> None:
    """Evaluate the contacts of a portal folder without HubSpot."""
    from sync_worker.cli import verdict_table  # noqa: PLC0415 -- the reader of folders is part of the sandbox extra
    from sync_worker.cli.portal_folder import evaluate_folder  # noqa: PLC0415 -- the same

    files, instant = model or [load_settings().model], parse_timestamp(at) if at else None
    if out_file is not None:
        check_output_file(out_file, *verdict_table.FORMATS)
        table = verdict_table.build_verdict_table(portal, files, at=instant, ledger=verdict_table.parse_ledger_lines(ledger))
        verdict_table.write_table(table.rows, out_file)
        if json:
            print_json({"out": str(out_file), "rows": table.rows.height, "models": table.models, "warnings": table.warnings})
        else:
            print_table_summary(table.rows.height, table.models, out_file, table.warnings)
        return
    if len(files) > 1:
        raise ConfigurationError("Several models need --out.", hint="Example: --out verdicts.parquet.")
    if verdict_table.parse_ledger_lines(ledger) != "none":
        raise ConfigurationError("--ledger needs --out.", hint="Example: --out verdicts.parquet. Without it, --json has all lines.")
    evaluation = evaluate_folder(portal, at=instant, model_file=files[0])
    print_json(evaluation) if json else print_evaluation(evaluation)
