"""The state database: opens, checks and migrates it, and writes rows in bulk."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from itertools import chain
from operator import itemgetter
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Column, Connection, Engine, Index, MetaData, Table, Update, create_engine, event, inspect, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, NoSuchModuleError, OperationalError, SQLAlchemyError
from sqlalchemy.pool import StaticPool
from sqlalchemy.sql.compiler import SQLCompiler

from sync_worker.errors import MissingExtra, StateBusy, StateError, UnexpectedValue, explain_extra
from sync_worker.resource_errors import HANDLES_HINT, ResourceExhausted
from sync_worker.store import bulk_copy, change_counter, schema

Insert = sqlite.Insert | postgresql.Insert
ROWS_PER_STATEMENT: Final = 100  # SQLite releases the GIL for every statement; if other threads wait for it, many small ones are slow
#: How drivers name a parameter of a type that they do not know, or a text that is too long for an index.
UNEXPECTED_VALUE_PHRASES: Final = ("binding parameter", "cannot adapt type", "index row")
UNEXPECTED_VALUE_HINT: Final = "The state is not damaged. HubSpot may have changed its API; run again later, and report it if it persists."
LOCK_TIMEOUT_SECONDS: Final = 30  # how long SQLite waits for another process that writes
READ_ONLY_PARAMETER: Final = "mode"  # in the URL of a SQLite file that cannot be written
# A database that does not respond is noticed: seconds until it accepts a connection, of silence before a probe, between probes.
POSTGRES_OPTIONS: Final[Mapping[str, object]] = {
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,  # milliseconds until a statement that the network does not deliver fails
}
# SQLSTATE classes of PostgreSQL: connection exception, insufficient resources, operator intervention; and the code of a lock timeout.
UNAVAILABLE_STATES: Final = ("08", "53", "57", "55P03")
# libpq has no SQLSTATE for a failed connection; these texts of the server mean a wrong URL, all others that it cannot be reached.
REFUSAL_PATTERN: Final = re.compile(
    r'authentication failed|(?:database|role) ".*" does not exist|no pg_hba\.conf entry|no password supplied'
)


class Store:
    """One connection to the state, for one thread at a time.

    All functions of the store take the connection of an open transaction, so that rows are committed together with the coverage that marks
    them as read. A run sets `fence`, which each transaction calls before its commit: it raises an error if the run has lost its lease.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.fence: Callable[[Connection], None] | None = None
        self.connection: Connection = engine.connect()
        self.is_read_only = READ_ONLY_PARAMETER in engine.url.query
        self._is_rehearsal = False
        if engine.dialect.name == "sqlite" and not self.is_read_only:
            # The mode is saved in the file, so it is set only after the check that the file is a state.
            self.connection.execute(text("PRAGMA journal_mode=WAL"))
            self.connection.rollback()

    @property
    def location(self) -> str:
        """Return the file or the address of the state, without a password."""
        return _describe_url(self._engine.url)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Open a transaction. It is committed at the end of the block and rolled back on an exception."""
        begin = self.connection.begin_nested if self._is_rehearsal else self.connection.begin
        with translate_db_errors(self._engine.url), begin():
            yield self.connection
            if self.fence:
                self.fence(self.connection)

    @contextmanager
    def rehearse(self) -> Iterator[None]:
        """Roll back at the end of the block whatever its transactions have written."""
        with translate_db_errors(self._engine.url), self.connection.begin() as outer:
            if self._engine.dialect.name == "sqlite":
                self.connection.exec_driver_sql("BEGIN")  # without it, the end of the first inner transaction would commit
            self._is_rehearsal = True
            try:
                yield
            finally:
                self._is_rehearsal = False
                outer.rollback()

    @contextmanager
    def separate_transaction(self) -> Iterator[Connection]:
        """Open a transaction on another connection. Any thread may call this."""
        with translate_db_errors(self._engine.url), self._engine.begin() as connection:
            yield connection

    def begin_dry_run(self) -> None:
        """Redirect the writes of verdicts, of tables about MQLs, and of rejections to temporary copies, which the connection drops.

        On this connection, the temporary tables hide the real ones, so the same statements work with both.
        """
        real = inspect(self.connection).default_schema_name
        self.connection.rollback()  # the inspection has started a transaction
        with self.transaction() as tx:
            for table in (
                schema.verdicts,
                schema.shadow_verdicts,
                schema.mql_admissions,
                schema.mql_starts,
                schema.hand_offs,
                schema.rejections,
            ):
                columns = [Column(c.name, c.type, primary_key=c.primary_key, nullable=c.nullable) for c in table.columns]
                copy = Table(table.name, MetaData(), *columns, prefixes=["TEMPORARY"])
                for index in table.indexes:
                    partial = {f"{name}_where": index.dialect_options[name]["where"] for name in ("sqlite", "postgresql")}
                    Index(index.name, *(copy.c[column.name] for column in index.columns), **partial)
                copy.create(tx, checkfirst=False)
                tx.execute(text(f'INSERT INTO {table.name} SELECT * FROM "{real}".{table.name}'))  # noqa: S608 -- the names come from the schema and the database

    def vacuum(self) -> None:
        """Rewrite the SQLite file, so that no free page and no journal contains deleted data. PostgreSQL vacuums by itself."""
        if self._engine.dialect.name != "sqlite":
            return
        with translate_db_errors(self._engine.url), self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM"))
            connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))

    def shrink_cache(self) -> None:
        """Release the pages of the SQLite file that the connection keeps in memory."""
        if self._engine.dialect.name == "sqlite":
            with translate_db_errors(self._engine.url):
                self.connection.execute(text("PRAGMA shrink_memory"))
                self.connection.rollback()

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()
        self._engine.dispose()


@contextmanager
def translate_db_errors(url: URL) -> Iterator[None]:
    """Turn a database error into a StateError, or StateBusy, with a hint for the operator."""
    try:
        yield
    except DBAPIError as error:
        if error.connection_invalidated or _is_unavailable(error):
            raise StateBusy(f"{_describe_url(url)}: {_error_reason(error)}.", hint="Run again when the database is available.") from error
        if _lacks_file_handles(url, error):
            raise ResourceExhausted(f"{_describe_url(url)}: the file cannot be opened once more.", hint=HANDLES_HINT) from error
        if isinstance(error, DataError) or any(phrase in _error_reason(error) for phrase in UNEXPECTED_VALUE_PHRASES):
            raise UnexpectedValue(hint=UNEXPECTED_VALUE_HINT) from error
        raise StateError(
            f"{_describe_url(url)}: {_error_reason(error)}.",
            hint="Check that SYNC_WORKER_STATE_URL is a state of this worker, that it is writable, and that the disk has free space.",
        ) from error
    except (OverflowError, UnicodeEncodeError):  # of the driver: an integer of more than 64 bits, half an emoji
        # The text of the error may quote the value.
        raise UnexpectedValue(hint=UNEXPECTED_VALUE_HINT) from None


def open_store(url: str) -> Store:
    """Open the state at a SQLAlchemy URL. A new state is created and an older one is migrated.

    Raises:
        StateError: The database is not a state, is newer than this program, or cannot be opened.
        MissingExtra: The URL is of PostgreSQL, and its library is not installed.
    """
    try:
        database_url = make_url(url)
        engine = create_store_engine(database_url)
    except (ArgumentError, NoSuchModuleError, ImportError) as error:
        if isinstance(error, ImportError) and error.name == "psycopg":
            raise MissingExtra("SYNC_WORKER_STATE_URL: PostgreSQL needs the library psycopg.", hint=explain_extra("postgres")) from error
        # Only the first part is quoted, because the rest may contain a password.
        unsupported = "" if isinstance(error, ArgumentError) and not isinstance(error, NoSuchModuleError) else url.partition(":")[0]
        raise StateError(
            f"SYNC_WORKER_STATE_URL is not a database URL{unsupported and f' that the worker supports: {unsupported}'}.",
            hint="Examples: sqlite:///sync_worker.db, postgresql+psycopg://user@host/name.",
        ) from error
    try:
        with translate_db_errors(database_url):
            _migrate(engine, database_url)
            return Store(engine)
    except BaseException:
        engine.dispose()
        raise


def dialect_insert(dialect: str, table: Table) -> Insert:
    """Return the INSERT of a dialect that supports ON CONFLICT."""
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)


def insert_rows(connection: Connection, statement: Insert, rows: Sequence[Mapping[str, object]]) -> int:
    """Execute an INSERT of one row for many rows; return how many rows were written. All rows have the same columns."""
    if not rows:
        return 0
    columns = tuple(rows[0])
    values = itemgetter(*columns) if len(columns) > 1 else lambda row: (row[columns[0]],)
    return execute_many(connection, statement, columns, [values(row) for row in rows])


def execute_many(connection: Connection, statement: Insert | Update, columns: tuple[str, ...], rows: Sequence[tuple[object, ...]]) -> int:
    """Execute a statement with the VALUES of one row for many rows of these columns; return how many rows were written.

    The driver executes it: SQLAlchemy would prepare the parameters of each row, which costs several times as much as the database. A
    statement that is created once is compiled once.
    """
    if not rows:
        return 0
    compiled = _compile(statement, connection.engine.url.drivername, columns)
    constants = {name: value for name, value in compiled.params.items() if name not in columns}
    table = statement.table
    if isinstance(statement, Insert) and isinstance(table, Table) and bulk_copy.can_copy(connection, table, columns, rows):
        return bulk_copy.copy_rows(connection, table, compiled, columns, rows, constants=constants)
    names = (*columns, *constants)
    values = [(*row, *constants.values()) for row in rows] if constants else rows
    if not compiled.positional:
        return connection.exec_driver_sql(compiled.string, [dict(zip(names, row, strict=True)) for row in values]).rowcount
    if (order := tuple(compiled.positiontup or ())) != names:
        reorder = itemgetter(*map(names.index, order))
        values = [reorder(row) for row in values]
    return _execute_in_batches(connection, compiled.string, values)


def _execute_in_batches(connection: Connection, statement: str, rows: Sequence[tuple[object, ...]]) -> int:
    """Execute a statement for many rows, `ROWS_PER_STATEMENT` at a time; return how many rows were written."""
    full = len(rows) - len(rows) % ROWS_PER_STATEMENT
    batches = [tuple(chain.from_iterable(rows[start : start + ROWS_PER_STATEMENT])) for start in range(0, full, ROWS_PER_STATEMENT)]
    written = connection.exec_driver_sql(_multi_row_statement(statement), batches).rowcount if batches else 0
    if rest := rows[full:]:
        written += connection.exec_driver_sql(statement, list(rest)).rowcount
    return written


@lru_cache(maxsize=64)
def _multi_row_statement(statement: str) -> str:
    head, values, tail = re.split(r"(?<=VALUES )(\([^()]*\))", statement, maxsplit=1)
    return f"{head}{', '.join([values] * ROWS_PER_STATEMENT)}{tail}"


def upsert_rows(connection: Connection, table: Table, rows: Sequence[Mapping[str, object]]) -> None:
    """Insert rows, or update the rows with the same primary key."""
    if rows:
        insert_rows(connection, _upsert_statement(connection.dialect.name, table, tuple(rows[0])), rows)


def upsert_tuples(connection: Connection, table: Table, columns: tuple[str, ...], rows: Sequence[tuple[object, ...]]) -> None:
    """Insert rows of these columns, or update the rows with the same primary key."""
    execute_many(connection, _upsert_statement(connection.dialect.name, table, columns), columns, rows)


@lru_cache(maxsize=64)
def _upsert_statement(dialect: str, table: Table, columns: tuple[str, ...]) -> Insert:
    statement = dialect_insert(dialect, table)
    keys = [column.name for column in table.primary_key]
    rest = {name: statement.excluded[name] for name in columns if name not in keys}
    if not rest:
        return statement.on_conflict_do_nothing(index_elements=keys)
    return statement.on_conflict_do_update(index_elements=keys, set_=rest)


@lru_cache(maxsize=64)
def _compile(statement: Insert | Update, driver: str, columns: tuple[str, ...]) -> SQLCompiler:
    # By the name of the driver: each engine has a dialect of its own, and a process opens the state often.
    return statement.compile(dialect=URL.create(driver).get_dialect()(), column_keys=list(columns))


def create_store_engine(url: URL) -> Engine:
    """Return an engine with the settings that the state needs; a new SQLite file is readable by its owner only.

    A file that cannot be written is opened for reading; `sqlite:///file:/path?mode=ro` does so in any case.
    """
    if url.get_backend_name() != "sqlite":
        engine = create_engine(url, hide_parameters=True, connect_args={k: v for k, v in POSTGRES_OPTIONS.items() if k not in url.query})
        change_counter.count_changes(engine)
        return engine
    in_memory = url.database in (None, "", ":memory:")
    if not in_memory:
        path = Path(str(url.database).removeprefix("file:"))
        if READ_ONLY_PARAMETER in url.query or is_read_only(path):
            url = _read_only_url(path, url.query)
        else:
            _create_private_file(path)
    engine = create_engine(
        url,
        hide_parameters=True,  # an error message must contain no personal data
        connect_args={"timeout": LOCK_TIMEOUT_SECONDS, "check_same_thread": False},
        **({"poolclass": StaticPool} if in_memory else {}),
    )
    event.listen(engine, "connect", _set_pragmas)
    if READ_ONLY_PARAMETER not in url.query:  # else, only temporary tables can be written
        change_counter.count_changes(engine)
    return engine


def find_missing_file(url: str) -> Path | None:
    """Return the SQLite file of a state if it does not exist, so that `open_store` would create it; None: it need not."""
    with suppress(ArgumentError):  # `open_store` explains it
        parts = make_url(url)
        if parts.get_backend_name() == "sqlite" and parts.database not in (None, "", ":memory:"):
            path = Path(str(parts.database).removeprefix("file:"))
            return None if path.exists() else path
    return None


def is_read_only(path: Path) -> bool:
    """Return whether a SQLite file exists and cannot be written. In a read-only folder, SQLite cannot create its journal."""
    return path.exists() and not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK))


def _read_only_url(path: Path, query: Mapping[str, Any]) -> URL:
    # Without a journal, SQLite would try to create one, unless the file is declared not to change.
    has_journal = path.with_name(f"{path.name}-wal").exists()
    mode = {READ_ONLY_PARAMETER: "ro", "uri": "true"} | ({} if has_journal else {"immutable": "1"})
    return URL.create("sqlite", database=path.absolute().as_uri(), query={**mode, **query})


def _create_private_file(path: Path) -> None:
    # The state contains emails of contacts, so no other user of the machine may read it. The journal files inherit the mode.
    if path.is_file():
        # A close of the file would release the locks of all connections of this process; another process could then delete their journal.
        return
    try:
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise StateError(
            f"{path}: the state file cannot be opened: {error.strerror}.", hint="Set SYNC_WORKER_STATE_URL to another path."
        ) from error


def _set_pragmas(connection: Any, _record: object) -> None:  # noqa: ANN401 -- DBAPI connections have no common type
    cursor = connection.cursor()
    # A full scan writes the same pages many times. With a checkpoint every 32 MB instead of 4, they are copied into the file less often.
    for pragma in ("synchronous=NORMAL", "cache_size=-16384", "temp_store=FILE", "wal_autocheckpoint=8000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _migrate(engine: Engine, url: URL) -> None:
    # The import of Alembic takes a third of a second, so it is imported only for a new or an old state.
    with engine.connect() as connection:
        names = set(inspect(connection).get_table_names())
        if names and not {"alembic_version", "meta"} <= names:
            raise StateError(
                f"{_describe_url(url)} is a database of another program: it has the tables {', '.join(sorted(names)[:5])}.",
                hint="Set SYNC_WORKER_STATE_URL to another database; this one was not changed.",
            )
        version = connection.execute(text("SELECT version_num FROM alembic_version")).scalar() if names else None
    if version == LATEST_REVISION:
        return
    from sync_worker.store import migrate  # noqa: PLC0415 -- the reason is above

    migrate.upgrade(engine, database_name=_describe_url(url), version=version)


#: The newest schema; a test compares it with the newest migration.
LATEST_REVISION: Final = "0021"


def _describe_url(url: URL) -> str:
    if READ_ONLY_PARAMETER in url.query:
        return str(url.database).removeprefix("file://")
    return str(url.database or "the state in memory") if url.get_backend_name() == "sqlite" else url.render_as_string(hide_password=True)


def _is_unavailable(error: DBAPIError) -> bool:
    """Return whether the database cannot be reached or is locked, so that a later run may succeed."""
    state = getattr(error.orig, "sqlstate", None)
    if state is not None:
        return str(state).startswith(UNAVAILABLE_STATES)
    if "locked" in _error_reason(error):
        return True
    is_connection_error = isinstance(error, OperationalError) and type(error.orig).__module__.startswith("psycopg")
    return is_connection_error and not REFUSAL_PATTERN.search(str(error.orig))


def _lacks_file_handles(url: URL, error: DBAPIError) -> bool:
    # SQLite has the same text for a missing folder, a missing permission and a lack of file handles.
    path = Path(str(url.database))
    return "unable to open database file" in _error_reason(error) and path.exists() and not is_read_only(path)


def _error_reason(error: SQLAlchemyError) -> str:
    reason = str(getattr(error, "orig", None) or error).splitlines()[0]
    return {"file is not a database": "this file is not a state of sync_worker"}.get(reason, reason)
