"""The table `mql_starts`."""

from __future__ import annotations

from sqlalchemy import Connection

from sync_worker.store.facts import contacts
from sync_worker.store.writes import mql_starts
from sync_worker.store.writes.mql_starts import MqlStart
from tests.store.row_factories import make_contact_row


def test_the_starts_are_those_of_contacts_that_exist(tx: Connection) -> None:
    contacts.save(tx, [make_contact_row(number) for number in (1, 2, 3)])
    starts = [MqlStart(number, "model", 5, "reasons") for number in (1, 2, 3)]
    mql_starts.save(tx, starts, {})
    contacts.mark_deleted(tx, [2])
    assert sorted(mql_starts.load_all(tx)) == [starts[0], starts[2]]
