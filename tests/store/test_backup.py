"""Backups of the state file: complete under writes, verified, restored."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from sync_worker.errors import StateError
from sync_worker.store.backup import create_backup, restore_backup, verify_backup
from sync_worker.store.database import LATEST_REVISION, open_store
from tests.store.row_factories import save_contacts


def make_state(path: Path, *contacts: int) -> str:
    url = f"sqlite:///{path}"
    with closing(open_store(url)) as store, store.transaction() as tx:
        save_contacts(tx, *contacts)
    return url


def count_contacts(path: Path) -> int:
    with closing(sqlite3.connect(path)) as state:
        return int(state.execute("SELECT count(*) FROM contacts").fetchone()[0])


def test_a_backup_holds_what_was_committed_and_is_private(tmp_path: Path) -> None:
    url = make_state(tmp_path / "state.db", 1, 2, 3)
    summary = create_backup(url, tmp_path / "backup.db")
    assert (summary.contacts, summary.schema, summary.file) == (3, LATEST_REVISION, tmp_path / "backup.db")
    assert (tmp_path / "backup.db").stat().st_mode & 0o777 == 0o600
    assert not list(tmp_path.glob("*.partial"))


def test_a_backup_under_writes_is_one_snapshot(tmp_path: Path) -> None:
    url = make_state(tmp_path / "state.db")
    stop, written = threading.Event(), []

    def write() -> None:
        with closing(open_store(url)) as store:
            while not stop.is_set():
                with store.transaction() as tx:  # two contacts in each transaction
                    save_contacts(tx, 2 * len(written) + 1, 2 * len(written) + 2)
                written.append(1)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        while len(written) < 5:
            assert writer.is_alive()
        counts = [create_backup(url, tmp_path / f"backup-{number}.db").contacts for number in range(3)]
    finally:
        stop.set()
        writer.join()
    assert counts == sorted(counts)
    assert counts[0] >= 10
    assert all(count % 2 == 0 for count in counts)


def test_a_backup_replaces_no_file(tmp_path: Path) -> None:
    url = make_state(tmp_path / "state.db", 1)
    with pytest.raises(StateError, match=r"state.db exists"):
        create_backup(url, tmp_path / "state.db")
    with pytest.raises(StateError, match="cannot be written"):
        create_backup(url, tmp_path / "missing" / "backup.db")


def test_a_state_that_cannot_be_read_is_the_culprit(tmp_path: Path) -> None:
    (tmp_path / "state.db").write_bytes(b"no database" * 100)
    (tmp_path / "backup.db.partial-journal").write_bytes(b"left behind by SQLite on a full disk")
    with pytest.raises(StateError, match=r"state\.db cannot be read: file is not a database"):
        create_backup(f"sqlite:///{tmp_path / 'state.db'}", tmp_path / "backup.db")
    assert [file.name for file in tmp_path.iterdir()] == ["state.db"]


@pytest.mark.parametrize("damage", ["truncated", "overwritten", "other", "absent"])
def test_a_damaged_backup_is_named_and_restores_nothing(tmp_path: Path, damage: str) -> None:
    url = make_state(tmp_path / "state.db", *range(1, 2000))
    backup = tmp_path / "backup.db"
    create_backup(url, backup)
    content = bytearray(backup.read_bytes())
    if damage == "truncated":
        backup.write_bytes(content[: len(content) // 2])
    elif damage == "overwritten":
        content[len(content) // 2 : len(content) // 2 + 8192] = b"x" * 8192
        backup.write_bytes(content)
    elif damage == "other":
        backup.unlink()
        sqlite3.connect(backup).execute("CREATE TABLE other (id)").connection.close()
    else:
        backup.unlink()
    with pytest.raises(StateError, match=r"backup\.db"):
        verify_backup(backup)
    with pytest.raises(StateError, match=r"backup\.db"):
        restore_backup(url, backup)
    assert count_contacts(tmp_path / "state.db") == 1999


def test_a_restored_state_is_the_backup_and_the_earlier_one_is_kept(tmp_path: Path) -> None:
    url = make_state(tmp_path / "state.db", 1, 2)
    create_backup(url, tmp_path / "backup.db")
    make_state(tmp_path / "state.db", 3, 4, 5)
    summary = restore_backup(url, tmp_path / "backup.db")
    assert count_contacts(tmp_path / "state.db") == 2
    assert summary.replaced is not None
    assert count_contacts(summary.replaced) == 5
    assert (tmp_path / "state.db").stat().st_mode & 0o777 == 0o600
    make_state(tmp_path / "state.db", 6)
    assert count_contacts(tmp_path / "state.db") == 3


def test_a_lost_state_is_restored(tmp_path: Path) -> None:
    create_backup(make_state(tmp_path / "state.db", 1, 2), tmp_path / "backup.db")
    summary = restore_backup(f"sqlite:///{tmp_path / 'new.db'}", tmp_path / "backup.db")
    assert (count_contacts(tmp_path / "new.db"), summary.replaced) == (2, None)


def test_postgresql_has_its_own_tools(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="pg_dump"):
        create_backup("postgresql+psycopg://user@localhost/name", tmp_path / "backup.db")


def test_a_second_restore_keeps_both_earlier_states(tmp_path: Path) -> None:
    url = make_state(tmp_path / "state.db", 1)
    create_backup(url, tmp_path / "backup.db")
    make_state(tmp_path / "state.db", 2, 3)
    first, second = (restore_backup(url, tmp_path / "backup.db").replaced for _ in range(2))
    assert first is not None
    assert second is not None
    assert [count_contacts(path) for path in (first, second)] == [3, 1]


def test_a_copy_without_its_journal_is_no_backup(tmp_path: Path) -> None:
    url = make_state(tmp_path / "state.db", 1)
    create_backup(url, tmp_path / "copy.db")
    (tmp_path / "copy.db-wal").write_bytes(b"pages")
    with pytest.raises(StateError, match=r"copy\.db-wal"):
        restore_backup(url, tmp_path / "copy.db")
