"""Commands that read the state do not create it."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from sync_worker.cli.commands import app
from tests.harness import MODEL, start_harness
from tests.reliability.test_data_leaks import iter_commands

READ_COMMANDS = [
    ("plan",), ("apply", "plan.json"), ("explain", "1"), ("explain", "1", "--since", "2026-11-01"), ("explain", "1", "--for-person"),
    ("audit", "--out", "audit.csv"), ("forget", "1"), ("report",), ("approve", "--note", "yes"), ("review", "--note", "yes"),
    ("undo", "a"), ("status",), ("outcomes",), ("suggest",), ("backtest",), ("threshold", "--precision", "0.3"),
    ("model", "diff", "model.yaml", "model.yaml"), ("model", "log"), ("model", "note", "good"), ("state", "backup", "backup.db"),
    ("service", "pause"), ("service", "resume"), ("service", "resync", "--stream", "contacts", "--since", "2026-11-01"),
]  # fmt: skip
CREATORS = {("backfill",), ("sync",), ("setup",), ("serve",), ("state", "restore")}
STATELESS = {("init",), ("check",), ("model", "check"), ("model", "schema"), ("model", "evaluate"), ("state", "verify")}


def test_every_command_without_a_state_is_tested_here() -> None:
    groups = {"model", "service", "state"}
    tested = {command[: 2 if command[0] in groups else 1] for command in READ_COMMANDS}
    commands = {command for command in iter_commands(get_command(app)) if command[0] != "fleet"}
    assert tested | CREATORS | STATELESS == commands


def test_a_command_that_needs_the_state_names_backfill_and_creates_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model.yaml").write_text(MODEL, encoding="utf-8")
    environment = {"SYNC_WORKER_STATE_URL": "sqlite:///new.db", "SYNC_WORKER_MODEL": "model.yaml", "HUBSPOT_ACCESS_TOKEN": "pat-na1-x"}
    for command in READ_COMMANDS:
        result = CliRunner().invoke(app, command, env=environment)
        assert "There is no state yet: new.db does not exist. Run `sync-worker backfill` first" in str(result.exception), command
        assert [path.name for path in tmp_path.iterdir()] == ["model.yaml"], command


def test_commands_before_the_first_run_leave_no_state_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "portal").mkdir()
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    with start_harness(tmp_path / "portal", ready=False) as harness:
        environment = {
            "HUBSPOT_BASE_URL": harness.server.base_url,
            "HUBSPOT_ACCESS_TOKEN": harness.server.token,
            "SYNC_WORKER_STATE_URL": "sqlite:///new.db",
            "SYNC_WORKER_MODEL": str(tmp_path / "portal" / "model.yaml"),
        }
        for command in (("check",), ("setup", "--dry-run"), ("model", "check", "--portal")):
            result = CliRunner().invoke(app, command, env=environment)
            assert result.exit_code == 0, (command, result.output)
    assert [*(tmp_path / "work").iterdir()] == []
