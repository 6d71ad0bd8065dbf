"""Output files: checked before the work, written whole or not at all, and readable by their owner only if people are in them."""

from __future__ import annotations

import os
import resource
import stat
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sync_worker.cli.commands import app
from sync_worker.errors import ConfigurationError
from sync_worker.output_file import check_output_file, write_output_file


@pytest.mark.parametrize("mode", [None, 0o644, 0o666])
def test_a_new_and_an_existing_file_are_readable_by_their_owner_only(tmp_path: Path, mode: int | None) -> None:
    path = tmp_path / "report.html"
    if mode is not None:
        path.write_text("a longer text of an earlier report", encoding="utf-8")
        path.chmod(mode)
    write_output_file(path, "ana@example.com")
    assert path.read_text(encoding="utf-8") == "ana@example.com"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_without_people_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "model.yaml"
    path.touch()
    path.chmod(0o640)
    write_output_file(path, b"name: Suggested", is_private=False)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_failed_write_keeps_the_old_file_and_leaves_no_other(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.write_text("old", encoding="utf-8")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5, limits[1]))  # as on a full disk
    try:
        with pytest.raises(ConfigurationError, match="cannot be written"):
            write_output_file(path, "a longer text")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_may_have_the_longest_name_that_is_possible(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 255)
    check_output_file(path)
    write_output_file(path, "new")
    assert path.read_text(encoding="utf-8") == "new"


def test_a_loop_of_symbolic_links_is_refused_before_the_work(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.symlink_to(path)
    with pytest.raises(ConfigurationError, match="cannot be written"):
        check_output_file(path)


def test_a_symbolic_link_stays_and_its_target_is_written(tmp_path: Path) -> None:
    target, link = tmp_path / "report.html", tmp_path / "latest.html"
    link.symlink_to(target)
    write_output_file(link, "new")
    assert link.is_symlink()
    assert target.read_text(encoding="utf-8") == "new"


def test_a_pipe_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        check_output_file(path)
        write_output_file(path, "new")
        assert os.read(reader, 10) == b"new"
    finally:
        os.close(reader)


def test_a_file_that_cannot_be_written_is_found_before_the_work(tmp_path: Path) -> None:
    (file := tmp_path / "file").touch()
    for path in (tmp_path, tmp_path / "missing" / "x.csv", file / "x.csv"):
        with pytest.raises(ConfigurationError, match=f"--out: {path} cannot be written: .*Choose another file"):
            check_output_file(path)
    assert list(tmp_path.iterdir()) == [file]


def test_a_name_of_another_format_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    check_output_file(tmp_path / "table.CSV", ".csv")
    check_output_file(None, ".csv")
    with pytest.raises(ConfigurationError, match=r"no known format.*\.csv, \.parquet"):
        check_output_file(tmp_path / "table.xlsx", ".csv", ".parquet")


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("report", "report.html"),
        ("explain 1 --for-person", "answer.html"),
        ("model evaluate --portal leads", "verdicts.csv"),
        ("backtest --portal leads", "backtest.html"),
        ("suggest --portal leads", "suggested.yaml"),
        ("plan", "plan.json"),
    ],
)
def test_each_command_finds_before_its_work_that_a_file_cannot_be_written(tmp_path: Path, command: str, name: str) -> None:
    file = tmp_path / "missing" / name
    result = CliRunner().invoke(app, [*command.split(), "--out", str(file)], env={"SYNC_WORKER_STATE_URL": f"sqlite:///{tmp_path}/new.db"})
    assert isinstance(result.exception, ConfigurationError), result.output
    assert f"--out: {file} cannot be written: No such file or directory." in str(result.exception)
    assert not list(tmp_path.iterdir())
