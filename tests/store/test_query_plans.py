"""What a sync asks of everybody is found by an index: a look at every row would cost a second of each sync."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Connection
from sqlalchemy import event as sqlalchemy_event

from sync_worker.store import contacts, events, memberships, verdicts
from sync_worker.store.verdicts import VerdictKey
from tests.store.database_factories import POSTGRES_URL
from tests.store.row_factories import make_event_row

pytestmark = pytest.mark.skipif(POSTGRES_URL is not None, reason="SQLite is asked for its plan")

QUERIES: list[tuple[str, Callable[[Connection], object]]] = [
    ("who should be in the list of MQLs", lambda tx: memberships.ids_to_add(tx, "mql")),
    ("who came by a form", lambda tx: memberships.ids_to_add(tx, "direct")),
    ("who should be in a band's list", lambda tx: memberships.ids_to_add(tx, "band:hot")),
    ("how many were changed", lambda tx: contacts.count_changed(tx, 5, 9)),
    ("whether many were changed", lambda tx: contacts.exceeds_changed(tx, 1, 5)),
    ("how many there are", contacts.count),
    ("which events are known", lambda tx: events.save(tx, [make_event_row("e", contact_id=2, email="p1@example.com")])),
    ("whose event is dropped", lambda tx: events.delete_by_id(tx, "page_view", ["e"])),
    ("who is due", lambda tx: verdicts.count_due(tx, VerdictKey(model="m", since=0))),
]


@contextmanager
def record_statements(tx: Connection) -> Iterator[list[tuple[str, Any]]]:
    """Give what is said to the database meanwhile: statements with their parameters."""
    said: list[tuple[str, Any]] = []

    def note(_tx: Connection, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        said.append((statement, parameters))

    sqlalchemy_event.listen(tx, "before_cursor_execute", note)
    try:
        yield said
    finally:
        sqlalchemy_event.remove(tx, "before_cursor_execute", note)


@pytest.mark.parametrize("look", [look for _, look in QUERIES], ids=[name for name, _ in QUERIES])
def test_a_query_over_all_contacts_uses_an_index(tx: Connection, look: Callable[[Connection], object]) -> None:
    with record_statements(tx) as said:
        look(tx)
    plans = [row[3] for sql, values in said for row in tx.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values)]
    assert plans
    assert [plan for plan in plans if plan.startswith("SCAN") and "INDEX" not in plan] == []
