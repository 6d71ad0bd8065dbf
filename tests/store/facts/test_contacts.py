from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, select

from sync_worker.store import verdicts
from sync_worker.store.database import Store
from sync_worker.store.facts import contacts as contact_store
from sync_worker.store.facts import events as event_store
from sync_worker.store.facts.contacts import CompanyRow, ContactRow
from sync_worker.store.schema import companies, contact_emails, contacts, events
from tests.store.database_factories import rollback_transaction
from tests.store.row_factories import canonical_json, make_contact_row, make_event_row, read_contact, read_revision, save_contacts

contact_rows = st.builds(
    make_contact_row,
    st.integers(1, 3),
    at=st.integers(1, 4),
    facts=st.sampled_from([canonical_json(city="Bonn"), canonical_json(city="Köln")]),
    shown=st.sampled_from([canonical_json(lead_score="1"), canonical_json(lead_score="2")]),
    company_id=st.sampled_from([None, 7, 8]),
    stage=st.sampled_from([None, "lead"]),
    addresses=st.lists(st.sampled_from(["a@x.com", "b@x.com", "c@x.com"]), max_size=2, unique=True).map(tuple),
)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        (None, 0),
        ("", 0),
        ("3", 3),
        ("3.0", 3),
        ("-3", None),
        ("many", None),
        ("NaN", None),
        ("1e99", None),
        ("inf", None),
        ("9007199254740991", 2**53 - 1),
        ("9007199254740992", None),
    ],
)
def test_a_counter_that_is_no_number_of_events_is_not_compared(text: str | None, number: int | None) -> None:
    assert contact_store.parse_counter(text) == number


def evaluated_fields(contact: ContactRow) -> tuple[object, ...]:
    return contact.facts, contact.company_id, contact.email, {*contact.additional_emails}


@dataclass
class ExpectedContact:
    """The contact that the state should have."""

    contact: ContactRow
    changes: int = 0
    scan_id: int = 0

    def observe(self, contact: ContactRow) -> None:
        if contact.updated_at >= self.contact.updated_at:
            self.changes += evaluated_fields(self.contact) != evaluated_fields(contact)
            self.contact = contact


@given(pages=st.lists(st.lists(contact_rows, max_size=3, unique_by=lambda contact: contact.id), max_size=6))
def test_the_newest_record_wins_and_the_revision_rises_only_when_evaluated_fields_differ(
    module_store: Store, pages: list[list[ContactRow]]
) -> None:
    model: dict[int, ExpectedContact] = {}
    with rollback_transaction(module_store) as tx:
        for scan_id, page in enumerate(pages):
            before = {id_: (expected.changes, read_revision(tx, id_)) for id_, expected in model.items()}
            contact_store.save(tx, page, scan_id=scan_id)
            for contact in page:
                model.setdefault(contact.id, ExpectedContact(contact)).observe(contact)
                model[contact.id].scan_id = scan_id
            for id_, (changes, number) in before.items():
                assert (read_revision(tx, id_) > number) == (model[id_].changes > changes)
        for id_, expected in model.items():
            row, newest = read_contact(tx, id_), expected.contact
            assert (row.updated_at, row.facts, row.shown) == (newest.updated_at, newest.facts, newest.observed)
            assert (row.company_id, row.stage, row.sweep, row.gone) == (newest.company_id, newest.stage, expected.scan_id, False)
            assert row.email == newest.email
            additional = select(contact_emails.c.email).where(contact_emails.c.contact_id == id_)
            assert set(tx.execute(additional).scalars()) == set(newest.additional_emails)


def test_an_older_record_changes_only_the_last_seen_mark(tx: Connection) -> None:
    save_contacts(tx, 1, at=20, facts=canonical_json(city="Köln"), addresses=("new@x.com",))
    contact_store.save(tx, [make_contact_row(1, at=19, facts=canonical_json(city="Bonn"), addresses=("old@x.com",))], scan_id=3)
    assert (read_contact(tx, 1).facts, read_contact(tx, 1).sweep, read_revision(tx, 1)) == (canonical_json(city="Köln"), 3, 1)
    assert (contact_store.find_id(tx, "new@x.com"), contact_store.find_id(tx, "old@x.com")) == (1, None)


