"""The whole job on a made-up portal, command by command, and in the end what a sales rep sees."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import orjson
import typer
from rich.panel import Panel
from rich.table import Table

from sync_worker.cli.console import err, out
from sync_worker.errors import Unavailable
from sync_worker.settings import load_settings
from sync_worker.worker import Worker, build_worker

PROGRAM: Final = (sys.executable, "-m", "sync_worker")
STEPS: Final = (
    ("Can the worker do its job here? Nothing is written.", ("check",)),
    ("Property group, properties and lists, as a careful admin would make them:", ("setup",)),
    ("Every contact: read, judged, written.", ("backfill",)),
    ("How do the scores lie? Lists and lifecycle stages wait until somebody has looked.", ("report",)),
    ("Somebody has looked:", ("approve", "--note", "demo: looks right")),
    ("From now on only differences are written:", ("sync",)),
)


def run_demo(contacts: int) -> None:
    """Start a portal, do the whole job on it with the commands that a user would type, show the result, end.

    Raises ConfigurationError or ModelError where settings or model cannot be used. Where a command fails, the demo ends as it did.
    """
    ours = _demo_environment(os.environ)
    _ = build_worker(load_settings(ours)).model  # before a portal is made for nothing
    with tempfile.TemporaryDirectory(prefix="sync-worker-demo-") as folder, _run_sandbox(contacts) as portal:
        environment = {**ours, **portal, "SYNC_WORKER_STATE_URL": f"sqlite:///{Path(folder) / 'state.db'}"}
        for said, command in STEPS:
            out.print(f"\n[bold]{said}[/]\n$ sync-worker {' '.join(command)}")
            run_command(*command, environment=environment)
        with build_worker(load_settings(environment)) as worker:
            best = _print_best_leads(worker)
        out.print(f"\n[bold]And why, line by line:[/]\n$ sync-worker explain {best}")
        run_command("explain", best, environment=environment)
    out.print("\nThat was a portal on this machine. For your own: set HUBSPOT_ACCESS_TOKEN and type the same commands.")


def run_command(*command: str, environment: Mapping[str, str]) -> None:
    """Run a command as a user would type it, without its log; where it fails, show what it says of that and end with its exit code."""
    done = subprocess.run([*PROGRAM, *command], env=environment, check=False, stderr=subprocess.PIPE, text=True)  # noqa: S603 -- our own program
    if done.returncode:
        sentences = [line for line in done.stderr.splitlines() if not line.startswith("{")]
        err.print("\n".join(sentences), markup=False)
        raise typer.Exit(done.returncode)


@contextmanager
def _run_sandbox(contacts: int) -> Iterator[Mapping[str, str]]:
    command = (*PROGRAM, "sandbox", "--contacts", str(contacts), "--seed", "7")
    out.print(f"[bold]A portal of {contacts:,} made-up contacts on this machine:[/]\n$ sync-worker {' '.join(command[3:])}")
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:  # noqa: S603 -- our own program
        try:
            said = process.stdout.readline() if process.stdout else b""
            if not said:
                raise Unavailable("The sandbox did not start.", hint=process.communicate()[1].decode().strip())
            place = orjson.loads(said)
            out.print(f"{place['base_url']}  (open it in a browser while this runs)", markup=False)
            yield {"HUBSPOT_BASE_URL": place["base_url"], "HUBSPOT_ACCESS_TOKEN": place["token"]}
        finally:
            process.terminate()


def _demo_environment(environment: Mapping[str, str]) -> dict[str, str]:
    # Settings for a real portal stay out of the demo; another model is welcome.
    ours = ("HUBSPOT_", "SYNC_WORKER_")
    return {name: value for name, value in environment.items() if not name.startswith(ours) or name == "SYNC_WORKER_MODEL"}


def _print_best_leads(worker: Worker) -> str:
    """Show the best leads and the record of the first as HubSpot has them now; return its id."""
    hubspot, outputs = worker.hubspot, worker.outputs
    names = ("firstname", "lastname", "jobtitle", *outputs.property_names)
    mqls = hubspot.lists.find_by_name(outputs.list_names["mql"])
    members = hubspot.lists.read_members(mqls.id).items if mqls else ()
    found = hubspot.contacts.read(members, names).items
    best = sorted(found, key=lambda contact: -float(contact.properties[f"{outputs.prefix}_score"] or 0))[:8]
    out.print(f"\n[bold]What a sales rep sees in HubSpot: the list “{outputs.list_names['mql']}”, best first[/]")
    out.print(_build_table([{name: contact.properties.get(name) or "" for name in names} for contact in best], outputs.prefix))
    out.print("\n[bold]and on the first contact's record:[/]")
    first = best[0]
    rows = Table.grid(padding=(0, 2))
    for definition in outputs.properties:
        value = first.properties.get(definition.name) or "—"
        labels = {option.value: option.label for option in definition.options}
        rows.add_row(f"[dim]{definition.label}[/]", labels.get(value, value))
    out.print(Panel(rows, title=_full_name(first.properties), expand=False))
    return str(first.id)


def _full_name(properties: Mapping[str, str | None]) -> str:
    return " ".join(part for part in (properties.get("firstname"), properties.get("lastname")) if part)


def _build_table(rows: list[dict[str, str]], prefix: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("score", "grade", "trend", "why", "name", "job title"):
        table.add_column(heading, justify="right" if heading == "score" else "left")
    for row in rows:
        ours = (row[f"{prefix}_{name}"] for name in ("score", "grade", "score_trend", "mql_reason"))
        table.add_row(*ours, _full_name(row), row["jobtitle"])
    return table
