"""The state file: opened, checked to be ours, brought to the newest schema."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from itertools import chain
from operator import itemgetter
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Column, Connection, Engine, Index, MetaData, Table, Update, create_engine, event, inspect, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, Dialect, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import StaticPool
from sqlalchemy.sql.compiler import SQLCompiler

from sync_worker.errors import StateBusy, StateError
from sync_worker.store import schema

Insert = sqlite.Insert | postgresql.Insert
ROWS_PER_STATEMENT: Final = 100  # rows of a statement: at each of its steps SQLite lets go of Python's lock, and who waits for it takes it
LOCK_TIMEOUT_SECONDS: Final = 30  # seconds that a second process waits for the state before it gives up


class Store:
    """One connection to the state; one thread at a time uses it.

    Every method of the room takes the connection of an open transaction, so that rows and the coverage that
    says they were read are committed together.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.connection: Connection = engine.connect()
        if engine.dialect.name == "sqlite":
            # Written into the file's header, so only here, where the file is known to be ours.
            self.connection.execute(text("PRAGMA journal_mode=WAL"))
            self.connection.rollback()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Open one transaction: all of it is kept, or none."""
        with translate_db_errors(self._engine.url), self.connection.begin():
            yield self.connection

    def begin_dry_run(self) -> None:
        """Let verdicts be written to a copy that vanishes with the connection: the dry run's whole secret.

        The temporary tables shadow the real ones on this connection, so the same statements serve both.
        """
        real = inspect(self.connection).default_schema_name
        self.connection.rollback()  # the inspection began a transaction
        with self.transaction() as tx:
            for table in (schema.verdicts, schema.mql_admissions):
                columns = [Column(c.name, c.type, primary_key=c.primary_key, nullable=c.nullable) for c in table.columns]
                copy = Table(table.name, MetaData(), *columns, prefixes=["TEMPORARY"])
                for index in table.indexes:
                    partial = {f"{name}_where": index.dialect_options[name]["where"] for name in ("sqlite", "postgresql")}
                    Index(index.name, *(copy.c[column.name] for column in index.columns), **partial)
                copy.create(tx, checkfirst=False)
                tx.execute(text(f'INSERT INTO {table.name} SELECT * FROM "{real}".{table.name}'))  # noqa: S608 -- names of ours and of the database

    def vacuum(self) -> None:
        """Write the file anew, so that what was deleted is in no free page and no journal of it; PostgreSQL does so in its own time."""
        if self._engine.dialect.name != "sqlite":
            return
        with translate_db_errors(self._engine.url), self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM"))
            connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))

    def close(self) -> None:
        """Close the state."""
        self.connection.close()
        self._engine.dispose()


@contextmanager
def translate_db_errors(url: URL) -> Iterator[None]:
    """Turn what the database says into one sentence and a way out."""
    try:
        yield
    except DBAPIError as error:
        if error.connection_invalidated or "locked" in _error_reason(error):
            raise StateBusy(f"{_describe_url(url)}: {_error_reason(error)}.", hint="Run again when the database answers.") from error
        raise StateError(
            f"{_describe_url(url)}: {_error_reason(error)}.",
            hint="Check that SYNC_WORKER_STATE_URL names a state of this worker that can be written and has room to grow.",
        ) from error


def open_store(url: str) -> Store:
    """Open the state at a database URL; a new one is made, an older one is brought forward.

    Raises StateError where the file is not ours, is newer than this program, or cannot be opened.
    """
    try:
        place = make_url(url)
        engine = _create_engine(place)
    except (ArgumentError, NoSuchModuleError, ImportError) as error:
        raise StateError(
            f"SYNC_WORKER_STATE_URL cannot be understood: {error}.",
            hint="Write for example sqlite:///sync_worker.db or postgresql+psycopg://user@host/name.",
        ) from error
    try:
        with translate_db_errors(place):
            _migrate(engine, place)
            return Store(engine)
    except BaseException:
        engine.dispose()
        raise


def dialect_insert(dialect: str, table: Table) -> Insert:
    """Return a dialect's INSERT that can say ON CONFLICT."""
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)


def insert_rows(connection: Connection, statement: Insert, rows: Sequence[Mapping[str, object]]) -> int:
    """Execute an INSERT of one row for each row by the driver itself; return how many rows were written.

    SQLAlchemy prepares the parameters of each row anew, which costs several times what the database does with them. A statement that
    is made once and used again is prepared once.
    """
    if not rows:
        return 0
    columns = tuple(rows[0])
    values = itemgetter(*columns) if len(columns) > 1 else lambda row: (row[columns[0]],)
    return execute_many(connection, statement, columns, [values(row) for row in rows])


