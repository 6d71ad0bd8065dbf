"""Counts the transactions that have changed what plans are made from, by any command of any process.

The engine of the state sees all statements, so no function that writes can forget to count. A run that has left nothing to write needs no
new plan while the number stays the same; see `sync.settlement`. A write of equal values counts too: it costs a plan, and a change that
is not counted would be lost.
"""

from __future__ import annotations

import re
from typing import Any, Final

from sqlalchemy import Connection, Engine, event, select

from sync_worker.store.schema import meta

_KEY: Final = "changes"
#: The tables that each run writes, even if nothing has changed, and temporary ones. Plans are made from all others, and from facts in
#: `meta` that `sync.settlement` compares.
UNCOUNTED_TABLES: Final = frozenset({"meta", "runs", "leases", "coverage", "chunk", "counted"})
_TARGET: Final = re.compile(r'\b(?:INTO|UPDATE|DELETE FROM)\s+(?:"?\w+"?\.)?"?(\w+)', re.IGNORECASE)
_READS: Final = ("SELECT", "PRAGMA")  # by far the most frequent statements
_COUNT: Final = (
    f"INSERT INTO meta (key, value) VALUES ('{_KEY}', '1') "  # noqa: S608 -- a constant
    "ON CONFLICT (key) DO UPDATE SET value = CAST(CAST(meta.value AS BIGINT) + 1 AS TEXT)"
)


def load(tx: Connection) -> int:
    """Return the number of transactions with a change."""
    return int(tx.execute(select(meta.c.value).where(meta.c.key == _KEY)).scalar() or 0)


def count_changes(engine: Engine) -> None:
    """Count the transactions of an engine from now on, each in the transaction itself."""
    event.listen(engine, "after_cursor_execute", _mark)
    event.listen(engine, "commit", _count)
    event.listen(engine, "rollback", _unmark)


def _mark(connection: Connection, cursor: Any, statement: str, *_: object) -> None:  # noqa: ANN401 -- DBAPI cursors have no common type
    # -1 rows are not known; SQLite counts the rows of RETURNING only when they are fetched.
    if statement.startswith(_READS) or (cursor.rowcount == 0 and cursor.description is None):
        return
    target = _TARGET.search(statement)
    if target and target[1] not in UNCOUNTED_TABLES:
        connection.info[_KEY] = True


def _count(connection: Connection) -> None:
    # At the end of the transaction, so that in PostgreSQL no other transaction waits for the row.
    if connection.info.pop(_KEY, False):
        connection.exec_driver_sql(_COUNT)


def _unmark(connection: Connection) -> None:
    if not connection.invalidated:  # by an outage of the database: the next connection starts without a mark
        connection.info.pop(_KEY, None)
