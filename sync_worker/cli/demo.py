"""The demo: runs the whole workflow on a generated portal, command by command, and shows the result as a sales rep sees it."""

from __future__ import annotations

import os
import re
import shlex
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeAlias

import orjson
import typer
from rich.panel import Panel
from rich.table import Table

from sync_worker.cli.output.console import err, out
from sync_worker.errors import Unavailable
from sync_worker.settings import load_settings
from sync_worker.sync.portal.managed_properties import CrmSchema
from sync_worker.worker import Worker, build_worker

MISSING: Final = "—"
PROGRAM: Final = (sys.executable, "-m", "sync_worker")
HAND_OFF: Final = {"SYNC_WORKER_HAND_OFF_TASKS": "true", "SYNC_WORKER_HAND_OFF_OWNER": "ada.berg@sandbox.example"}
CHANGED_VALUE: Final = re.compile(r" {4}\w+: .* → ")  # a line of a plan; there are several for each contact
Steps: TypeAlias = Sequence[tuple[str, tuple[str, ...]]]  # headings and commands
PREPARATION: Final[Steps] = (
    ("Check the token, the scopes, the plan, the limits and the model. This writes nothing:", ("check",)),
    ("Create the property group, the properties and the lists:", ("setup",)),
)
WORKFLOW: Final[Steps] = (
    (
        "See what the first run would change, new MQLs by name; the values of each contact are left out here. This writes nothing:",
        ("plan",),
    ),
    ("Read and evaluate every contact, and write its score and grade:", ("backfill",)),
    ("Look at the distribution of scores. Lists and lifecycle stages do not change before the approval:", ("report",)),
    ("See the contacts that the approval makes MQLs, by name and with reasons:", ("approve", "--note", "demo", "--dry-run")),
    (
        "Approve the model. Lists and lifecycle stages change now, and sales gets a task for each MQL:",
        ("approve", "--note", "demo: looks right", "--hand-off-existing"),
    ),
    ("From now on, each run writes only differences:", ("sync",)),
)


def run_demo(contacts: int) -> None:
    """Start a sandbox, run the commands of the workflow on it, and show the result.

    Raises ConfigurationError or ModelError if the settings or the model are invalid. If a command fails, exits with its code.
    """
    base_environment = _demo_environment(os.environ)
    _ = build_worker(load_settings(base_environment)).model  # fails before the sandbox starts
    with tempfile.TemporaryDirectory(prefix="sync-worker-demo-") as folder, _run_sandbox(contacts) as portal:
        environment = {**base_environment, **portal, **HAND_OFF, "SYNC_WORKER_STATE_URL": f"sqlite:///{Path(folder) / 'state.db'}"}
        _run_steps(PREPARATION, environment)
        with _run_console(environment) as console:
            out.print("\n[bold]Watch all of it in the console of the service:[/]\n$ sync-worker serve --ui")
            out.print(f"{console}  (the service is paused: the commands below do its runs)", markup=False)
            _run_steps(WORKFLOW, environment)
            _show_result(environment, console)
            _wait_for_reader()
    out.print("\nThis was a portal on this machine. For your own portal, set HUBSPOT_ACCESS_TOKEN and run the same commands.")


def _run_steps(steps: Steps, environment: Mapping[str, str]) -> None:
    for heading, command in steps:
        out.print(f"\n[bold]{heading}[/]\n$ sync-worker {shlex.join(command)}")
        run_command(*command, environment=environment)


def _show_result(environment: Mapping[str, str], console: str) -> None:
    with build_worker(load_settings(environment)) as worker:
        best = _print_best_leads(worker)
    out.print(f"\n[bold]Its page with the task for sales:[/] {environment['HUBSPOT_BASE_URL']}/contacts/{best}", markup=True)
    out.print(f"[bold]Its page in the console:[/] {console}contacts/{best}", markup=True)
    out.print(f"\n[bold]Its ledger, line by line:[/]\n$ sync-worker explain {best}")
    run_command("explain", best, environment=environment)


def _wait_for_reader() -> None:
    """On a terminal, let portal and console run until the reader has seen them."""
    if sys.stdin.isatty() and out.is_terminal:
        out.print("\nPortal and console run until you press Enter.")
        sys.stdin.readline()


def run_command(*command: str, environment: Mapping[str, str]) -> None:
    """Run a command without its log, and without the values of a plan. If it fails, print its error messages and exit with its code."""
    stdout = subprocess.PIPE if command[0] == "plan" or "--dry-run" in command else None
    done = subprocess.run([*PROGRAM, *command], env=environment, check=False, stdout=stdout, stderr=subprocess.PIPE, text=True)  # noqa: S603 -- our own program
    if stdout:
        lines = [line for line in done.stdout.splitlines() if not CHANGED_VALUE.match(line)]
        out.print("\n".join(lines), markup=False)
    if done.returncode:
        messages = [line for line in done.stderr.splitlines() if not line.startswith("{")]
        err.print("\n".join(messages), markup=False)
        raise typer.Exit(done.returncode)


