"""States for tests: SQLite in a folder or in memory, or PostgreSQL if SYNC_WORKER_TEST_POSTGRES_URL is set."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, create_engine, make_url, text

from sync_worker.store.database import Store, create_store_engine, open_store

POSTGRES_URL = os.environ.get("SYNC_WORKER_TEST_POSTGRES_URL")


@contextmanager
def temporary_state_url(folder: Path | None = None) -> Iterator[str]:
    """Yield the URL of a state that does not exist yet; it is deleted at the end."""
    if POSTGRES_URL is None:
        yield f"sqlite:///{folder / 'state.db'}" if folder else "sqlite://"
        return
    schema, admin = f"test_{uuid4().hex}", create_engine(POSTGRES_URL)
    with admin.begin() as tx:
        tx.execute(text(f"CREATE SCHEMA {schema}"))
    try:
        yield make_url(POSTGRES_URL).update_query_dict({"options": f"-csearch_path={schema}"}).render_as_string(hide_password=False)
    finally:
        with admin.begin() as tx:
            tx.execute(text(f"DROP SCHEMA {schema} CASCADE"))
        admin.dispose()


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
    with temporary_state_url() as url:
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


def create_empty_state(url: str) -> None:
    """Create an empty SQLite state; with PostgreSQL, `open_store` creates it."""
    if POSTGRES_URL is None:
        path = Path(str(make_url(url).database))
        path.touch(mode=0o600, exist_ok=False)
        path.write_bytes(_empty_state_bytes())


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
