"""The commands that ask whether a model is any good: bad input ends them with a sentence, and never with a figure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from sync_worker.cli.commands import app
from sync_worker.cli.insight import parse_capacity, parse_horizon
from sync_worker.errors import ConfigurationError, ExitCode
from sync_worker.sandbox import folder
from sync_worker.store.database import open_store
from tests.harness import NOW, make_contact, small_portal
from tests.system.subprocesses import ROOT

MODEL = ["--model", str(ROOT / "config" / "model.yaml")]
COMMANDS: dict[str, list[str]] = {"backtest": [], "threshold": ["--precision", "0.3"], "suggest": []}


def run(tmp_path: Path, command: str, *options: str, **rows: Any) -> ConfigurationError:
    nothing: dict[str, Any] = {kind: [] for kind in ("companies", "email_events", "events", "submissions")}
    folder.write(small_portal(**{**nothing, "contacts": [make_contact(1)], **rows}), tmp_path / "portal")
    result = CliRunner().invoke(app, [command, "--portal", str(tmp_path / "portal"), *MODEL, *COMMANDS[command], *options])
    assert isinstance(result.exception, ConfigurationError), result.output
    assert result.exception.exit_code == ExitCode.USAGE
    assert not result.stdout
    return result.exception


def make_deal(contact: int) -> dict[str, Any]:
    return {"id": "7", "properties": {"createdate": "2026-08-20T00:00:00Z"}, "contactIds": [str(contact)]}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_portal_without_outcomes_is_refused(tmp_path: Path, command: str) -> None:
    assert "no deal" in str(run(tmp_path, command, "--horizon", "30d"))


@pytest.mark.parametrize("command", COMMANDS)
def test_a_date_before_the_data_or_without_its_horizon_is_refused(tmp_path: Path, command: str) -> None:
    assert "Nothing is known" in str(run(tmp_path, command, "--as-of", "2020-01-01", deals=[make_deal(1)]))
    assert "not over" in str(run(tmp_path, command, "--as-of", f"{NOW:%Y-%m-%d}", deals=[make_deal(1)]))


@pytest.mark.parametrize("command", COMMANDS)
def test_a_time_at_an_end_of_the_calendar_is_refused(tmp_path: Path, command: str) -> None:
    for text in ("9999-12-31", "0001-01-01T00:00:00+14:00"):
        assert f"--as-of: '{text}' is not" in str(run(tmp_path, command, "--as-of", text))
    assert "Nothing is known" in str(run(tmp_path, command, "--horizon", "36500d", deals=[make_deal(1)]))
    assert "--horizon" in str(run(tmp_path, command, "--horizon", f"{'9' * 30}d"))


def test_the_same_model_twice_is_refused(tmp_path: Path) -> None:
    assert "model.yaml is given twice" in str(run(tmp_path, "backtest", *MODEL))
    copy = tmp_path / "copy.yaml"
    copy.write_bytes(Path(MODEL[1]).read_bytes())
    assert "copy.yaml contain the same model" in str(run(tmp_path, "backtest", "--model", str(copy)))


@pytest.mark.parametrize("command", COMMANDS)
def test_a_folder_without_contacts_is_named(tmp_path: Path, command: str) -> None:
    assert f"{tmp_path / 'portal'} has no contacts" in str(run(tmp_path, command, contacts=[]))


@pytest.mark.parametrize("command", ["outcomes", *COMMANDS])
def test_a_missing_state_is_not_created_and_an_empty_one_names_the_next_command(tmp_path: Path, command: str) -> None:
    options = [*MODEL, *COMMANDS[command]] if command in COMMANDS else ["--offline"]
    environment = {"SYNC_WORKER_STATE_URL": f"sqlite:///{tmp_path}/new.db", "SYNC_WORKER_MODEL": MODEL[1]}
    result = CliRunner().invoke(app, [command, *options], env=environment)
    assert isinstance(result.exception, ConfigurationError), result.output
    assert "sync-worker backfill" in str(result.exception)
    assert not list(tmp_path.iterdir())
    open_store(environment["SYNC_WORKER_STATE_URL"]).close()
    result = CliRunner().invoke(app, [command, *options], env=environment)
    assert isinstance(result.exception, ConfigurationError), result.output
    assert "The state has no contacts. Run `sync-worker backfill` first." in str(result.exception)


def test_a_backtest_of_the_shadow_model_needs_one(tmp_path: Path) -> None:
    assert "no shadow model is set" in str(run(tmp_path, "backtest", "--shadow"))


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("suggest", ["--horizon", "soon"]),
        ("suggest", ["--criteria", "0"]),
        ("backtest", ["--as-of", "yesterday"]),
        ("threshold", ["--capacity", "40/week"]),
        ("threshold", ["--precision", "30"]),
    ],
)
def test_an_option_without_a_meaning_is_named(tmp_path: Path, command: str, options: list[str]) -> None:
    assert "--" in str(run(tmp_path, command, *options))


def test_units_of_capacity_and_horizon() -> None:
    assert (parse_capacity("40/week"), parse_capacity("8/day"), parse_capacity("40")) == (40, 56, 40)
    assert parse_horizon("90d") == parse_horizon("90 days")