@contextmanager
def _run_sandbox(contacts: int) -> Iterator[Mapping[str, str]]:
    command = (*PROGRAM, "sandbox", "--contacts", str(contacts), "--seed", "7")
    out.print(f"[bold]Start a portal with {contacts:,} generated contacts on this machine:[/]\n$ sync-worker {' '.join(command[3:])}")
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:  # noqa: S603 -- our own program
        try:
            first_line = process.stdout.readline() if process.stdout else b""
            if not first_line:
                raise Unavailable("The sandbox did not start.", hint=process.communicate()[1].decode().strip())
            sandbox = orjson.loads(first_line)
            out.print(f"{sandbox['base_url']}  (open it in a browser during the demo)", markup=False)
            yield {"HUBSPOT_BASE_URL": sandbox["base_url"], "HUBSPOT_ACCESS_TOKEN": sandbox["token"]}
        finally:
            process.terminate()


@contextmanager
def _run_console(environment: Mapping[str, str]) -> Iterator[str]:
    """Run a service with a console, and yield the address. It is paused, so that the commands of the demo do all runs."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {**environment, "SYNC_WORKER_HTTP_PORT": str(port), "SYNC_WORKER_LOG_FORMAT": "json"}
    subprocess.run([*PROGRAM, "service", "pause"], env=environment, check=True, capture_output=True)  # noqa: S603 -- our own program
    with subprocess.Popen([*PROGRAM, "serve", "--ui"], env=environment, stderr=subprocess.PIPE) as process:  # noqa: S603 -- our own program
        try:
            yield _read_address(process)
        finally:
            process.terminate()


def _read_address(process: subprocess.Popen[bytes]) -> str:
    lines = []
    for line in process.stderr or ():
        event = orjson.loads(line)
        if event["event"] == "console.opened":
            return str(event["address"])
        lines.append(event.get("error", event["event"]))
    raise Unavailable("The console did not start.", hint=" ".join(lines))


def _demo_environment(environment: Mapping[str, str]) -> dict[str, str]:
    # The demo ignores the settings of a real portal, except for the model.
    prefixes = ("HUBSPOT_", "SYNC_WORKER_")
    return {name: value for name, value in environment.items() if not name.startswith(prefixes) or name == "SYNC_WORKER_MODEL"}


def _print_best_leads(worker: Worker) -> str:
    """Print the best leads, and the record of the first, from HubSpot; return its id."""
    hubspot, outputs = worker.hubspot, worker.outputs
    names = ("firstname", "lastname", "jobtitle", *outputs.property_names)
    mqls = hubspot.lists.find_by_name(outputs.list_names["mql"])
    members = hubspot.lists.read_members(mqls.id).items if mqls else ()
    contacts = hubspot.contacts.read(members, names).items
    best = sorted(contacts, key=lambda contact: -float(contact.properties[f"{outputs.prefix}_score"] or 0))[:8]
    rows = [_display_values(contact.properties, outputs) for contact in best]
    out.print(f"\n[bold]What a sales rep sees in HubSpot: the list “{outputs.list_names['mql']}”, highest score first:[/]")
    out.print(_build_table(rows, outputs.prefix))
    out.print("\n[bold]The record of the first contact:[/]")
    record = Table.grid(padding=(0, 2))
    for definition in outputs.properties:
        record.add_row(f"[dim]{definition.label}[/]", rows[0][definition.name])
    out.print(Panel(record, title=_full_name(rows[0]), expand=False))
    return str(best[0].id)


def _display_values(properties: Mapping[str, str | None], outputs: CrmSchema) -> dict[str, str]:
    """Return the values as HubSpot displays them: options by their label."""
    labels = {definition.name: {option.value: option.label for option in definition.options} for definition in outputs.properties}
    return {name: labels.get(name, {}).get(value or "", value or MISSING) for name, value in properties.items()}


def _full_name(values: Mapping[str, str]) -> str:
    return " ".join(values[name] for name in ("firstname", "lastname") if values[name] != MISSING)


def _build_table(rows: Sequence[Mapping[str, str]], prefix: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("score", "grade", "trend", "MQL reason", "name", "job title"):
        table.add_column(heading, justify="right" if heading == "score" else "left")
    for row in rows:
        columns = (row[f"{prefix}_{name}"] for name in ("score", "grade", "score_trend", "mql_reason"))
        table.add_row(*columns, _full_name(row), row["jobtitle"])
    return table
