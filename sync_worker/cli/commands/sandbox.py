"""The commands that need no HubSpot: sandbox, demo."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sync_worker.cli.commands.app import app


@app.command()
def sandbox(
    *,
    port: Annotated[int, typer.Option(metavar="P", min=0, max=65535, help="Port; 0 selects a free one.")] = 0,
    contacts: Annotated[int, typer.Option(metavar="N", min=0, help="Number of generated contacts.")] = 1_000,
    seed: Annotated[int, typer.Option(metavar="S", help="The same seed generates the same portal.")] = 1,
    portal: Annotated[Path | None, typer.Option(metavar="DIR", help="Serve this portal folder instead.")] = None,
    tier: Annotated[str | None, typer.Option(metavar="TIER", help="starter, professional or enterprise: sets limits and features.")] = None,
    latency_ms: Annotated[float, typer.Option(metavar="MS", min=0, help="Minimum duration of every response.")] = 0,
    rate: Annotated[int | None, typer.Option(metavar="N", min=1, help="Requests in 10 seconds. Default: by tier.")] = None,
    faults: Annotated[Path | None, typer.Option(metavar="FILE", help="Faults to inject, a YAML file; see docs/sandbox.md.")] = None,
    switch: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="Another interpretation of HubSpot's documentation; see docs/sandbox.md. Can be repeated."),
    ] = None,
) -> None:
    """Serve a HubSpot portal on this machine until Ctrl-C.

    The first line of the output is JSON with its address and token.
    """
    from sync_worker.cli.sandbox import serve_sandbox  # noqa: PLC0415 -- the sandbox is an extra

    serve_sandbox(
        port=port,
        contacts=contacts,
        seed=seed,
        path=portal,
        tier=tier,
        latency_ms=latency_ms,
        rate=rate,
        faults=faults,
        switches=switch or (),
    )


@app.command()
def demo(*, contacts: Annotated[int, typer.Option(metavar="N", min=100, help="Number of generated contacts.")] = 1_000) -> None:
    """Run the whole workflow on a generated portal on this machine."""
    from sync_worker.cli.demo import run_demo  # noqa: PLC0415 -- other commands do not need it

    run_demo(contacts)
