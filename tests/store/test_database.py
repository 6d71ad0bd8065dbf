from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, make_url, select, text
from sqlalchemy.exc import DBAPIError, OperationalError

from sync_worker.errors import ExitCode, StateBusy, StateError, SyncWorkerError, UnexpectedValue
from sync_worker.store import database, verdicts
from sync_worker.store.database import Store, dialect_insert, execute_many, open_store, upsert_rows
from sync_worker.store.saved_state import key_value
from sync_worker.store.schema import contact_emails, contacts, forms
from tests.store.database_factories import POSTGRES_URL, temporary_state_url
from tests.store.row_factories import VERDICT_KEY, make_verdict_row, save_contacts, save_verdicts

on_sqlite = pytest.mark.skipif(POSTGRES_URL is not None, reason="the test is about SQLite files")


def read_pragma(store: database.Store, name: str) -> object:
    with store.transaction() as tx:
        return tx.execute(text(f"PRAGMA {name}")).scalar()


def test_a_rehearsal_shows_its_writes_and_leaves_none(tmp_path: Path) -> None:
    with temporary_state_url(tmp_path, is_migrated=True) as url:
        store = open_store(url)
        with store.rehearse():
            for value in ("first", "second"):
                with store.transaction() as tx:
                    key_value.put(tx, "key", value)
            with store.transaction() as tx:
                assert key_value.get(tx, "key") == "second"
        with pytest.raises(ZeroDivisionError), store.rehearse(), store.transaction() as tx:
            key_value.put(tx, "key", str(1 // 0))
        with store.transaction() as tx:
            key_value.put(tx, "other", "kept")
        store.close()
        reopened = open_store(url)
        with reopened.transaction() as tx:
            assert (key_value.get(tx, "key"), key_value.get(tx, "other")) == (None, "kept")
        reopened.close()


@on_sqlite
class TestNewState:
    """A file that did not exist."""

    def test_no_other_user_may_read_it_or_its_journal(self, tmp_path: Path) -> None:
        before = os.umask(0)
        try:
            store = open_store(f"sqlite:///{tmp_path / 'state.db'}")
        finally:
            os.umask(before)
        with store.transaction() as tx:
            key_value.put(tx, "key", "value")
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
        store.close()
        assert modes == {"state.db": 0o600, "state.db-wal": 0o600, "state.db-shm": 0o600}

    def test_readers_do_not_wait_for_the_writer(self, tmp_path: Path) -> None:
        url = f"sqlite:///{tmp_path / 'state.db'}"
        writer, reader = open_store(url), open_store(url)
        assert read_pragma(writer, "journal_mode") == "wal"
        with writer.transaction() as writing:
            key_value.put(writing, "key", "new")
            with reader.transaction() as reading:
                assert key_value.get(reading, "key") is None
        writer.close()
        reader.close()

    def test_its_content_is_there_when_it_is_opened_again(self, tmp_path: Path) -> None:
        url = f"sqlite:///{tmp_path / 'state.db'}"
        first = open_store(url)
        with first.transaction() as tx:
            key_value.put(tx, "key", {"a": [1, None, "ü"]})
        first.close()
        second = open_store(url)
        with second.transaction() as tx:
            assert key_value.get(tx, "key") == {"a": [1, None, "ü"]}
        second.close()


def other_database(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE customers (id INTEGER)")
    connection.close()


def other_alembic_database(path: Path) -> None:
    other_database(path)
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
    connection.close()


def large_database(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        for name in "abcdef":
            connection.execute(f"CREATE TABLE {name} (id INTEGER)")
    connection.close()


def text_file(path: Path) -> None:
    path.write_text("Dear diary, today I was not a database.\n" * 40)


def short_file(path: Path) -> None:
    path.write_bytes(b"\x00\x01")


def newer_state(path: Path) -> None:
    open_store(f"sqlite:///{path}").close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def corrupt_state(path: Path) -> None:
    open_store(f"sqlite:///{path}").close()
    content = path.read_bytes()
    path.write_bytes(content[:100] + b"\xff" * 4_000 + content[4_100:])


@on_sqlite
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (other_database, "is a database of another program: it has the tables customers"),
        (large_database, "is a database of another program: it has the tables a, b, c, d, e."),
        (other_alembic_database, "is a database of another program"),
        (text_file, "this file is not a state of sync_worker"),
        (short_file, "this file is not a state of sync_worker"),
        (newer_state, "was written by a newer sync_worker (schema 9999)"),
        (corrupt_state, "malformed"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_database_that_is_not_a_state_is_refused_and_unchanged(tmp_path: Path, make: Callable[[Path], None], message: str) -> None:
    path = tmp_path / "state.db"
    make(path)
    before = {each.name: each.read_bytes() for each in tmp_path.iterdir()}
    with pytest.raises(StateError) as refused:
        open_store(f"sqlite:///{path}")
    assert message in refused.value.message
    assert str(path) in refused.value.message
    assert refused.value.hint is not None
    assert "SYNC_WORKER_STATE_URL" in refused.value.hint
    assert refused.value.exit_code == ExitCode.USAGE
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == before


@on_sqlite
class TestUnusablePath:
    """The error names the path and has a hint; no file is created."""

    def opening_error(self, path: Path) -> StateError:
        with pytest.raises(StateError) as refused:
            open_store(f"sqlite:///{path}")
        assert str(path) in refused.value.message
        assert refused.value.hint is not None
        return refused.value

    def test_a_folder(self, tmp_path: Path) -> None:
        assert "directory" in self.opening_error(tmp_path).message.lower()
        assert list(tmp_path.iterdir()) == []

    def test_a_missing_folder(self, tmp_path: Path) -> None:
        self.opening_error(tmp_path / "nowhere" / "state.db")
        assert list(tmp_path.iterdir()) == []

    def test_a_path_below_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        self.opening_error(tmp_path / "file" / "state.db")

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
    def test_a_read_only_folder(self, tmp_path: Path) -> None:
        tmp_path.chmod(0o500)
        self.opening_error(tmp_path / "state.db")
        tmp_path.chmod(0o700)

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
    def test_a_full_disk(self) -> None:
        self.opening_error(Path("/dev/full"))


def test_an_unknown_database_is_named_without_its_password() -> None:
    with pytest.raises(StateError) as refused:
        open_store("postgres://user:secret@host/name")
    assert refused.value.message == "SYNC_WORKER_STATE_URL is not a database URL that the worker supports: postgres."
    assert "postgresql+psycopg://" in str(refused.value.hint)


@pytest.mark.parametrize("url", ["", "state.db", "mysqlite:///x", "sqlite:/x/y", "oracle+nothing://x"])
def test_an_invalid_url_is_refused_with_examples(url: str) -> None:
    with pytest.raises(StateError) as refused:
        open_store(url)
    assert refused.value.message.startswith("SYNC_WORKER_STATE_URL is not a database URL")
    assert "sqlite:///" in str(refused.value.hint)


def test_an_error_shows_no_password() -> None:
    with pytest.raises(StateBusy) as refused:
        open_store("postgresql+psycopg://worker:secret@127.0.0.1:1/name?connect_timeout=1")
    assert "secret" not in str(refused.value)
    assert "127.0.0.1:1" in refused.value.message


def test_a_failed_transaction_is_rolled_back(tmp_path: Path) -> None:
    with temporary_state_url(tmp_path) as url:
        store = open_store(url)
        with pytest.raises(ZeroDivisionError), store.transaction() as tx:
            write_then_fail(tx)
        with store.transaction() as tx:
            assert key_value.get(tx, "key") is None
        store.close()


@pytest.mark.parametrize("number", [0, 1, 99, 100, 101, 350])
def test_any_number_of_rows_is_written(tx: Connection, number: int) -> None:
    statement = dialect_insert(tx.dialect.name, forms).on_conflict_do_nothing(index_elements=["id"])
    rows = [(f"({row}) VALUES", str(row)) for row in range(number)]
    assert execute_many(tx, statement, ("name", "id"), rows) == number
    assert execute_many(tx, statement, ("name", "id"), [*rows, ("new", "new")]) == 1
    assert {(name, id_) for id_, name in tx.execute(select(forms.c.id, forms.c.name))} == {*rows, ("new", "new")}


@pytest.mark.parametrize("number", [20, 120], ids=["few rows", "many rows"])
def test_rows_written_together_equal_rows_written_one_by_one(tx: Connection, number: int) -> None:
    texts = ("plain", "tab\tnew line\nback\\slash \\N", "quote ' \" %s {0}", "", None)
    rows = [(id_, texts[id_ % 5], id_ % 2 == 0, id_ * 2**40) for id_ in range(number)]
    insert = dialect_insert(tx.dialect.name, contacts).values(facts="{}", shown="{}", revision=1, sweep=0)
    newer = insert.on_conflict_do_update(
        index_elements=["id"],
        set_={"email": insert.excluded.email, "gone": insert.excluded.gone},
        where=insert.excluded.updated_at > contacts.c.updated_at,
    )
    columns = ("id", "email", "gone", "updated_at")
    written = [execute_many(tx, newer, columns, rows), execute_many(tx, newer, columns, rows)]
    assert written == [number, 0]
    stored = tx.execute(select(contacts.c[columns]).order_by(contacts.c.id)).all()
    assert stored == rows
    assert execute_many(tx, newer, columns, [(id_, "new", False, 2**62) for id_ in [*range(number), 0]]) == number + 1  # one row twice


def write_then_fail(tx: Connection) -> None:
    key_value.put(tx, "key", "value")
    raise ZeroDivisionError


@on_sqlite
def test_an_error_during_use_names_the_state(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    store = open_store(f"sqlite:///{path}")
    with sqlite3.connect(path) as other:
        other.execute("DROP TABLE meta")
    other.close()
    with pytest.raises(StateError, match=r"state\.db: no such table: meta"), store.transaction() as tx:
        key_value.get(tx, "key")
    store.close()


@on_sqlite
def test_an_error_shows_no_value_of_a_row(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'state.db'}")
    with pytest.raises(DBAPIError) as failed, store.connection.begin():
        store.connection.execute(text("INSERT INTO meta (nothing) VALUES (:address)"), {"address": "anna@example.com"})
    store.close()
    assert "anna@example.com" not in str(failed.value)


def test_another_thread_may_use_the_store(tmp_path: Path) -> None:
    def write(store: Store) -> None:
        with store.transaction() as tx:
            key_value.put(tx, "key", "from a thread")

    with temporary_state_url(tmp_path) as url, ThreadPoolExecutor(1) as pool:
        store = open_store(url)
        pool.submit(write, store).result()
        with store.transaction() as tx:
            assert key_value.get(tx, "key") == "from a thread"
        store.close()


@on_sqlite
def test_a_vacuumed_file_has_no_trace_of_deleted_rows(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'state.db'}")
    with store.transaction() as tx:
        key_value.put(tx, "key", "anna@example.com")
    with store.transaction() as tx:
        tx.execute(text("DELETE FROM meta"))
    store.vacuum()
    files = [path.read_bytes() for path in tmp_path.iterdir()]
    store.close()
    assert not any(b"anna@example.com" in content for content in files)


class TestDryRun:
    """A dry run writes verdicts into temporary tables."""

    def test_the_saved_verdicts_are_unchanged(self, tmp_path: Path) -> None:
        with temporary_state_url(tmp_path) as url:
            real = open_store(url)
            with real.transaction() as tx:
                save_contacts(tx, 1, 2)
                save_verdicts(tx, make_verdict_row(1, score=5))
            dry_run = open_store(url)
            dry_run.begin_dry_run()
            with dry_run.transaction() as tx:
                save_verdicts(tx, make_verdict_row(1, score=7), make_verdict_row(2, score=8))
                assert scores(tx) == [7, 8]
                assert verdicts.select_due(tx, VERDICT_KEY, after=0, limit=9) == {}
            dry_run.close()
            with real.transaction() as tx:
                assert scores(tx) == [5]
                assert verdicts.select_due(tx, VERDICT_KEY, after=0, limit=9).keys() == {2}
            real.close()

    def test_all_other_writes_are_kept(self, tmp_path: Path) -> None:
        with temporary_state_url(tmp_path) as url:
            dry_run = open_store(url)
            dry_run.begin_dry_run()
            with dry_run.transaction() as tx:
                key_value.put(tx, "key", "value")
            dry_run.close()
            real = open_store(url)
            with real.transaction() as tx:
                assert key_value.get(tx, "key") == "value"
            real.close()


def scores(tx: Connection) -> list[int]:
    return sorted(row.score for row in verdicts.count_by_score(tx))


class TestUpsert:
    """Rows replace those with the same key."""

    def test_the_last_row_wins(self, tx: Connection) -> None:
        upsert_rows(tx, forms, [{"id": "1", "name": "Demo"}, {"id": "2", "name": "News"}])
        upsert_rows(tx, forms, [{"id": "2", "name": "Newsletter"}])
        assert dict(tx.execute(forms.select()).all()) == {"1": "Demo", "2": "Newsletter"}

    def test_rows_without_other_columns_are_written_once(self, tx: Connection) -> None:
        for _ in range(2):
            upsert_rows(tx, contact_emails, [{"email": "a@example.com", "contact_id": 1}])
        assert len(tx.execute(contact_emails.select()).all()) == 1

    def test_no_rows_are_no_error(self, tx: Connection) -> None:
        upsert_rows(tx, forms, [])
        assert tx.execute(forms.select()).all() == []


@on_sqlite
class TestReadOnlyState:
    """A file that cannot be written."""

    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        path = tmp_path / "state.db"
        store = open_store(f"sqlite:///{path}")
        with store.transaction() as tx:
            key_value.put(tx, "key", "value")
        store.close()
        return path

    def assert_reads_only(self, url: str, path: Path) -> None:
        files = sorted(each.name for each in path.parent.iterdir())
        store = open_store(url)
        assert (store.is_read_only, store.location) == (True, str(path))
        with store.transaction() as tx:
            assert key_value.get(tx, "key") == "value"
        with pytest.raises(StateError, match=r"readonly.*writable"), store.transaction() as tx:
            key_value.put(tx, "key", "other")
        store.begin_dry_run()  # its copies are temporary
        store.close()
        assert sorted(each.name for each in path.parent.iterdir()) == files

    def test_it_is_read_without_a_new_file(self, path: Path) -> None:
        self.assert_reads_only(f"sqlite:///file:{path}?mode=ro", path)

    def test_it_is_read_while_another_process_writes(self, path: Path) -> None:
        writer = open_store(f"sqlite:///{path}")
        with writer.transaction() as tx:
            key_value.put(tx, "key", "value")
        self.assert_reads_only(f"sqlite:///file:{path}?mode=ro", path)
        writer.close()

    @pytest.mark.skipif(os.geteuid() == 0, reason="root can write to all files")
    @pytest.mark.parametrize("name", ["state.db", ""])
    def test_missing_permissions_are_noticed(self, path: Path, name: str) -> None:
        place = path.parent / name
        before = stat.S_IMODE(place.stat().st_mode)
        place.chmod(before & ~0o222)
        try:
            self.assert_reads_only(f"sqlite:///{path}", path)
        finally:
            place.chmod(before)


class PostgresError(Exception):
    """An error of psycopg, which marks its class by its module."""

    __module__ = "psycopg"

    def __init__(self, message: str, sqlstate: str | None = None) -> None:
        super().__init__(message)
        self.sqlstate = sqlstate


@pytest.mark.parametrize(
    ("message", "state", "exit_code"),
    [
        ("connection failed: Connection refused", None, ExitCode.TRY_AGAIN),
        ("failed to resolve host 'db': Name or service not known", None, ExitCode.TRY_AGAIN),
        ("connection timeout expired", None, ExitCode.TRY_AGAIN),
        ("connection failed: FATAL:  the database system is starting up", None, ExitCode.TRY_AGAIN),
        ("connection failed: FATAL:  sorry, too many clients already", None, ExitCode.TRY_AGAIN),
        ("terminating connection due to administrator command", "57P01", ExitCode.TRY_AGAIN),
        ("canceling statement due to lock timeout", "55P03", ExitCode.TRY_AGAIN),
        ('connection failed: FATAL:  password authentication failed for user "x"', None, ExitCode.USAGE),
        ('connection failed: FATAL:  database "x" does not exist', None, ExitCode.USAGE),
        ("cannot execute INSERT in a read-only transaction", "25006", ExitCode.USAGE),
        ("permission denied for table runs", "42501", ExitCode.USAGE),
    ],
)
def test_a_database_that_cannot_be_reached_is_a_reason_to_try_again(message: str, state: str | None, exit_code: ExitCode) -> None:
    url = make_url("postgresql+psycopg://worker@db/state")
    with pytest.raises(SyncWorkerError) as failed, database.translate_db_errors(url):
        raise OperationalError("SELECT 1", {}, PostgresError(message, state))
    assert failed.value.exit_code == exit_code
    assert "worker@db" in str(failed.value)


@pytest.mark.parametrize("value", [2**63, "a\x00b"], ids=["int", "null character"])
def test_a_value_that_the_database_refuses_among_many_rows_is_not_an_error_of_the_state(module_store: Store, value: object) -> None:
    rows = [(number, 1, "{}", "{}", 1, 0, False) for number in range(100)]
    columns = ("id", "updated_at", "facts", "shown", "revision", "sweep", "gone")
    changed = (100, value, "{}", "{}", 1, 0, False) if isinstance(value, int) else (100, 1, value, "{}", 1, 0, False)
    insert = dialect_insert(module_store.connection.dialect.name, contacts)
    if module_store.connection.dialect.name == "sqlite" and isinstance(value, str):
        pytest.skip("SQLite saves the null character")
    with pytest.raises(UnexpectedValue), module_store.transaction() as tx:
        execute_many(tx, insert, columns, [*rows, changed])
    with module_store.transaction() as tx:
        assert tx.execute(select(func.count()).select_from(contacts)).scalar() == 0


@pytest.mark.parametrize("value", [2**63, ["x"], {"a": 1}, object()], ids=["int", "list", "dict", "object"])
def test_a_value_that_the_database_refuses_is_not_an_error_of_the_state(module_store: Store, value: object) -> None:
    with pytest.raises(UnexpectedValue, match="HubSpot returned a value") as refused, module_store.transaction() as tx:
        tx.exec_driver_sql(PLACEHOLDER[tx.dialect.name], (value,))
    assert "SYNC_WORKER_STATE_URL" not in str(refused.value)


PLACEHOLDER = {"sqlite": "INSERT INTO coverage VALUES ('x', 1, ?)", "postgresql": "INSERT INTO coverage VALUES ('x', 1, %s)"}
