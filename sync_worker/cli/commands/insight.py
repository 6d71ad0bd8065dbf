"""The commands that ask whether a model is any good: backtest, threshold, suggest. They write nothing to HubSpot."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sync_worker.cli.commands.app import app
from sync_worker.cli.commands.execution import parse_timestamp
from sync_worker.cli.options import JsonOption, ModelOption
from sync_worker.cli.output.console import out, print_json
from sync_worker.output_file import check_output_file, write_output_file
from sync_worker.settings import load_settings

PortalFolderOption = Annotated[
    Path | None, typer.Option("--portal", metavar="DIR", help="Use a portal folder. Default: the contacts of the state.")
]
HorizonOption = Annotated[str, typer.Option(metavar="DAYS", help="The time after the date in which an opportunity counts.")]


@app.command("backtest")
def backtest(
    *,
    portal: PortalFolderOption = None,
    model: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="A model file; may be repeated. Default: SYNC_WORKER_MODEL.")
    ] = None,
    as_of: Annotated[
        list[str] | None,
        typer.Option(metavar="DATE", help="A date of the past; may be repeated. Default: the last one whose horizon is over."),
    ] = None,
    horizon: HorizonOption = "90d",
    shadow: Annotated[
        bool, typer.Option("--shadow", help="Also the shadow model of the settings, and what became of its MQLs since it is evaluated.")
    ] = False,
    file: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Also write a page with plots, FILE.html.")] = None,
    json: JsonOption = False,
) -> None:
    """Show how models would have done, by what happened afterward.

    Does not call HubSpot.
    """
    from sync_worker.cli import insight  # noqa: PLC0415 -- needs the extra `insight`
    from sync_worker.cli.output.backtest import print_backtest  # noqa: PLC0415 -- the same
    from sync_worker.cli.output.backtest_page import write_page  # noqa: PLC0415 -- the same

    check_output_file(file, ".html", ".htm")
    files = model or [load_settings().model]
    files = [*files, insight.find_shadow(load_settings())] if shadow else files
    result = insight.backtest_models(
        portal,
        files,
        [parse_timestamp(date, "--as-of") for each in as_of or () for date in each.split(",")],
        insight.parse_horizon(horizon),
        with_live=shadow,
    )
    if file is not None:
        write_page(result, file)
    print_json(result.as_json()) if json else print_backtest(result, out)


@app.command("threshold")
def threshold(
    *,
    portal: PortalFolderOption = None,
    capacity: Annotated[str | None, typer.Option(metavar="N/week", help="The contacts that sales can take: 40/week, 8/day.")] = None,
    precision: Annotated[float | None, typer.Option(metavar="P", help="The share of MQLs that must become opportunities: 0.3.")] = None,
    file: ModelOption = None,
    as_of: Annotated[str | None, typer.Option(metavar="DATE", help="Default: the last date whose horizon is over.")] = None,
    horizon: HorizonOption = "90d",
    json: JsonOption = False,
) -> None:
    """Find the threshold that fits a capacity or a precision.

    Does not call HubSpot.
    """
    from sync_worker.cli import insight  # noqa: PLC0415 -- needs the extra `insight`
    from sync_worker.cli.output.threshold import print_threshold  # noqa: PLC0415 -- the same

    found = insight.find_threshold(
        portal,
        file or load_settings().model,
        at=parse_timestamp(as_of, "--as-of") if as_of else None,
        horizon=insight.parse_horizon(horizon),
        capacity=capacity,
        precision=precision,
    )
    print_json(found.as_json()) if json else print_threshold(found, out)


@app.command("suggest")
def suggest(
    *,
    portal: PortalFolderOption = None,
    as_of: Annotated[str | None, typer.Option(metavar="DATE", help="Default: the last date whose horizon is over.")] = None,
    horizon: HorizonOption = "60d",
    criteria: Annotated[int, typer.Option(metavar="N", help="At most this many criteria.")] = 8,
    out_file: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write the suggested model file.")] = None,
    file: ModelOption = None,
    json: JsonOption = False,
) -> None:
    """Suggest a better model as a diff, with reasons.

    All points are whole. Nothing is applied. Does not call HubSpot.
    """
    from sync_worker.cli import insight  # noqa: PLC0415 -- needs the extra `insight`
    from sync_worker.cli.output.suggestion import print_suggestion  # noqa: PLC0415 -- the same

    check_output_file(out_file)
    current = file or load_settings().model
    found = insight.suggest_model(
        portal, current, at=parse_timestamp(as_of, "--as-of") if as_of else None, horizon=insight.parse_horizon(horizon), criteria=criteria
    )
    if out_file is not None and found.model is not None:
        write_output_file(out_file, found.model, is_private=False)  # values of properties, and no people
    print_json(found.as_json()) if json else print_suggestion(found, out_file, out)