def test_a_second_email_marks_the_contact_as_due(tx: Connection) -> None:
    save_contacts(tx, 1)
    save_contacts(tx, 1, addresses=("p1@example.com", "second@example.com"))
    assert read_revision(tx, 1) == 2


def test_the_echo_of_our_own_write_marks_no_contact_as_due(tx: Connection) -> None:
    save_contacts(tx, 1, shown=canonical_json(lead_score=""))
    save_contacts(tx, 1, at=11, shown=canonical_json(lead_score="12"), stage="marketingqualifiedlead")
    assert (read_revision(tx, 1), read_contact(tx, 1).shown) == (1, canonical_json(lead_score="12"))


def test_a_restored_contact_is_due(tx: Connection) -> None:
    save_contacts(tx, 1)
    contact_store.mark_deleted(tx, [1])
    deleted = read_revision(tx, 1)
    save_contacts(tx, 1)
    assert not read_contact(tx, 1).gone
    assert read_revision(tx, 1) > deleted


def test_a_query_can_name_hundreds_of_thousands_of_contacts(tx: Connection) -> None:
    save_contacts(tx, 1, 300_000)
    assert contact_store.find_new_ids(tx, range(1, 300_001)) == {*range(2, 300_000)}


def test_a_contact_missing_from_a_full_scan_is_deleted(tx: Connection) -> None:
    contact_store.save(tx, [make_contact_row(1), make_contact_row(2), make_contact_row(3)], scan_id=1)
    contact_store.save(tx, [make_contact_row(1), make_contact_row(3)], scan_id=2)
    assert contact_store.mark_unseen_deleted(tx, scan_id=2) == 1
    assert contact_store.mark_unseen_deleted(tx, scan_id=2) == 0
    assert [read_contact(tx, number).gone for number in (1, 2, 3)] == [False, True, False]
    assert contact_store.count(tx) == 2


class TestMerge:
    """Two contacts were merged into a new one."""

    @pytest.fixture
    def tx(self, tx: Connection) -> Connection:
        save_contacts(tx, 1, 2)
        event_store.save(
            tx,
            [
                make_event_row("view-1", contact_id=1),
                make_event_row("view-2", contact_id=2),
                make_event_row("click-2", email="p2@example.com"),
            ],
        )
        contact_store.save(tx, [make_contact_row(9, addresses=("p1@example.com", "p2@example.com"), merged_ids=(1, 2))])
        return tx

    def test_events_of_both_belong_to_the_new_contact(self, tx: Connection) -> None:
        verdicts.select_contact(tx, 9)
        assert {row.id for part in verdicts.load_selected_events(tx) for row in part} == {"view-1", "view-2", "click-2"}
        assert set(tx.execute(select(events.c.contact_id)).scalars()) == {9, None}

    def test_the_two_are_deleted(self, tx: Connection) -> None:
        assert set(tx.execute(select(contacts.c.id).where(~contacts.c.gone)).scalars()) == {9}

    def test_their_emails_belong_to_the_new_contact(self, tx: Connection) -> None:
        assert [contact_store.find_id(tx, f"p{number}@example.com") for number in (1, 2)] == [9, 9]

    def test_the_new_contact_read_again_changes_nothing(self, tx: Connection) -> None:
        before = [read_revision(tx, number) for number in (1, 2, 9)]
        contact_store.save(tx, [make_contact_row(9, addresses=("p1@example.com", "p2@example.com"), merged_ids=(1, 2))])
        assert [read_revision(tx, number) for number in (1, 2, 9)] == before

    def test_a_survivor_that_keeps_one_of_the_ids_is_not_deleted(self, tx: Connection) -> None:
        save_contacts(tx, 5)
        contact_store.save(tx, [make_contact_row(6, merged_ids=(5, 6))])
        assert (read_contact(tx, 5).gone, read_contact(tx, 6).gone) == (True, False)


