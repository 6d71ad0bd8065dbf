"""The commands before the first run: init, check, setup."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sync_worker.cli.commands.app import app
from sync_worker.cli.commands.execution import MissingState, print_result, with_worker
from sync_worker.cli.init import write_configuration
from sync_worker.cli.options import DryRunOption, JsonOption
from sync_worker.cli.output.console import out, print_json
from sync_worker.cli.output.setup import print_findings, print_setup_plan
from sync_worker.errors import ExitCode


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
def check(
    *,
    draft_workflows: Annotated[
        bool, typer.Option("--draft-workflows", help="Also check the scope that `setup --draft-workflows` needs.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Check token, scopes, plan, limits and model; write nothing."""
    findings = with_worker(lambda worker: worker.check(draft_workflows=draft_workflows), missing_state=MissingState.IGNORE)
    print_result(findings, json=json, print_text=print_findings)


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
    feedback: Annotated[
        bool | None,
        typer.Option(
            "--feedback/--no-feedback",
            help="Ask sales reps about leads, in two properties that they fill in. Default: as the last time; at first not.",
            show_default=False,
        ),
    ] = None,
    draft_workflows: Annotated[
        bool,
        typer.Option("--draft-workflows", help="Also create a workflow for each list, switched off (HubSpot's beta API; Professional)."),
    ] = False,
    json: JsonOption = False,
) -> None:
    """Create or update the property group, properties and lists."""
    plan = with_worker(
        lambda worker: worker.setup(dry_run=dry_run, take_over=take_over, feedback=feedback, draft_workflows=draft_workflows),
        missing_state=MissingState.IGNORE if dry_run else MissingState.CREATE,
    )
    print_json({"dry_run": dry_run, **plan.as_json()}) if json else print_setup_plan(plan, dry_run=dry_run)
    if plan.exit_code != ExitCode.DONE:
        raise typer.Exit(int(plan.exit_code))
