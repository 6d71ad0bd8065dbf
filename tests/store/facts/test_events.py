from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, func, select

from sync_worker.store.database import Store
from sync_worker.store.facts import events as event_store
from sync_worker.store.schema import events, forms
from tests.store.database_factories import rollback_transaction
from tests.store.row_factories import make_event_row, read_revision, save_contacts


def due_contacts(tx: Connection, *numbers: int) -> list[int]:
    return [number for number in numbers if read_revision(tx, number) > 1]


@pytest.fixture
def tx(tx: Connection) -> Connection:
    save_contacts(tx, 1)
    save_contacts(tx, 2, addresses=("p2@example.com", "second@example.com"))
    save_contacts(tx, 3)
    return tx


@pytest.mark.parametrize("contact", [{"contact_id": 2}, {"email": "p2@example.com"}, {"email": "second@example.com"}])
def test_an_event_marks_only_its_contact_as_due(tx: Connection, contact: dict[str, object]) -> None:
    assert event_store.save(tx, [make_event_row("e", **contact)]) == 1
    assert due_contacts(tx, 1, 2, 3) == [2]


def test_an_event_of_a_merged_contact_belongs_to_the_survivor_whichever_is_saved_first(tx: Connection) -> None:
    event_store.save(tx, [make_event_row("before", contact_id=7)])
    save_contacts(tx, 3, at=20, merged_ids=(7, 8))
    event_store.save(tx, [make_event_row("after", contact_id=8)])
    assert dict(tx.execute(select(events.c.id, events.c.contact_id)).all()) == {"before": 3, "after": 3}
    assert due_contacts(tx, 1, 2, 3) == [3]


def test_an_event_belongs_to_the_survivor_of_all_later_merges(tx: Connection) -> None:
    save_contacts(tx, 3, at=20, merged_ids=(7,))
    save_contacts(tx, 2, at=30, merged_ids=(3,))
    save_contacts(tx, 3, at=20, merged_ids=(7,))  # an outdated record from the search index
    event_store.save(tx, [make_event_row("late", contact_id=7)])
    assert tx.execute(select(events.c.contact_id)).scalar() == 2


def test_an_event_read_again_changes_nothing(tx: Connection) -> None:
    event_store.save(tx, [make_event_row("e", contact_id=2), make_event_row("f", email="p1@example.com")])
    before = [read_revision(tx, number) for number in (1, 2, 3)]
    assert event_store.save(tx, [make_event_row("f", email="p1@example.com"), make_event_row("e", contact_id=2)]) == 0
    assert [read_revision(tx, number) for number in (1, 2, 3)] == before
    assert count_events(tx) == 2


def test_an_event_without_a_contact_is_kept_until_its_contact_is_saved(tx: Connection) -> None:
    assert (
        event_store.save(tx, [make_event_row("e", email="later@example.com"), make_event_row("f", contact_id=99), make_event_row("g")]) == 3
    )
    assert due_contacts(tx, 1, 2, 3) == []
    assert count_events(tx) == 3


def test_the_bot_flag_of_hubspot_may_arrive_late(tx: Connection) -> None:
    event_store.save(tx, [make_event_row("e", contact_id=2)])
    before = read_revision(tx, 2)
    assert event_store.save(tx, [make_event_row("e", contact_id=2, filtered=True)]) == 1
    assert tx.execute(select(events.c.filtered)).scalar_one()
    assert read_revision(tx, 2) > before


def test_an_event_twice_in_one_page_is_one(tx: Connection) -> None:
    assert event_store.save(tx, [make_event_row("e", contact_id=2), make_event_row("e", contact_id=2)]) == 1
    assert count_events(tx) == 1


def test_the_same_id_in_two_kinds_is_two_events(tx: Connection) -> None:
    assert event_store.save(tx, [make_event_row("e", contact_id=2), make_event_row("e", contact_id=2, kind="page_view")]) == 2


def test_a_replaced_event_is_deleted_and_its_contact_is_due(tx: Connection) -> None:
    event_store.save(
        tx,
        [
            make_event_row("e", email="second@example.com"),
            make_event_row("e", kind="page_view", contact_id=1),
            make_event_row("f", contact_id=3),
        ],
    )
    before = [read_revision(tx, number) for number in (1, 2, 3)]
    event_store.delete_by_id(tx, "email_click", ["e", "unknown"])
    assert [read_revision(tx, number) - old for number, old in zip((1, 2, 3), before, strict=True)] == [0, 1, 0]
    assert count_events(tx) == 2


def test_deleting_an_unknown_event_changes_nothing(tx: Connection) -> None:
    event_store.delete_by_id(tx, "email_click", ["e"])
    assert due_contacts(tx, 1, 2, 3) == []


def test_saving_no_events_is_no_error(tx: Connection) -> None:
    assert event_store.save(tx, []) == 0


@given(pages=st.lists(st.lists(st.integers(1, 8), max_size=5), max_size=5))
def test_events_read_in_any_order_and_repeatedly_are_saved_once(module_store: Store, pages: list[list[int]]) -> None:
    seen: set[int] = set()
    with rollback_transaction(module_store) as tx:
        for page in pages:
            assert event_store.save(tx, [make_event_row(number, at=number) for number in page]) == len(set(page) - seen)
            seen |= set(page)
        assert count_events(tx) == len(seen)


def test_forms_are_renamed_and_never_deleted(tx: Connection) -> None:
    event_store.save_forms(tx, {"1": "Demo", "2": "News"})
    event_store.save_forms(tx, {"2": "Newsletter", "3": "Contact us"})
    assert dict(tx.execute(select(forms)).all()) == {"1": "Demo", "2": "Newsletter", "3": "Contact us"}


def count_events(tx: Connection) -> int:
    return tx.execute(select(func.count()).select_from(events)).scalar_one()


def test_the_first_event_since_a_time_has_the_kind_and_the_contact(tx: Connection) -> None:
    save_contacts(tx, 1, 2, 3)
    rows = [
        make_event_row("early", contact_id=1, at=99),
        make_event_row("view", contact_id=1, at=100, kind="page_view"),
        make_event_row("later", contact_id=1, at=102),
        make_event_row("first", contact_id=1, at=101),
        make_event_row("by address", email="p2@example.com", at=100),
        make_event_row("other", contact_id=3, at=100),
    ]
    event_store.save(tx, rows)
    assert event_store.load_first_since(tx, "email_click", [1, 2], 100) == {1: 101, 2: 100}
