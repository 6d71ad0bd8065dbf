"""No output, log line or process list entry of the program contains the token or personal data."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from typer.main import get_command

from sync_worker.cli.commands import app
from tests.harness import Harness, make_contact, small_portal, start_harness
from tests.reliability.subprocesses import KillableWorker
from tests.store.database_factories import POSTGRES_URL
from tests.system.subprocesses import Workspace

TOKEN = "pat-na1-" + "0a1b2c3d-" + "4e5f-no-one-may-see-this"
NAMES = {"firstname": "Zebulon", "lastname": "Quackenbush", "phone": "+49 89 1234567", "jobtitle": "Chief Yodelling Officer"}
FAULTS = [
    {"fault": "error", "status": 502, "when": "after", "endpoint": "*/batch/update", "times": 1},
    {"fault": "cut", "endpoint": "*/submissions/*", "times": 1},
    {"fault": "reset", "endpoint": "*/email/*", "times": 1},
    {"fault": "rate_limit", "endpoint": "*/search", "retry_after": 0, "times": 1},
]


@pytest.fixture
def harness(tmp_path: Path) -> Iterator[Harness]:
    people = [make_contact(number, **NAMES) for number in range(1, 5)]
    with start_harness(tmp_path, small_portal(contacts=people), ready=False, token=TOKEN) as harness:
        yield harness


def write_portal_folder(folder: Path) -> None:
    """Write a portal folder with personal data."""
    folder.mkdir()
    (folder / "portal.json").write_text(json.dumps({"portalId": 1, "tier": "enterprise", "timeZone": "UTC", "now": "2026-11-20T12:00:00Z"}))
    (folder / "contacts.jsonl").write_text("".join(json.dumps(make_contact(number, **NAMES)) + "\n" for number in range(1, 4)))


def find_secrets(text: str) -> list[str]:
    found = [secret for secret in (TOKEN, TOKEN[:20], *NAMES.values()) if secret.lower() in text.lower()]
    return found + re.findall(r"[\w.+-]+@[\w-]+\.\w+", text) + re.findall(r"Bearer \S+", text)


@pytest.fixture
def program(harness: Harness) -> KillableWorker:
    environment = {
        "HUBSPOT_BASE_URL": harness.server.base_url,
        "HUBSPOT_ACCESS_TOKEN": TOKEN,
        "SYNC_WORKER_STATE_URL": harness.state_url,
        "SYNC_WORKER_MODEL": str(harness.folder / "model.yaml"),
    }
    return KillableWorker(environment=environment, output=harness.folder / "output")


FILES = ("model.yaml", "folder", "backup.db", "plan.json", "audit.csv")
COMMANDS = [
    ("init", "folder"), ("check",), ("setup",), ("backfill", "--dry-run", "--no-names"), ("plan", "--out", "plan.json", "--no-names"),
    ("apply", "plan.json", "--no-names"), ("backfill",),
    ("report", "--no-names"),
    ("approve", "--no-names", "--note", "yes"),
    ("sync", "--json"), ("status", "--json"), ("explain", "1"), ("undo", "nonsense"), ("explain", "999"), ("forget", "2"),
    ("model", "check", "--portal"), ("model", "schema"), ("model", "diff", "model.yaml", "model.yaml"),
    ("model", "evaluate", "--portal", "folder"), ("state", "backup", "backup.db"), ("state", "verify", "backup.db"),
    ("model", "log"), ("model", "note", "good"), ("review", "--note", "done"),
    ("audit", "--out", "audit.csv"), ("outcomes",), ("suggest",), ("backtest",), ("threshold", "--precision", "0.3"),
    ("service", "pause"), ("service", "resume"), ("service", "resync", "--stream", "page_view", "--since", "2026-11-01"),
]  # fmt: skip
GENERATED_COMMANDS = {"sandbox", "demo"}  # these show generated contacts and the token of the sandbox


def iter_commands(group: Any, *above: str) -> set[tuple[str, ...]]:
    """Return the words of every command."""
    subcommands = {name: command for name, command in group.commands.items() if name not in GENERATED_COMMANDS}
    return {
        words
        for name, command in subcommands.items()
        for words in (iter_commands(command, *above, name) if hasattr(command, "commands") else {(*above, name)})
    }


def test_every_command_is_tested_here() -> None:
    tested = {command[: 2 if command[0] in {"model", "service", "state"} else 1] for command in COMMANDS}
    in_tests_of_the_fleet = {command for command in iter_commands(get_command(app)) if command[0] == "fleet"}
    assert tested | {("serve",), ("state", "restore")} | in_tests_of_the_fleet == iter_commands(get_command(app))


def test_no_command_leaks_secrets_under_faults(harness: Harness, program: KillableWorker) -> None:
    requests.post(f"{harness.server.base_url}/sandbox/faults", json={"rules": FAULTS}, timeout=10).raise_for_status()
    write_portal_folder(harness.folder / "folder")
    codes = {
        " ".join(command): program.run(*(str(harness.folder / word) if word in FILES else word for word in command)) for command in COMMANDS
    }
    failed = {command for command, code in codes.items() if code}
    for_sqlite = set() if POSTGRES_URL is None else {"state backup backup.db", "state verify backup.db"}
    assert failed == {"undo nonsense", "explain 999", "suggest", "backtest", "threshold --precision 0.3", "outcomes", *for_sqlite}
    output = program.output.read_text(encoding="utf-8")
    assert output.count("request.retried") >= 4
    assert find_secrets(output) == []


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="only Linux provides /proc")
def test_neither_the_service_nor_the_process_list_leaks_secrets(harness: Harness, program: KillableWorker) -> None:
    assert program.run("setup") == 0
    requests.post(f"{harness.server.base_url}/sandbox/faults", json={"rules": FAULTS}, timeout=10).raise_for_status()
    desk = Workspace(folder=harness.folder, environment=program.environment)
    serving = desk.start("serve")
    try:
        assert serving.stderr is not None
        log = ""
        while "run.finished" not in log:
            line = serving.stderr.readline()
            assert line, log
            log += line
        shown = Path(f"/proc/{serving.pid}/cmdline").read_text(encoding="utf-8")
        readable_by = Path(f"/proc/{serving.pid}/environ").stat().st_mode & 0o077
    finally:
        serving.terminate()
        out, err = serving.communicate(timeout=60)
    assert (serving.returncode, readable_by, "serve" in shown) == (0, 0, True)
    assert "request.retried" in log
    assert find_secrets(log + out + err + shown) == []


def test_errors_and_crashes_leak_no_secrets(harness: Harness, program: KillableWorker) -> None:
    assert program.run("setup") == 0
    for rule in (
        {"fault": "withdraw_scope", "name": "crm.objects.contacts.write", "endpoint": "*/batch/update"},
        {"fault": "revoke_token"},
    ):
        requests.post(f"{harness.server.base_url}/sandbox/faults", json={"rules": [rule]}, timeout=10).raise_for_status()
        assert program.run("backfill") == 3
    torn = harness.folder / "torn.db"
    torn.write_bytes(b"p1@example.com" * 500)
    for other in (
        {"SYNC_WORKER_STATE_URL": f"sqlite:///{torn}"},
        {"HUBSPOT_BASE_URL": "http://127.0.0.1:1"},
        {"SYNC_WORKER_MODEL": "nowhere"},
    ):
        assert KillableWorker(environment={**program.environment, **other}, output=program.output).run("sync") in (2, 4)
    assert find_secrets(program.output.read_text(encoding="utf-8")) == []


def test_the_state_never_holds_the_token(harness: Harness, program: KillableWorker) -> None:
    assert [program.run(command) for command in ("setup", "backfill")] == [0, 0]
    kept = b"".join(path.read_bytes() for path in harness.folder.glob("state.db*"))
    assert TOKEN.encode() not in kept
    assert NAMES["lastname"].encode() not in kept  # properties that the model does not use are not saved


def test_no_option_takes_the_token() -> None:
    commands = get_command(app).commands.values()  # type: ignore[attr-defined]
    options = {option for command in commands for parameter in command.params for option in parameter.opts}
    assert "--json" in options
    assert not [option for option in options if "token" in option or "secret" in option or "password" in option]
