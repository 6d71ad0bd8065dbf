"""The state for reading only."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from sync_worker.errors import StateError
from sync_worker.store import runs, verdicts
from sync_worker.store.database import open_store
from sync_worker.store.reader import open_reader
from tests.store.database_factories import POSTGRES_URL, temporary_state_url


def test_a_reader_sees_each_commit_and_can_write_nothing(tmp_path: Path) -> None:
    with temporary_state_url(tmp_path) as url, closing(open_store(url)) as store, closing(open_reader(url)) as reader:
        with store.transaction() as tx:
            runs.start(tx, "r1", "sync", at=1)
        with reader.transaction() as tx:
            assert [run.id for run in runs.load_recent(tx)] == ["r1"]
            assert verdicts.select_contact(tx, 1) == {}  # fills a temporary table
        with pytest.raises(StateError, match=r"read-?only"), reader.transaction() as tx:
            runs.start(tx, "r2", "sync", at=2)
        with store.transaction() as tx:
            assert len(runs.load_recent(tx)) == 1


def test_a_wrong_address_is_a_sentence() -> None:
    with pytest.raises(StateError, match="is not a database URL"):
        open_reader("no address")


@pytest.mark.skipif(POSTGRES_URL is not None, reason="PostgreSQL has no file")
def test_another_process_does_not_delete_the_journal_of_open_connections(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    with closing(open_store(f"sqlite:///{path}")) as store:
        with store.transaction() as tx:
            runs.start(tx, "r1", "sync", at=1)
        open_store(f"sqlite:///{path}").close()  # a second connection of this process, such as that of the lease
        code = "import sqlite3, sys; db = sqlite3.connect(sys.argv[1]); db.execute('SELECT count(*) FROM runs'); db.close()"
        subprocess.run([sys.executable, "-c", code, str(path)], check=True)
        assert path.with_name("state.db-wal").exists()
        with closing(open_reader(f"sqlite:///{path}")) as reader, reader.transaction() as tx:
            assert [run.id for run in runs.load_recent(tx)] == ["r1"]
