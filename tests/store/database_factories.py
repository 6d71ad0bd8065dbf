"""States for tests: SQLite in a folder or in memory, or PostgreSQL if SYNC_WORKER_TEST_POSTGRES_URL is set.

All states share their compiled statements, which a new engine would compile again.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias
from uuid import uuid4

from sqlalchemy import Connection, Engine, create_engine, event, make_url, text

from sync_worker.store.database import Store, create_store_engine, open_store

POSTGRES_URL = os.environ.get("SYNC_WORKER_TEST_POSTGRES_URL")
SavedState: TypeAlias = bytes | str  # a file of SQLite, or the name of a database


class CompiledStatements(dict[tuple[Any, ...], Any]):
    """Compiled statements of one kind of database; the key that SQLAlchemy passes begins with the dialect of the engine."""

    def get(self, key: tuple[Any, ...], default: object = None) -> object:
        return super().get(key[1:], default)

    def __setitem__(self, key: tuple[Any, ...], value: object) -> None:
        super().__setitem__(key[1:], value)


compiled_statements: defaultdict[str, CompiledStatements] = defaultdict(CompiledStatements)


@event.listens_for(Engine, "engine_connect")
def share_compiled_statements(connection: Connection) -> None:
    connection.execution_options(compiled_cache=compiled_statements[connection.dialect.name])


@event.listens_for(Engine, "engine_connect")
def skip_disk_flushes(connection: Connection) -> None:
    # The tests need no durability after a power failure, only the semantics.
    if connection.dialect.name == "sqlite" and not connection.info.get("skips_disk_flushes"):
        _driver_connection(connection).execute("PRAGMA synchronous=OFF")
        connection.info["skips_disk_flushes"] = True


@contextmanager
def temporary_state_url(folder: Path | None = None, *, is_migrated: bool = False, copy_of: SavedState | None = None) -> Iterator[str]:
    """Yield the URL of a state that is deleted at the end; it does not exist yet, is empty but has all tables, or is a copy."""
    if POSTGRES_URL is not None:
        with _temporary_database(str(copy_of) if copy_of else _migrated_template() if is_migrated else "template1") as url:
            yield url
    elif folder is None:
        yield "sqlite://"
    else:
        path = folder / "state.db"
        if is_migrated or copy_of:
            path.touch(mode=0o600, exist_ok=False)
            path.write_bytes(copy_of if isinstance(copy_of, bytes) else _empty_state_bytes())
        yield f"sqlite:///{path}"


def save_state(url: str) -> SavedState:
    """Return a copy of a state that nothing has open, for the rest of the process."""
    database = str(make_url(url).database)
    if POSTGRES_URL is None:
        return Path(database).read_bytes()
    name = f"template_{uuid4().hex}"
    with _admin_engine().connect() as admin:
        admin.execute(text(f"CREATE DATABASE {name} TEMPLATE {database} STRATEGY FILE_COPY"))
    return name


@contextmanager
def copy_state(url: str) -> Iterator[str]:
    """Yield the URL of a copy of a state that nothing has open; it is deleted at the end."""
    database = str(make_url(url).database)
    if POSTGRES_URL is not None:
        with _temporary_database(database) as copy:
            yield copy
        return
    path = Path(database).with_name(f"{uuid4().hex}.db")
    shutil.copy(database, path)
    try:
        yield f"sqlite:///{path}"
    finally:
        path.unlink()


@contextmanager
def _temporary_database(template: str) -> Iterator[str]:
    # A copy of a template takes a tenth of the time of the migrations.
    name = f"test_{uuid4().hex}"
    with _admin_engine().connect() as admin:
        admin.execute(text(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY"))
    try:
        yield make_url(str(POSTGRES_URL)).set(database=name).render_as_string(hide_password=False)
    finally:
        with _admin_engine().connect() as admin:
            admin.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


@cache
def _admin_engine() -> Engine:
    return create_engine(str(POSTGRES_URL), isolation_level="AUTOCOMMIT")


@cache
def _migrated_template() -> str:
    name = f"template_{uuid4().hex}"
    with _admin_engine().connect() as admin:
        admin.execute(text(f"CREATE DATABASE {name}"))
    open_store(make_url(str(POSTGRES_URL)).set(database=name).render_as_string(hide_password=False)).close()
    return name


@contextmanager
def temporary_store() -> Iterator[Store]:
    """Open an empty state."""
    if POSTGRES_URL is None:
        store = open_in_memory()
        try:
            yield store
        finally:
            store.close()
        return
    with temporary_state_url(is_migrated=True) as url:
        store = open_store(url)
        try:
            yield store
        finally:
            store.close()


def open_in_memory() -> Store:
    """Open an empty state in memory."""
    engine = create_store_engine(make_url("sqlite://"))
    with engine.connect() as connection:
        _driver_connection(connection).deserialize(_empty_state_bytes())
    return Store(engine)


@cache
def _empty_state_bytes() -> bytes:
    # The migrations take a tenth of a second, and hundreds of tests need a new state.
    store = open_store("sqlite://")
    try:
        return _driver_connection(store.connection).serialize()
    finally:
        store.close()


def _driver_connection(connection: Connection) -> sqlite3.Connection:
    driver: Any = connection.connection.driver_connection
    return driver


@contextmanager
def rollback_transaction(store: Store) -> Iterator[Connection]:
    """Open a transaction and roll it back."""
    with store.connection.begin() as transaction:
        yield store.connection
        transaction.rollback()
