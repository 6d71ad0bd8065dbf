"""Admissions of new MQLs: only contacts that exist and qualify wait for a later day."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, select

from sync_worker.store import erasure, schema
from sync_worker.store.facts import contacts as contact_store
from sync_worker.store.writes import mql_admissions
from tests.store.row_factories import save_contacts


@pytest.fixture
def deferred(tx: Connection) -> Connection:
    """Contacts 1 and 2 wait; contact 3 was admitted."""
    save_contacts(tx, 1, 2, 3)
    mql_admissions.defer(tx, {1: 5, 2: 6}, {})
    mql_admissions.admit(tx, {3: 5}, at=7)
    return tx


def saved_ids(tx: Connection) -> set[int]:
    return set(tx.execute(select(schema.mql_admissions.c.contact_id)).scalars())


def test_erasure_deletes_the_admission(deferred: Connection) -> None:
    erasure.purge(deferred, [1, 3])
    assert saved_ids(deferred) == {2}


def test_a_deleted_contact_does_not_wait(deferred: Connection) -> None:
    contact_store.mark_deleted(deferred, [1])
    assert mql_admissions.count_deferred(deferred) == 1
    assert [mql_admissions.is_deferred(deferred, number) for number in (1, 2, 3)] == [False, True, False]


def test_only_deferred_admissions_end_when_contacts_no_longer_qualify(deferred: Connection) -> None:
    mql_admissions.delete_deferred(deferred, [1, 3])
    assert saved_ids(deferred) == {2, 3}
