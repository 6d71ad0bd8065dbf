"""`status --max-age`, as a monitor calls it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from typer.testing import CliRunner, Result

from sync_worker.cli.commands import app
from sync_worker.errors import ConfigurationError, ExitCode
from tests.system.subprocesses import ROOT


@pytest.fixture(autouse=True)
def reset_logging() -> Iterator[None]:
    yield
    structlog.reset_defaults()


def run_status(folder: Path, *options: str) -> Result:
    environment = {"SYNC_WORKER_STATE_URL": f"sqlite:///{folder / 'state.db'}", "SYNC_WORKER_MODEL": str(ROOT / "config" / "model.yaml")}
    return CliRunner().invoke(app, ["status", *options], env=environment)


def test_a_worker_without_a_completed_run_is_stale_and_still_prints_its_status(tmp_path: Path) -> None:
    assert run_status(tmp_path).exit_code == ExitCode.DONE
    said = run_status(tmp_path, "--max-age", "2h", "--json")
    assert said.exit_code == ExitCode.TRY_AGAIN
    assert json.loads(said.stdout)["stale"] == "No run has come to its end yet."
    assert "No run has come to its end yet." in said.stderr


@pytest.mark.parametrize("age", ["2h", "90m", "1 day", "30 minutes", "1w"])
def test_an_age_may_be_written_short_or_long(tmp_path: Path, age: str) -> None:
    assert run_status(tmp_path, "--max-age", age).exit_code == ExitCode.TRY_AGAIN


@pytest.mark.parametrize("age", ["2", "h", "", "soon", "-1h"])
def test_what_is_no_age_is_refused_with_an_example(tmp_path: Path, age: str) -> None:
    refused = run_status(tmp_path, "--max-age", age).exception
    assert isinstance(refused, ConfigurationError)
    assert "--max-age" in str(refused)
    assert "2h" in str(refused)
