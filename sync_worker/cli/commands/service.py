"""The commands to a running service: pause, resume, resync. They go through the state; the service looks before each cycle."""

from __future__ import annotations

from typing import Annotated

import typer

from sync_worker.cli.commands.app import service_app
from sync_worker.cli.commands.execution import parse_timestamp, with_worker
from sync_worker.cli.output.console import out
from sync_worker.cli.output.labels import record_label


@service_app.command("pause")
def pause_service() -> None:
    """Run no cycles until `service resume`.

    A cycle in progress ends first.
    """
    since = with_worker(lambda worker: worker.pause_service())
    out.print(f"  paused    since {since:%Y-%m-%d %H:%M} UTC; `sync-worker service resume` ends the pause", markup=False)


@service_app.command("resume")
def resume_service() -> None:
    """End a pause; the next cycle runs at its time."""
    with_worker(lambda worker: worker.resume_service())
    out.print("  resumed   the next cycle reads what changed in the meantime", markup=False)


@service_app.command("resync")
def resync_stream(
    *,
    stream: Annotated[str, typer.Option(help="contacts, companies, or a kind of events such as email_click.", show_default=False)],
    since: Annotated[str, typer.Option(metavar="TIME", help="Such as 2026-11-01 or 2026-11-01T08:00:00Z.", show_default=False)],
) -> None:
    """Let the next run read a stream again from a time.

    For example after a repair in HubSpot.
    """
    at = parse_timestamp(since, "--since")
    with_worker(lambda worker: worker.request_resync(stream, at))
    out.print(f"  resync    {record_label(stream)} since {at:%Y-%m-%d %H:%M} UTC, in the next run", markup=False)
