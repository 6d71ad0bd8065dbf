"""The command line: its help, its version, its groups of commands."""

from __future__ import annotations

from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup

from sync_worker import __version__
from sync_worker.cli.output.console import out

# The order of `--help`: a first start, the daily run, the decisions of people, single contacts, the model, trials.
COMMAND_ORDER: Final = (
    *("init", "check", "setup"),
    *("backfill", "sync", "plan", "apply", "serve", "status", "undo"),
    *("report", "approve", "review", "outcomes"),
    *("backtest", "threshold", "suggest"),
    *("explain", "audit", "forget"),
    *("model", "service", "state", "fleet", "sandbox", "demo"),
)


class WorkflowOrder(TyperGroup):
    """Lists the commands in the order in which they are used."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401 -- typer keeps a private copy of click's Context
        """Return the names of the commands in order; those without a place come last."""
        places = {name: place for place, name in enumerate(COMMAND_ORDER)}
        return sorted(super().list_commands(ctx), key=lambda name: places.get(name, len(places)))


app = typer.Typer(
    cls=WorkflowOrder,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Score and grade HubSpot contacts from a model file under version control.",
    epilog=(
        "First steps on a portal: init, check, setup, backfill --dry-run, backfill, report, approve, serve.\n\n"
        "Exit codes: 0 success; 1 success, but some records were rejected; 2 usage, configuration or model error; "
        "3 HubSpot refused the token, a scope or a request; 4 try again later; 5 plan refused as unsafe or stale, or no recent report; "
        "6 changes wait (plan --exit-code); 70 a bug; 130 or 143 interrupted."
    ),
)
model_app = typer.Typer(no_args_is_help=True, help="Validate, compare and evaluate model files.")
state_app = typer.Typer(no_args_is_help=True, help="Back up, verify and restore the state.")
service_app = typer.Typer(no_args_is_help=True, help="Pause or resume the service; let it read a stream again.")
fleet_app = typer.Typer(no_args_is_help=True, help="Run many portals: entries, status, worker processes.")
app.add_typer(model_app, name="model")
app.add_typer(service_app, name="service")
app.add_typer(state_app, name="state")
app.add_typer(fleet_app, name="fleet")


@app.callback(invoke_without_command=True)
def version(*, show_version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    """Print the version, or run a command."""
    if show_version:
        out.print(__version__)
        raise typer.Exit
