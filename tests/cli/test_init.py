"""The command `init`, in a checkout and in an installed package."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest
from typer.testing import CliRunner

from sync_worker.cli.commands import app
from sync_worker.cli.init import list_models
from sync_worker.model.compiled.loader import load

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", list_models())
def test_the_folder_starts_with_the_chosen_model(tmp_path: Path, name: str) -> None:
    result = CliRunner().invoke(app, ["init", str(tmp_path / "new"), "--model", name])
    assert result.exit_code == 0
    assert "sync-worker check" in result.output
    written = load(tmp_path / "new" / "config" / "model.yaml")
    assert written.hash == load(ROOT / "config" / ("model.yaml" if name == "default" else f"presets/{name}.yaml")).hash
    found = {str(path.relative_to(tmp_path / "new")) for path in (tmp_path / "new").rglob("*") if path.is_file()}
    assert found == {f"config/{path.relative_to(ROOT / 'config')}" for path in (ROOT / "config").rglob("*") if path.is_file()}


def test_existing_files_are_kept(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "model.yaml").write_text("mine")
    result = CliRunner().invoke(app, ["init", str(tmp_path)])
    assert result.exit_code == 0
    assert "kept      config/model.yaml" in result.output
    assert "wrote     config/worker.yaml" in result.output
    assert (tmp_path / "config" / "model.yaml").read_text() == "mine"


def test_an_unknown_model_is_an_error_with_the_known_ones(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["init", str(tmp_path), "--model", "nonsense"])
    assert "Choose one of default, classic, importance" in str(result.exception)
    assert not (tmp_path / "config").exists()


def test_the_wheel_contains_the_examples_and_works_without_the_checkout(tmp_path: Path) -> None:
    build = "from hatchling.build import build_wheel; import sys; print(build_wheel(sys.argv[1]))"
    done = subprocess.run([sys.executable, "-c", build, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=True)
    package = tmp_path / "package"
    with ZipFile(tmp_path / done.stdout.strip()) as wheel:
        wheel.extractall(package)
    command = "import sync_worker, sys; print(sync_worker.__file__); from sync_worker.cli import main; sys.argv[0] = 'sync-worker'; main()"
    result = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(package)!r}); {command}", "init", "started"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.startswith(str(package))
    assert load(tmp_path / "started" / "config" / "model.yaml").hash == load(ROOT / "config" / "model.yaml").hash
