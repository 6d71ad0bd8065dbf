"""Every write to a table that plans are made from is counted, of all commands and processes, and nothing else is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Table, delete, insert, text, update
from sqlalchemy.types import TypeEngine

from sync_worker.store import change_counter, shadow_verdicts, verdicts
from sync_worker.store.database import Store, open_store, upsert_rows
from sync_worker.store.facts import repairs
from sync_worker.store.saved_state import service_cycle
from sync_worker.store.saved_state.service_cycle import ServiceCycle
from sync_worker.store.schema import metadata
from sync_worker.store.writes import differences, hand_offs, memberships, mql_admissions, mql_starts, rejections
from sync_worker.store.writes.differences import AcknowledgedContact
from tests.store.database_factories import temporary_state_url, temporary_store
from tests.store.row_factories import save_contacts

COUNTED = [table for table in metadata.tables.values() if table.name not in change_counter.UNCOUNTED_TABLES]
PLAN_MODULES = (verdicts, shadow_verdicts, repairs, differences, hand_offs, memberships, mql_admissions, mql_starts, rejections)


def sample_row(table: Table, number: int) -> dict[str, object]:
    def sample(kind: TypeEngine[Any]) -> object:
        return {int: number, float: 1.0, str: str(number), bool: True}[kind.python_type]

    return {column.name: sample(column.type) for column in table.columns}


def count(store: Store, write: Callable[[Connection], object]) -> int:
    """Return how much the counter rises through a transaction."""
    with store.transaction() as tx:
        before = change_counter.load(tx)
    with store.transaction() as tx:
        write(tx)
    with store.transaction() as tx:
        return change_counter.load(tx) - before


@pytest.fixture(scope="module")
def store(module_store: Store) -> Store:
    return module_store


@pytest.mark.parametrize("table", COUNTED, ids=lambda table: table.name)
def test_each_kind_of_write_to_a_table_is_counted_once_for_a_transaction(store: Store, table: Table) -> None:
    key = next(iter(table.primary_key))
    value = 1 if key.type.python_type is int else "1"

    def write_all(tx: Connection) -> None:
        tx.execute(update(table).values({key.name: key}))
        tx.execute(delete(table))

    assert count(store, lambda tx: tx.execute(insert(table), sample_row(table, 1))) == 1
    assert count(store, lambda tx: tx.execute(update(table).where(key == value).values({key.name: key}))) == 1
    assert count(store, lambda tx: upsert_rows(tx, table, [sample_row(table, number) for number in range(1, 120)])) == 1
    assert count(store, lambda tx: tx.execute(delete(table).where(key == value).returning(key)).all()) == 1
    assert count(store, lambda tx: tx.execute(text(f'DELETE FROM "{table.name}"'))) == 1  # noqa: S608 -- a name of the schema
    assert count(store, write_all) == 0  # no row is left


def test_what_each_run_writes_is_not_counted(store: Store) -> None:
    assert count(store, lambda tx: service_cycle.save(tx, ServiceCycle(seconds=60, reason="day"))) == 0
    assert count(store, verdicts.select_all) == 0


def test_no_plan_is_made_from_a_table_that_is_not_counted() -> None:
    temporary = {verdicts.evaluation_batch.name, differences.previewed_contacts.name}
    read = {value.name for module in PLAN_MODULES for value in vars(module).values() if isinstance(value, Table)}
    assert read & (change_counter.UNCOUNTED_TABLES - temporary) == set()
    assert read >= {"contacts", "verdicts", "memberships", "rejections", "mql_starts", "admissions"}


def test_what_hubspot_acknowledges_is_counted() -> None:
    with temporary_store() as store:
        with store.transaction() as tx:
            save_contacts(tx, 1)
        row = AcknowledgedContact(1, '{"lead_score": "5"}', None, None, 9)
        assert count(store, lambda tx: differences.save_acknowledged(tx, [row])) == 1


def test_a_transaction_that_fails_or_is_a_rehearsal_is_not_counted() -> None:
    def fail(tx: Connection) -> None:
        save_contacts(tx, 1)
        raise ZeroDivisionError

    def rehearse(store: Store) -> None:
        with store.rehearse(), store.transaction() as tx:
            save_contacts(tx, 1)

    with temporary_store() as store:
        with store.transaction() as tx:
            before = change_counter.load(tx)
        with pytest.raises(ZeroDivisionError):
            count(store, fail)
        rehearse(store)
        assert count(store, lambda tx: repairs.add(tx, [])) == 0
        with store.transaction() as tx:
            assert change_counter.load(tx) == before


def test_the_writes_of_another_process_are_counted(tmp_path: Path) -> None:
    with temporary_state_url(tmp_path, is_migrated=True) as url:
        one, other = open_store(url), open_store(url)

        def write_elsewhere(_: Connection) -> None:
            with other.separate_transaction() as tx:
                repairs.add(tx, [1])

        assert count(one, write_elsewhere) == 1
        one.close()
        other.close()
