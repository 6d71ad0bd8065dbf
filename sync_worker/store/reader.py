"""The state for reading only: the database refuses every write of such a connection."""

from __future__ import annotations

from sqlalchemy import make_url, text
from sqlalchemy.exc import ArgumentError

from sync_worker.store.database import READ_ONLY_PARAMETER, Store, open_store
from sync_worker.store.verdicts import evaluation_batch


def open_reader(url: str) -> Store:
    """Open the state at a SQLAlchemy URL for reading. Raises StateError like `open_store`."""
    try:
        database_url = make_url(url)
    except ArgumentError:
        return open_store(url)  # which explains the error
    if database_url.get_backend_name() == "sqlite":
        # Another connection writes to the file, maybe for the first time since it was opened.
        read_only = database_url.update_query_dict({READ_ONLY_PARAMETER: "ro", "immutable": "0"})
        return open_store(read_only.render_as_string(hide_password=False))
    store = open_store(url)
    with store.transaction() as tx:
        # In PostgreSQL, a read-only transaction may fill a temporary table, but not create one.
        evaluation_batch.create(tx, checkfirst=True)
        tx.execute(text("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY"))
    return store
