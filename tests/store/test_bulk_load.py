"""What is put off while a new state is filled."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, inspect

from sync_worker.store import bulk_load, contacts, events, verdicts
from tests.store.row_factories import STANDARD, due, event, judge, known, person, revision, text, verdict

PUT_OFF = {"contacts_by_email", "contacts_by_company", "contacts_here"}


def indices(tx: Connection) -> set[str]:
    return {str(index["name"]) for index in inspect(tx).get_indexes("contacts")}


def test_the_indices_are_made_when_all_are_there(tx: Connection) -> None:
    bulk_load.drop_indices(tx)
    assert not indices(tx) & PUT_OFF
    known(tx, 1)
    bulk_load.create_indices(tx)
    assert indices(tx) >= PUT_OFF


def test_a_state_that_knows_somebody_keeps_its_indices(tx: Connection) -> None:
    known(tx, 1)
    bulk_load.drop_indices(tx)
    assert indices(tx) >= PUT_OFF
    assert not bulk_load.is_bulk_loading(tx)


def test_a_filling_that_was_stopped_goes_on(tx: Connection) -> None:
    bulk_load.drop_indices(tx)
    known(tx, 1)
    bulk_load.drop_indices(tx)
    assert bulk_load.is_bulk_loading(tx)
    bulk_load.create_indices(tx)
    bulk_load.create_indices(tx)
    assert indices(tx) >= PUT_OFF


def test_who_is_asked_for_meanwhile_is_found(tx: Connection) -> None:
    bulk_load.drop_indices(tx)
    known(tx, 7, addresses=("p7@example.com", "second@example.com"))
    assert [contacts.find_id(tx, address) for address in ("p7@example.com", "second@example.com", "p8@example.com")] == [7, 7, None]
    assert (contacts.count(tx), contacts.unseen_ids(tx, scan_id=1), due(tx)) == (1, [7], [7])


@pytest.mark.parametrize("filled", [False, True], ids=["while it goes on", "after its end"])
def test_what_comes_in_before_anybody_is_judged_marks_nobody(tx: Connection, *, filled: bool) -> None:
    bulk_load.drop_indices(tx)
    known(tx, 1, company_id=9)
    if filled:
        bulk_load.create_indices(tx)
    events.save(tx, [event("e", email="p1@example.com"), event("f", contact_id=1)])
    contacts.save_companies(tx, [{"id": 9, "updated_at": 1, "facts": text(numberofemployees="5")}])
    assert (revision(tx, 1), due(tx)) == (1, [1])


@pytest.mark.parametrize("filled", [False, True], ids=["while it goes on", "after its end"])
def test_what_comes_in_while_the_first_are_judged_is_noticed(tx: Connection, *, filled: bool) -> None:
    bulk_load.drop_indices(tx)
    known(tx, 1, company_id=9)
    if filled:
        bulk_load.create_indices(tx)
    judged = verdicts.select_due(tx, STANDARD, after=0, limit=1)
    events.save(tx, [event("e", email="p1@example.com")])
    verdicts.save(tx, [verdict(1)], revisions=judged, key=STANDARD, at=100)
    assert due(tx) == [1]
    judge(tx, verdict(1))
    contacts.save_companies(tx, [{"id": 9, "updated_at": 1, "facts": text(numberofemployees="5")}])
    assert due(tx) == [1]


def test_who_comes_twice_in_a_page_is_remembered_once(tx: Connection) -> None:
    bulk_load.drop_indices(tx)
    contacts.save(tx, [person(1, at=5), person(1, at=6, facts=text(city="Bonn")), person(2)])
    assert (contacts.count(tx), revision(tx, 1), revision(tx, 2)) == (2, 2, 1)
