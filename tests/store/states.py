"""States for the tests: SQLite in a folder or in memory; PostgreSQL instead where SYNC_WORKER_TEST_POSTGRES_URL names one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from sqlalchemy import Connection, create_engine, make_url, text

from sync_worker.store.database import Store, opened

POSTGRES = os.environ.get("SYNC_WORKER_TEST_POSTGRES_URL")


@contextmanager
def a_state_url(folder: Path | None = None) -> Iterator[str]:
    """Name a place where no state is yet; it is gone afterwards."""
    if POSTGRES is None:
        yield f"sqlite:///{folder / 'state.db'}" if folder else "sqlite://"
        return
    schema, admin = f"test_{uuid4().hex}", create_engine(POSTGRES)
    with admin.begin() as tx:
        tx.execute(text(f"CREATE SCHEMA {schema}"))
    try:
        yield make_url(POSTGRES).update_query_dict({"options": f"-csearch_path={schema}"}).render_as_string(hide_password=False)
    finally:
        with admin.begin() as tx:
            tx.execute(text(f"DROP SCHEMA {schema} CASCADE"))
        admin.dispose()


@contextmanager
def a_store(folder: Path | None = None) -> Iterator[Store]:
    """Open a new state."""
    with a_state_url(folder) as url:
        store = opened(url)
        try:
            yield store
        finally:
            store.close()


@contextmanager
def undone(store: Store) -> Iterator[Connection]:
    """Open a transaction of which nothing stays."""
    with store.connection.begin() as transaction:
        yield store.connection
        transaction.rollback()