def execute_many(connection: Connection, statement: Insert | Update, columns: tuple[str, ...], rows: Sequence[tuple[object, ...]]) -> int:
    """Execute a statement that names the VALUES of one row as `write` does, for rows that hold the values of the columns."""
    if not rows:
        return 0
    compiled = _compile(statement, connection.dialect, columns)
    constants = {name: value for name, value in compiled.params.items() if name not in columns}
    named = (*columns, *constants)
    whole = [(*row, *constants.values()) for row in rows] if constants else rows
    if not compiled.positional:
        return connection.exec_driver_sql(compiled.string, [dict(zip(named, row, strict=True)) for row in whole]).rowcount
    if (order := tuple(compiled.positiontup or ())) != named:
        there = itemgetter(*map(named.index, order))
        whole = [there(row) for row in whole]
    return _execute_in_batches(connection, compiled.string, whole)


def _execute_in_batches(connection: Connection, statement: str, rows: Sequence[tuple[object, ...]]) -> int:
    """Execute a statement of one row's VALUES for each of some rows, `STEP` at a time; return how many were written."""
    long = len(rows) - len(rows) % ROWS_PER_STATEMENT
    steps = [tuple(chain.from_iterable(rows[start : start + ROWS_PER_STATEMENT])) for start in range(0, long, ROWS_PER_STATEMENT)]
    written = connection.exec_driver_sql(_multi_row_statement(statement), steps).rowcount if steps else 0
    if rest := rows[long:]:
        written += connection.exec_driver_sql(statement, list(rest)).rowcount
    return written


@lru_cache(maxsize=64)
def _multi_row_statement(statement: str) -> str:
    head, values, tail = re.split(r"(?<=VALUES )(\([^()]*\))", statement, maxsplit=1)
    return f"{head}{', '.join([values] * ROWS_PER_STATEMENT)}{tail}"


def upsert_rows(connection: Connection, table: Table, rows: Sequence[Mapping[str, object]]) -> None:
    """Write rows over those with the same primary key."""
    if rows:
        insert_rows(connection, _upsert_statement(connection.dialect.name, table, tuple(rows[0])), rows)


def upsert_tuples(connection: Connection, table: Table, columns: tuple[str, ...], rows: Sequence[tuple[object, ...]]) -> None:
    """Write rows of these columns over those with the same primary key."""
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
def _compile(statement: Insert | Update, dialect: Dialect, columns: tuple[str, ...]) -> SQLCompiler:
    return statement.compile(dialect=dialect, column_keys=list(columns))


def _create_engine(url: URL) -> Engine:
    if url.get_backend_name() != "sqlite":
        return create_engine(url, hide_parameters=True)
    in_memory = url.database in (None, "", ":memory:")
    if not in_memory:
        _create_private_file(Path(str(url.database)))
    engine = create_engine(
        url,
        hide_parameters=True,  # an error must not show whose row it was
        connect_args={"timeout": LOCK_TIMEOUT_SECONDS, "check_same_thread": False},
        **({"poolclass": StaticPool} if in_memory else {}),
    )
    event.listen(engine, "connect", _set_pragmas)
    return engine


def _create_private_file(path: Path) -> None:
    # The state holds addresses of people: nobody else on the machine may read it. The journal files inherit the mode.
    try:
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise StateError(
            f"{path}: the state file cannot be opened: {error.strerror}.", hint="Name another place with SYNC_WORKER_STATE_URL."
        ) from error


def _set_pragmas(connection: Any, _record: object) -> None:  # noqa: ANN401 -- DBAPI connections share no type
    cursor = connection.cursor()
    # A reading of everybody touches the same pages again and again: each is copied from the journal into the file once, not every 4 MB.
    for pragma in ("synchronous=NORMAL", "cache_size=-16384", "temp_store=FILE", "wal_autocheckpoint=8000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _migrate(engine: Engine, url: URL) -> None:
    # Alembic costs a third of a second to import: only a new or an old state pays it.
    with engine.connect() as connection:
        names = set(inspect(connection).get_table_names())
        if names and not {"alembic_version", "meta"} <= names:
            raise StateError(
                f"{_describe_url(url)} is a database of something else: it has the tables {', '.join(sorted(names)[:5])}.",
                hint="Name another place with SYNC_WORKER_STATE_URL; nothing was changed here.",
            )
        version = connection.execute(text("SELECT version_num FROM alembic_version")).scalar() if names else None
    if version == LATEST_REVISION:
        return
    from sync_worker.store import migrate  # noqa: PLC0415 -- see above

    migrate.upgrade(engine, database_name=_describe_url(url), version=version)


#: The newest schema; a test keeps it equal to the newest migration.
LATEST_REVISION: Final = "0007"


def _describe_url(url: URL) -> str:
    return str(url.database or "the state in memory") if url.get_backend_name() == "sqlite" else url.render_as_string(hide_password=True)


def _error_reason(error: SQLAlchemyError) -> str:
    said = str(getattr(error, "orig", None) or error).splitlines()[0]
    return {"file is not a database": "this file is not a state of sync_worker"}.get(said, said)
