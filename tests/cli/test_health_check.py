"""`status --max-age`, the health check."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from typer.testing import CliRunner, Result

from sync_worker.cli.commands import app
from sync_worker.errors import ConfigurationError, ExitCode
from tests.store.database_factories import temporary_state_url
from tests.system.subprocesses import ROOT


@pytest.fixture(autouse=True)
def reset_logging() -> Iterator[None]:
    yield
    structlog.reset_defaults()


@pytest.fixture
def state_url(tmp_path: Path) -> Iterator[str]:
    """The state of a worker that has not run yet."""
    with temporary_state_url(tmp_path, is_migrated=True) as url:
        yield url


def run_status(state_url: str, *options: str) -> Result:
    environment = {"SYNC_WORKER_STATE_URL": state_url, "SYNC_WORKER_MODEL": str(ROOT / "config" / "model.yaml")}
    return CliRunner().invoke(app, ["status", *options], env=environment)


def test_a_worker_without_a_completed_run_is_stale_and_still_prints_its_status(state_url: str) -> None:
    assert run_status(state_url).exit_code == ExitCode.DONE
    result = run_status(state_url, "--max-age", "2h", "--json")
    assert result.exit_code == ExitCode.TRY_AGAIN
    assert json.loads(result.stdout)["stale"] == "No sync or backfill has finished yet."
    assert "No sync or backfill has finished yet." in result.stderr


@pytest.mark.parametrize("age", ["2h", "90m", "1 day", "30 minutes", "1w"])
def test_the_age_has_a_short_and_a_long_form(state_url: str, age: str) -> None:
    assert run_status(state_url, "--max-age", age).exit_code == ExitCode.TRY_AGAIN


@pytest.mark.parametrize("age", ["2", "h", "", "soon", "-1h"])
def test_an_invalid_age_is_refused_with_an_example(state_url: str, age: str) -> None:
    refused = run_status(state_url, "--max-age", age).exception
    assert isinstance(refused, ConfigurationError)
    assert "--max-age" in str(refused)
    assert "2h" in str(refused)
