"""A state that cannot be used or that breaks is a clear stop, and nothing is damaged."""

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

pytestmark = pytest.mark.skipif(POSTGRES_URL is not None, reason="about files of SQLite")


@pytest.fixture
def desk(harness: Harness) -> Workspace:
    harness.setup()  # the state is there
    place = {"HUBSPOT_BASE_URL": harness.server.base_url, "HUBSPOT_ACCESS_TOKEN": harness.server.token}
    return Workspace(folder=harness.folder, environment={**place, "SYNC_WORKER_MODEL": str(harness.folder / "model.yaml")})


def is_intact(path: Path) -> bool:
    with closing(sqlite3.connect(path)) as state:
        return state.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_disk_that_fills_up_in_the_middle_stops_the_run_and_the_next_one_goes_on(desk: Workspace, harness: Harness) -> None:
    for number in range(300):
        harness.create_contact(email=f"more-{number}@example.com", jobtitle="x" * 3_000)
    room = (harness.folder / "state.db").stat().st_size + 200_000

    def limit_disk() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))

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


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_state_that_became_read_only_stops_the_run(desk: Workspace, harness: Harness) -> None:
    (harness.folder / "state.db").chmod(0o400)
    harness.folder.chmod(0o500)
    said = desk.run("backfill")
    harness.folder.chmod(0o700)
    assert (said.code, "state.db" in said.err) == (ExitCode.USAGE, True)


@pytest.mark.skipif(not Path("/sys/kernel").exists(), reason="no such place here")
def test_an_unwritable_path_is_named_and_no_request_is_sent(desk: Workspace, harness: Harness) -> None:
    before = harness.digest()
    said = desk.run("backfill", SYNC_WORKER_STATE_URL="sqlite:////sys/kernel/state.db")
    assert said.code == ExitCode.USAGE
    assert "/sys/kernel/state.db" in said.err
    assert "SYNC_WORKER_STATE_URL" in said.err
    assert harness.digest() == before


def test_pages_that_are_torn_stop_the_run_with_the_place_and_stay_as_they_are(desk: Workspace, harness: Harness) -> None:
    harness.backfill()
    path = harness.folder / "state.db"
    content = bytearray(path.read_bytes())
    for page in range(4, len(content) // 4096):
        content[page * 4096 : page * 4096 + 64] = b"\xff" * 64
    path.write_bytes(content)
    said = desk.run("backfill")
    assert said.code == ExitCode.USAGE
    assert "state.db" in said.err
    assert "malformed" in said.err


def test_a_newer_state_is_refused(desk: Workspace, harness: Harness) -> None:
    path = harness.folder / "state.db"
    with closing(sqlite3.connect(path)) as state, state:
        state.execute("UPDATE alembic_version SET version_num = '9999'")
    before = path.read_bytes()
    said = desk.run("backfill")
    assert (said.code, "newer sync_worker" in said.err) == (ExitCode.USAGE, True)
    assert path.read_bytes() == before


RELEASED_SCHEMAS = ["0001"]


@pytest.fixture(params=RELEASED_SCHEMAS)
def old_state(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A state as an earlier release made it, with something in every table that it had."""
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
            connection.execute(text(f"INSERT INTO {table} VALUES ({values})"))  # noqa: S608 -- its own tables
        connection.execute(text("UPDATE addresses SET email = 'further'"))  # a contact's own stands in its row alone by now
    engine.dispose()
    return path


def read_tables(path: Path, tables: list[str] | None = None) -> dict[str, list[tuple[object, ...]]]:
    with closing(sqlite3.connect(path)) as state:
        names = tables or [name for (name,) in state.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: state.execute(f"SELECT * FROM {name}").fetchall() for name in names if name != "alembic_version"}  # noqa: S608 -- the same


def test_a_state_of_every_release_is_brought_forward_with_everything_in_it(old_state: Path) -> None:
    before = read_tables(old_state)
    open_store(f"sqlite:///{old_state}").close()
    after = read_tables(old_state, list(before))
    assert {name: [row[: len(before[name][0])] for row in rows] for name, rows in after.items()} == before
    with closing(sqlite3.connect(old_state)) as state:
        assert state.execute("SELECT version_num FROM alembic_version").fetchone() == (LATEST_REVISION,)


def test_a_migration_that_fails_leaves_the_state_as_it_was(old_state: Path) -> None:
    with closing(sqlite3.connect(old_state)) as state, state:
        state.execute("CREATE TABLE replaced_members (x)")  # in the way of a later step
    before = read_tables(old_state)
    with pytest.raises(StateError, match="already exists"):
        open_store(f"sqlite:///{old_state}")
    assert read_tables(old_state) == before
    with closing(sqlite3.connect(old_state)) as state:
        assert state.execute("SELECT version_num FROM alembic_version").fetchone() == (RELEASED_SCHEMAS[-1],)
