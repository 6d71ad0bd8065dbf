"""Verdicts as a table: the same as in JSON, in each format, for one model or several."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

import sync_worker
from sync_worker.cli.commands import app
from sync_worker.cli.portal_folder import evaluate_folder
from sync_worker.errors import ConfigurationError
from sync_worker.sandbox import folder
from tests.harness import DAY, NOW, NOW_MS, make_contact, make_page_view, small_portal

MODEL = """
name: Small
score:
  criteria:
    views: {event: page_view, each: 2, at_most: 6}
    role: {when: {jobtitle: {contains_any: [cto]}}, points: 5}
  bands: [{name: cold, from: 0}, {name: hot, from: 5}]
qualification: {threshold: 5}
"""


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("portal")
    views = [make_page_view(number, 1, at=NOW_MS - DAY * number) for number in range(1, 4)]
    folder.write(
        small_portal(
            contacts=[make_contact(1, jobtitle="CTO"), make_contact(2)], companies=[], events=views, email_events=[], submissions=[]
        ),
        path,
    )
    (path / "model.yaml").write_text(MODEL, encoding="utf-8")
    return path


def test_the_table_has_the_verdicts_and_ledgers_of_the_json_output(portal: Path) -> None:
    table = sync_worker.evaluate_folder(portal, portal / "model.yaml", ledger="all")
    verdicts = evaluate_folder(portal, at=None, model_file=portal / "model.yaml")["verdicts"]
    assert table["score"].to_list() == [verdict["score"] for verdict in verdicts]
    for ledger, verdict in zip(table["ledger"], verdicts, strict=True):
        assert [(line["line"], line["points"]) for line in ledger] == [(line["line"], line["points"]) for line in verdict["ledger"]]


@pytest.mark.parametrize("name", ["table.parquet", "table.jsonl", "table.csv"])
def test_each_format_has_a_row_for_each_model_and_contact(portal: Path, tmp_path: Path, name: str) -> None:
    file, other = tmp_path / name, tmp_path / "model.yaml"
    other.write_text(MODEL.replace("points: 5", "points: 4"), encoding="utf-8")
    command = ["model", "evaluate", "--portal", str(portal), "--model", str(portal / "model.yaml"), "--model", str(other)]
    result = CliRunner().invoke(app, [*command, "--out", str(file), "--ledger", "nonzero"])
    assert result.exit_code == 0, result.output
    assert [line.split()[-1] for line in result.stdout.splitlines()[1:]] == [str(portal / "model.yaml"), str(other)]
    read = {".parquet": pl.read_parquet, ".jsonl": pl.read_ndjson, ".csv": pl.read_csv}[file.suffix](file)
    assert file.stat().st_mode & 0o777 == 0o600
    assert read["contact_id"].to_list() == [1, 2, 1, 2]
    assert "views" in str(read["ledger"][0].to_list() if file.suffix != ".csv" else read["ledger"][0])


def test_a_time_outside_the_data_is_named(portal: Path) -> None:
    command = ["model", "evaluate", "--portal", str(portal), "--model", str(portal / "model.yaml"), "--json", "--at"]
    later = CliRunner().invoke(app, [*command, f"{NOW + timedelta(days=3):%Y-%m-%d}"])
    (warning,) = json.loads(later.stdout)["warnings"]
    assert f"The data ends on {NOW:%Y-%m-%d}" in warning
    with pytest.warns(UserWarning, match="The data ends on"):
        sync_worker.evaluate_folder(portal, portal / "model.yaml", at=NOW + timedelta(days=3))
    with pytest.warns(UserWarning, match=r"No history in the folder, so with the values of today: .*jobtitle"):
        sync_worker.evaluate_folder(portal, portal / "model.yaml", at=NOW - timedelta(days=3))
    earlier = CliRunner().invoke(app, [*command, "1999-01-01"])
    assert isinstance(earlier.exception, ConfigurationError)
    assert "No contact is known as of 1999-01-01: the first one was created on" in str(earlier.exception)


@pytest.mark.parametrize(
    "options",
    [
        ["--out", "table.xlsx"],
        ["--out", "t.csv", "--ledger", "some"],
        ["--ledger", "all"],
        ["--model", "other.yaml"],
        ["--at", "9999-12-31"],
    ],
)
def test_an_option_without_a_meaning_is_refused(portal: Path, options: list[str]) -> None:
    result = CliRunner().invoke(app, ["model", "evaluate", "--portal", str(portal), "--model", str(portal / "model.yaml"), *options])
    assert isinstance(result.exception, ConfigurationError)
