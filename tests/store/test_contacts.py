from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, select

from sync_worker.store import bulk_load, verdicts
from sync_worker.store import contacts as contact_store
from sync_worker.store import events as event_store
from sync_worker.store.contacts import ContactRow
from sync_worker.store.database import Store
from sync_worker.store.schema import companies, contact_emails, contacts, events
from tests.store.database_factories import undone
from tests.store.row_factories import contact, event, known, person, revision, text

showings = st.builds(
    person,
    st.integers(1, 3),
    at=st.integers(1, 4),
    facts=st.sampled_from([text(city="Bonn"), text(city="Köln")]),
    shown=st.sampled_from([text(lead_score="1"), text(lead_score="2")]),
    company_id=st.sampled_from([None, 7, 8]),
    stage=st.sampled_from([None, "lead"]),
    addresses=st.lists(st.sampled_from(["a@x.com", "b@x.com", "c@x.com"]), max_size=2, unique=True).map(tuple),
)


def _judged(person: ContactRow) -> tuple[object, ...]:
    return person.facts, person.company_id, person.email, {*person.additional_emails}


@dataclass
class Remembered:
    """What should be known of one contact."""

    person: ContactRow
    changes: int = 0
    sweep: int = 0

    def show(self, person: ContactRow) -> None:
        if person.updated_at >= self.person.updated_at:
            before, after = self.person, person
            self.changes += _judged(before) != _judged(after)
            self.person = person


@given(pages=st.lists(st.lists(showings, max_size=3, unique_by=lambda person: person.id), max_size=6), first=st.booleans())
def test_the_newest_showing_stands_and_the_revision_rises_exactly_when_what_is_judged_differs(
    shared: Store, pages: list[list[ContactRow]], *, first: bool
) -> None:
    model: dict[int, Remembered] = {}
    with undone(shared) as tx:
        if first:
            bulk_load.drop_indices(tx)
            bulk_load.mark_first_verdict(tx)
        for sweep, page in enumerate(pages):
            before = {id_: (kept.changes, revision(tx, id_)) for id_, kept in model.items()}
            contact_store.save(tx, page, scan_id=sweep)
            for shown in page:
                model.setdefault(shown.id, Remembered(shown)).show(shown)
                model[shown.id].sweep = sweep
            for id_, (changes, number) in before.items():
                assert (revision(tx, id_) > number) == (model[id_].changes > changes)
        for id_, kept in model.items():
            row, newest = contact(tx, id_), kept.person
            assert (row.updated_at, row.facts, row.shown) == (newest.updated_at, newest.facts, newest.observed)
            assert (row.company_id, row.stage, row.sweep, row.gone) == (newest.company_id, newest.stage, kept.sweep, False)
            assert row.email == newest.email
            known_by = select(contact_emails.c.email).where(contact_emails.c.contact_id == id_)
            assert set(tx.execute(known_by).scalars()) == set(newest.additional_emails)


def test_an_older_showing_changes_nothing_but_that_the_contact_was_seen(tx: Connection) -> None:
    known(tx, 1, at=20, facts=text(city="Köln"), addresses=("new@x.com",))
    contact_store.save(tx, [person(1, at=19, facts=text(city="Bonn"), addresses=("old@x.com",))], scan_id=3)
    assert (contact(tx, 1).facts, contact(tx, 1).sweep, revision(tx, 1)) == (text(city="Köln"), 3, 1)
    assert (contact_store.find_id(tx, "new@x.com"), contact_store.find_id(tx, "old@x.com")) == (1, None)


def test_a_second_address_is_reason_to_judge_anew(tx: Connection) -> None:
    known(tx, 1)
    known(tx, 1, addresses=("p1@example.com", "second@example.com"))
    assert revision(tx, 1) == 2


def test_our_own_write_that_comes_back_is_no_reason_to_judge_anew(tx: Connection) -> None:
    known(tx, 1, shown=text(lead_score=""))
    known(tx, 1, at=11, shown=text(lead_score="12"), stage="marketingqualifiedlead")
    assert (revision(tx, 1), contact(tx, 1).shown) == (1, text(lead_score="12"))


