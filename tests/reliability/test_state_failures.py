"""Failures of the state stop the run with a message and do not damage the state."""

from __future__ import annotations

import os
import resource
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import create_engine, text

from sync_worker.errors import ExitCode, StateError
from sync_worker.store import migrate
from sync_worker.store.database import LATEST_REVISION, open_store
from tests.harness import Harness
from tests.store.database_factories import POSTGRES_URL
from tests.system.subprocesses import PROGRAM, Workspace

pytestmark = pytest.mark.skipif(POSTGRES_URL is not None, reason="tests SQLite files")


@pytest.fixture
def desk(harness: Harness) -> Workspace:
    harness.setup()  # creates the state
    environment = {"HUBSPOT_BASE_URL": harness.server.base_url, "HUBSPOT_ACCESS_TOKEN": harness.server.token}
    return Workspace(folder=harness.folder, environment={**environment, "SYNC_WORKER_MODEL": str(harness.folder / "model.yaml")})


def is_intact(path: Path) -> bool:
    with closing(sqlite3.connect(path)) as state:
        return state.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_full_disk_stops_the_run_and_the_next_run_resumes(desk: Workspace, harness: Harness) -> None:
    for number in range(300):
        harness.create_contact(email=f"more-{number}@example.com", jobtitle="x" * 3_000)
    max_bytes = (harness.folder / "state.db").stat().st_size + 200_000

    def limit_disk() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (max_bytes, max_bytes))

    stopped = subprocess.run(
        [*PROGRAM, "backfill"],
        cwd=desk.folder,
        env=desk.build_environment(PYTHONDONTWRITEBYTECODE="1"),  # the limit would truncate the bytecode files of large modules
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=limit_disk,
    )
    assert stopped.returncode == ExitCode.USAGE, stopped.stderr
    assert "state.db" in stopped.stderr
    assert "free space" in stopped.stderr
    assert "Traceback" not in stopped.stderr
    assert is_intact(harness.folder / "state.db")
    assert harness.backfill().exit_code == ExitCode.DONE
    assert harness.sync().written == 0
    assert len([number for number in range(1, 307) if harness.value(number, "lead_score")]) == 306


@pytest.mark.skipif(os.geteuid() == 0, reason="root can write to all files")
def test_a_state_that_became_read_only_stops_the_run(desk: Workspace, harness: Harness) -> None:
    (harness.folder / "state.db").chmod(0o400)
    harness.folder.chmod(0o500)
    result = desk.run("backfill")
    harness.folder.chmod(0o700)
    assert (result.code, "state.db" in result.err) == (ExitCode.USAGE, True)


@pytest.mark.skipif(not Path("/sys/kernel").exists(), reason="needs /sys/kernel")
def test_an_unwritable_path_is_named_and_no_request_is_sent(desk: Workspace, harness: Harness) -> None:
    before = harness.digest()
    result = desk.run("backfill", SYNC_WORKER_STATE_URL="sqlite:////sys/kernel/state.db")
    assert result.code == ExitCode.USAGE
    assert "/sys/kernel/state.db" in result.err
    assert "SYNC_WORKER_STATE_URL" in result.err
    assert harness.digest() == before


def test_damaged_pages_stop_the_run_with_the_path(desk: Workspace, harness: Harness) -> None:
    harness.backfill()
    path = harness.folder / "state.db"
    content = bytearray(path.read_bytes())
    for page in range(4, len(content) // 4096):
        content[page * 4096 : page * 4096 + 64] = b"\xff" * 64
    path.write_bytes(content)
    result = desk.run("backfill")
    assert result.code == ExitCode.USAGE
    assert "state.db" in result.err
    assert "malformed" in result.err


def test_a_newer_state_is_refused(desk: Workspace, harness: Harness) -> None:
    path = harness.folder / "state.db"
    with closing(sqlite3.connect(path)) as state, state:
        state.execute("UPDATE alembic_version SET version_num = '9999'")
    before = path.read_bytes()
    result = desk.run("backfill")
    assert (result.code, "newer sync_worker" in result.err) == (ExitCode.USAGE, True)
    assert path.read_bytes() == before


RELEASED_SCHEMAS = ["0001"]


@pytest.fixture(params=RELEASED_SCHEMAS)
def old_state(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A state of an earlier release with a row in every table."""
    path = tmp_path / "old.db"
    engine = create_engine(f"sqlite:///{path}")
    config = migrate.alembic_config()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, request.param)
        for table in (
            connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'table' AND name <> 'alembic_version'")).scalars().all()
        ):
            columns = connection.execute(text(f"PRAGMA table_info({table})")).all()
            values = ", ".join(
                "7" if column.type in {"BIGINT", "INTEGER"} else "0" if column.type == "BOOLEAN" else "'{}'" for column in columns
            )
            connection.execute(text(f"INSERT INTO {table} VALUES ({values})"))  # noqa: S608 -- the tables of the state
        connection.execute(text("UPDATE addresses SET email = 'further'"))  # the contact's own address is now stored only in its row
    engine.dispose()
    return path


def read_tables(path: Path, tables: list[str] | None = None) -> dict[str, list[tuple[object, ...]]]:
    with closing(sqlite3.connect(path)) as state:
        names = tables or [name for (name,) in state.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: state.execute(f"SELECT * FROM {name}").fetchall() for name in names if name != "alembic_version"}  # noqa: S608 -- the tables of the state


def test_a_state_of_every_release_is_migrated_without_loss(old_state: Path) -> None:
    before = read_tables(old_state)
    open_store(f"sqlite:///{old_state}").close()
    approvals = before.pop("approvals", [])  # moved to the log of the model
    rejections = before.pop("rejections")  # of the properties; they are in parts now
    after = read_tables(old_state, [*before, "model_revisions", "rejections"])
    after["meta"] = [row for row in after["meta"] if row[0] != "changes"]  # counts transactions, that of the migration too
    assert [(row[0], *row[2:5]) for row in after.pop("rejections") if row[1] == "properties"] == [row[:4] for row in rejections]
    assert [(row[3], row[1], row[5]) for row in after.pop("model_revisions")] == approvals
    assert {name: [row[: len(before[name][0])] for row in rows] for name, rows in after.items()} == before
    with closing(sqlite3.connect(old_state)) as state:
        assert state.execute("SELECT version_num FROM alembic_version").fetchone() == (LATEST_REVISION,)


def test_a_failed_migration_changes_nothing(old_state: Path) -> None:
    with closing(sqlite3.connect(old_state)) as state, state:
        state.execute("CREATE TABLE replaced_members (x)")  # conflicts with a later migration
    before = read_tables(old_state)
    with pytest.raises(StateError, match="already exists"):
        open_store(f"sqlite:///{old_state}")
    assert read_tables(old_state) == before
    with closing(sqlite3.connect(old_state)) as state:
        assert state.execute("SELECT version_num FROM alembic_version").fetchone() == (RELEASED_SCHEMAS[-1],)
