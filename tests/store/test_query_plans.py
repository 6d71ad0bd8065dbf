"""Queries over all contacts use an index: a scan of all rows would add a second to each sync."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import Connection

from sync_worker.store import runs, verdicts
from sync_worker.store.facts import contacts, events
from sync_worker.store.writes import held_back, memberships, mql_starts
from sync_worker.store.writes.differences import StageRule
from tests.store.database_factories import POSTGRES_URL
from tests.store.recorded_statements import record_statements
from tests.store.row_factories import make_contact_row, make_event_row, save_contacts

pytestmark = pytest.mark.skipif(POSTGRES_URL is not None, reason="the test reads query plans of SQLite")

STAGE_RULE = StageRule(target="marketingqualifiedlead", earlier_stages=("lead",))
QUERIES: list[tuple[str, Callable[[Connection], object]]] = [
    ("members to add to the list of MQLs", lambda tx: memberships.ids_to_add(tx, "mql", now=9)),
    ("members to add to the list of direct MQLs", lambda tx: memberships.ids_to_add(tx, "direct", now=9)),
    ("members to add to the list of a band", lambda tx: memberships.ids_to_add(tx, "band:hot", now=9)),
    ("members to remove from the list of MQLs", lambda tx: memberships.ids_to_remove(tx, "mql", keep_others=True, now=9)),
    ("what is held back", lambda tx: held_back.load(tx, STAGE_RULE, ["mql", "band:hot"])),
    ("number of changed contacts", lambda tx: contacts.count_changed(tx, 5, 9)),
    ("whether many contacts changed", lambda tx: contacts.exceeds_changed(tx, 1, 5)),
    ("number of contacts", contacts.count),
    ("the last run that was done", lambda tx: runs.last_completed_at(tx, "backfill", "sync")),
    ("the last runs", runs.load_recent),
    ("events already saved", lambda tx: events.save(tx, [make_event_row("e", contact_id=2, email="p1@example.com")])),
    ("contacts of deleted events", lambda tx: events.delete_by_id(tx, "page_view", ["e"])),
]


@pytest.mark.parametrize("query", [query for _, query in QUERIES], ids=[name for name, _ in QUERIES])
def test_a_query_over_all_contacts_uses_an_index(tx: Connection, query: Callable[[Connection], object]) -> None:
    with record_statements(tx) as statements:
        query(tx)
    plans = [row[3] for sql, values in statements for row in tx.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values)]
    assert plans
    assert [plan for plan in plans if plan.startswith("SCAN") and "INDEX" not in plan] == []


@pytest.mark.parametrize("query", [verdicts.count_mqls, mql_starts.load_new_mqls])
def test_a_query_for_mqls_reads_only_the_index_of_mqls(tx: Connection, query: Callable[[Connection], object]) -> None:
    with record_statements(tx) as statements:
        query(tx)
    plans = [row[3] for sql, values in statements for row in tx.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values)]
    assert [plan for plan in plans if plan.startswith("SCAN")] == ["SCAN verdicts USING INDEX verdicts_of_mqls"]


def test_the_events_of_some_contacts_are_counted_by_their_emails(tx: Connection) -> None:
    with record_statements(tx) as statements:
        events.count_by_contact(tx, "email_click", [1, 2, 3])
    ((sql, values),) = statements
    plans = [row[3] for row in tx.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values)]
    assert [plan for plan in plans if plan.startswith("SEARCH events")] == [
        "SEARCH events USING INDEX events_by_contact (contact_id=?)",
        "SEARCH events USING INDEX events_by_email (email=?)",
        "SEARCH events USING INDEX events_by_email (email=?)",
    ]


def test_contacts_become_due_by_their_ids_only(tx: Connection) -> None:
    save_contacts(tx, 1, 2)
    with record_statements(tx) as statements:
        contacts.mark_due(tx, [1], {"p2@example.com"})
    updates = [(sql, values) for sql, values in statements if sql.startswith("UPDATE")]
    plans = [row[3] for sql, values in updates for row in tx.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values)]
    assert plans == ["SEARCH contacts USING INTEGER PRIMARY KEY (rowid=?)"]


def test_the_owners_of_lost_emails_are_found_once_for_all_contacts_of_a_page(tx: Connection) -> None:
    numbers = range(1, 21)
    save_contacts(tx, *numbers)
    counts = []
    for page in (numbers[:1], numbers[1:]):
        with record_statements(tx) as statements:
            contacts.save(tx, [make_contact_row(number, at=20, addresses=(f"new{number}@example.com",)) for number in page])
        counts.append(sum(sql.startswith("SELECT") for sql, _ in statements))
    assert counts[0] == counts[1]