def test_a_changed_company_marks_only_its_contacts_as_due(tx: Connection) -> None:
    save_contacts(tx, 1, 2, company_id=7)
    save_contacts(tx, 3, company_id=8)
    large = CompanyRow(7, 1, canonical_json(numberofemployees="500"))
    contact_store.save_companies(tx, [large, CompanyRow(8, 1, canonical_json())])
    first = [read_revision(tx, number) for number in (1, 2, 3)]
    contact_store.save_companies(tx, [large._replace(updated_at=2), CompanyRow(8, 2, canonical_json(numberofemployees="9"))])
    assert [read_revision(tx, number) - before for number, before in zip((1, 2, 3), first, strict=True)] == [0, 0, 1]
    assert tx.execute(select(companies.c.updated_at).where(companies.c.id == 7)).scalar() == 2


@pytest.mark.parametrize("named", ["7", "p7@example.com", " P7@Example.com "])
def test_a_contact_is_found_by_id_and_by_email(tx: Connection, named: str) -> None:
    save_contacts(tx, 7)
    assert contact_store.find_id(tx, named) == 7
    assert contact_store.find_id(tx, "8") is None
    assert contact_store.find_id(tx, "p8@example.com") is None


@pytest.mark.parametrize("digits", [19, 20, 5_000])
def test_a_number_with_too_many_digits_is_no_contact(tx: Connection, digits: int) -> None:
    assert contact_store.find_id(tx, "9" * digits) is None


def test_saving_no_contacts_is_no_error(tx: Connection) -> None:
    contact_store.save(tx, [])
    contact_store.save_companies(tx, [])
    contact_store.mark_deleted(tx, [])
    assert contact_store.count(tx) == 0


def test_a_company_that_a_full_read_does_not_return_is_deleted_and_its_contacts_are_due(tx: Connection) -> None:
    save_contacts(tx, 1, company_id=7)
    contact_store.save_companies(tx, [CompanyRow(7, 1, canonical_json()), CompanyRow(8, 1, canonical_json())], read_at=100)
    contact_store.save_companies(tx, [CompanyRow(8, 1, canonical_json())], read_at=200)
    before = read_revision(tx, 1)
    assert contact_store.unread_companies(tx, since=200) == [7]
    contact_store.delete_companies(tx, [7])
    assert tx.execute(select(companies.c.id)).scalars().all() == [8]
    assert read_revision(tx, 1) == before + 1


def test_the_owners_of_events_are_found_by_id_and_by_email(tx: Connection) -> None:
    save_contacts(tx, 1, 2)
    owners = contact_store.find_owners(tx, [1, 9], [])
    assert [list(owners.of(id_, None)) for id_ in (1, 2, 9)] == [[1], [], []]
    assert list(contact_store.find_owners(tx, [], []).of(1, "p1@example.com")) == []


@pytest.mark.parametrize(("since", "count"), [(100, 2), (101, 1), (201, 0)])
def test_companies_are_counted_that_were_read_since_a_time(tx: Connection, since: int, count: int) -> None:
    contact_store.save_companies(tx, [CompanyRow(7, 1, canonical_json())], read_at=100)
    contact_store.save_companies(tx, [CompanyRow(8, 1, canonical_json()), CompanyRow(10, 1, canonical_json())], read_at=200)
    assert contact_store.count_companies_read(tx, (7, 9), since=since) == count


def test_counters_are_those_of_contacts_that_are_not_deleted(tx: Connection) -> None:
    for number, views in enumerate(["7", None, "many", "9"], 1):
        facts = canonical_json() if views is None else canonical_json(hs_analytics_num_page_views=views)
        save_contacts(tx, number, facts=facts)
    contact_store.mark_deleted(tx, [4])
    assert contact_store.load_counter(tx, "hs_analytics_num_page_views", after=0, limit=9) == {1: 7, 2: 0, 3: None}
    assert contact_store.load_counter(tx, "hs_analytics_num_page_views", after=1, limit=1) == {2: 0}