def test_who_comes_back_is_judged_anew(tx: Connection) -> None:
    known(tx, 1)
    contact_store.mark_deleted(tx, [1])
    gone = revision(tx, 1)
    known(tx, 1)
    assert not contact(tx, 1).gone
    assert revision(tx, 1) > gone


def test_who_a_complete_reading_did_not_see_is_gone(tx: Connection) -> None:
    contact_store.save(tx, [person(1), person(2), person(3)], scan_id=1)
    contact_store.save(tx, [person(1), person(3)], scan_id=2)
    assert contact_store.mark_unseen_deleted(tx, scan_id=2) == 1
    assert contact_store.mark_unseen_deleted(tx, scan_id=2) == 0
    assert [contact(tx, number).gone for number in (1, 2, 3)] == [False, True, False]
    assert contact_store.count(tx) == 2


class TestMerged:
    """Two contacts became one, with an id of its own."""

    @pytest.fixture
    def tx(self, tx: Connection) -> Connection:
        known(tx, 1, 2)
        event_store.save(tx, [event("view-1", contact_id=1), event("view-2", contact_id=2), event("click-2", email="p2@example.com")])
        contact_store.save(tx, [person(9, addresses=("p1@example.com", "p2@example.com"), merged=(1, 2))])
        return tx

    def test_what_both_did_belongs_to_the_new_one(self, tx: Connection) -> None:
        verdicts.select_contact(tx, 9)
        assert {row.id for part in verdicts.load_selected_events(tx) for row in part} == {"view-1", "view-2", "click-2"}
        assert set(tx.execute(select(events.c.contact_id)).scalars()) == {9, None}

    def test_the_two_are_gone(self, tx: Connection) -> None:
        assert set(tx.execute(select(contacts.c.id).where(~contacts.c.gone)).scalars()) == {9}

    def test_their_addresses_lead_to_the_new_one(self, tx: Connection) -> None:
        assert [contact_store.find_id(tx, f"p{number}@example.com") for number in (1, 2)] == [9, 9]

    def test_reading_the_new_one_again_changes_nothing(self, tx: Connection) -> None:
        before = [revision(tx, number) for number in (1, 2, 9)]
        contact_store.save(tx, [person(9, addresses=("p1@example.com", "p2@example.com"), merged=(1, 2))])
        assert [revision(tx, number) for number in (1, 2, 9)] == before

    def test_who_keeps_the_id_of_one_of_the_two_is_not_gone(self, tx: Connection) -> None:
        known(tx, 5)
        contact_store.save(tx, [person(6, merged=(5, 6))])
        assert (contact(tx, 5).gone, contact(tx, 6).gone) == (True, False)


def test_a_company_that_changed_has_its_contacts_judged_anew_and_nobody_else(tx: Connection) -> None:
    known(tx, 1, 2, company_id=7)
    known(tx, 3, company_id=8)
    large = {"id": 7, "updated_at": 1, "facts": text(numberofemployees="500")}
    contact_store.save_companies(tx, [large, {"id": 8, "updated_at": 1, "facts": text()}])
    first = [revision(tx, number) for number in (1, 2, 3)]
    contact_store.save_companies(tx, [{**large, "updated_at": 2}, {"id": 8, "updated_at": 2, "facts": text(numberofemployees="9")}])
    assert [revision(tx, number) - before for number, before in zip((1, 2, 3), first, strict=True)] == [0, 0, 1]
    assert tx.execute(select(companies.c.updated_at).where(companies.c.id == 7)).scalar() == 2


@pytest.mark.parametrize("named", ["7", "p7@example.com", " P7@Example.com "])
def test_a_contact_is_found_by_id_and_by_address(tx: Connection, named: str) -> None:
    known(tx, 7)
    assert contact_store.find_id(tx, named) == 7
    assert contact_store.find_id(tx, "8") is None
    assert contact_store.find_id(tx, "p8@example.com") is None


def test_nobody_to_remember_is_no_error(tx: Connection) -> None:
    contact_store.save(tx, [])
    contact_store.save_companies(tx, [])
    contact_store.mark_deleted(tx, [])
    assert contact_store.count(tx) == 0
