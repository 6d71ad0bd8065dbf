"""What is put off while a new state is filled."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, inspect

from sync_worker.store import bulk_load, contacts, events, verdicts
from tests.store.row_factories import (
    VERDICT_KEY,
    canonical_json,
    due_ids,
    make_contact_row,
    make_event_row,
    make_verdict_row,
    read_revision,
    save_contacts,
    save_verdicts,
)

DEFERRED_INDICES = {"contacts_by_email", "contacts_by_company", "contacts_here"}


def index_names(tx: Connection) -> set[str]:
    return {str(index["name"]) for index in inspect(tx).get_indexes("contacts")}


def test_the_indices_are_made_when_all_are_there(tx: Connection) -> None:
    bulk_load.drop_indices(tx)
    assert not index_names(tx) & DEFERRED_INDICES
    save_contacts(tx, 1)
    bulk_load.create_indices(tx)
    assert index_names(tx) >= DEFERRED_INDICES


def test_a_state_with_contacts_keeps_its_indices(tx: Connection) -> None:
    save_contacts(tx, 1)
    bulk_load.drop_indices(tx)
    assert index_names(tx) >= DEFERRED_INDICES
    assert not bulk_load.is_bulk_loading(tx)


def test_an_interrupted_bulk_load_resumes(tx: Connection) -> None:
    bulk_load.drop_indices(tx)
    save_contacts(tx, 1)
    bulk_load.drop_indices(tx)
    assert bulk_load.is_bulk_loading(tx)
    bulk_load.create_indices(tx)
    bulk_load.create_indices(tx)
    assert index_names(tx) >= DEFERRED_INDICES


def test_a_contact_is_found_during_a_bulk_load(tx: Connection) -> None:
    bulk_load.drop_indices(tx)
    save_contacts(tx, 7, addresses=("p7@example.com", "second@example.com"))
    assert [contacts.find_id(tx, address) for address in ("p7@example.com", "second@example.com", "p8@example.com")] == [7, 7, None]
    assert (contacts.count(tx), contacts.unseen_ids(tx, scan_id=1), due_ids(tx)) == (1, [7], [7])


@pytest.mark.parametrize("filled", [False, True], ids=["while it goes on", "after its end"])
def test_events_before_the_first_verdict_mark_no_contact_as_due(tx: Connection, *, filled: bool) -> None:
    bulk_load.drop_indices(tx)
    save_contacts(tx, 1, company_id=9)
    if filled:
        bulk_load.create_indices(tx)
    events.save(tx, [make_event_row("e", email="p1@example.com"), make_event_row("f", contact_id=1)])
    contacts.save_companies(tx, [{"id": 9, "updated_at": 1, "facts": canonical_json(numberofemployees="5")}])
    assert (read_revision(tx, 1), due_ids(tx)) == (1, [1])


@pytest.mark.parametrize("filled", [False, True], ids=["while it goes on", "after its end"])
def test_events_during_the_first_evaluation_mark_contacts_as_due(tx: Connection, *, filled: bool) -> None:
    bulk_load.drop_indices(tx)
    save_contacts(tx, 1, company_id=9)
    if filled:
        bulk_load.create_indices(tx)
    judged = verdicts.select_due(tx, VERDICT_KEY, after=0, limit=1)
    events.save(tx, [make_event_row("e", email="p1@example.com")])
    verdicts.save(tx, [make_verdict_row(1)], revisions=judged, key=VERDICT_KEY, at=100)
    assert due_ids(tx) == [1]
    save_verdicts(tx, make_verdict_row(1))
    contacts.save_companies(tx, [{"id": 9, "updated_at": 1, "facts": canonical_json(numberofemployees="5")}])
    assert due_ids(tx) == [1]


def test_a_contact_twice_in_a_page_is_saved_once(tx: Connection) -> None:
    bulk_load.drop_indices(tx)
    contacts.save(tx, [make_contact_row(1, at=5), make_contact_row(1, at=6, facts=canonical_json(city="Bonn")), make_contact_row(2)])
    assert (contacts.count(tx), read_revision(tx, 1), read_revision(tx, 2)) == (2, 2, 1)
