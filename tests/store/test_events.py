from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, func, select

from sync_worker.store import events as event_store
from sync_worker.store.database import Store
from sync_worker.store.schema import events, forms
from tests.store.database_factories import undone
from tests.store.row_factories import event, known, revision


def judged_anew(tx: Connection, *numbers: int) -> list[int]:
    return [number for number in numbers if revision(tx, number) > 1]


@pytest.fixture
def tx(tx: Connection) -> Connection:
    known(tx, 1)
    known(tx, 2, addresses=("p2@example.com", "second@example.com"))
    known(tx, 3)
    return tx


@pytest.mark.parametrize("who", [{"contact_id": 2}, {"email": "p2@example.com"}, {"email": "second@example.com"}])
def test_an_event_has_its_contact_judged_anew_and_nobody_else(tx: Connection, who: dict[str, object]) -> None:
    assert event_store.save(tx, [event("e", **who)]) == 1
    assert judged_anew(tx, 1, 2, 3) == [2]


def test_an_event_read_again_changes_nothing(tx: Connection) -> None:
    event_store.save(tx, [event("e", contact_id=2), event("f", email="p1@example.com")])
    before = [revision(tx, number) for number in (1, 2, 3)]
    assert event_store.save(tx, [event("f", email="p1@example.com"), event("e", contact_id=2)]) == 0
    assert [revision(tx, number) for number in (1, 2, 3)] == before
    assert count(tx) == 2


def test_an_event_of_nobody_known_is_kept_until_somebody_comes_who_it_belongs_to(tx: Connection) -> None:
    assert event_store.save(tx, [event("e", email="later@example.com"), event("f", contact_id=99), event("g")]) == 3
    assert judged_anew(tx, 1, 2, 3) == []
    assert count(tx) == 3


def test_hubspots_own_mark_for_machines_may_come_late(tx: Connection) -> None:
    event_store.save(tx, [event("e", contact_id=2)])
    before = revision(tx, 2)
    assert event_store.save(tx, [event("e", contact_id=2, filtered=True)]) == 1
    assert tx.execute(select(events.c.filtered)).scalar_one()
    assert revision(tx, 2) > before


def test_an_event_twice_in_one_page_is_one(tx: Connection) -> None:
    assert event_store.save(tx, [event("e", contact_id=2), event("e", contact_id=2)]) == 1
    assert count(tx) == 1


def test_the_same_id_in_two_kinds_is_two_events(tx: Connection) -> None:
    assert event_store.save(tx, [event("e", contact_id=2), event("e", contact_id=2, kind="page_view")]) == 2


def test_an_event_that_was_replaced_goes_and_its_contact_is_judged_anew(tx: Connection) -> None:
    event_store.save(tx, [event("e", email="second@example.com"), event("e", kind="page_view", contact_id=1), event("f", contact_id=3)])
    before = [revision(tx, number) for number in (1, 2, 3)]
    event_store.delete_by_id(tx, "email_click", ["e", "unknown"])
    assert [revision(tx, number) - old for number, old in zip((1, 2, 3), before, strict=True)] == [0, 1, 0]
    assert count(tx) == 2


def test_dropping_what_is_not_there_changes_nothing(tx: Connection) -> None:
    event_store.delete_by_id(tx, "email_click", ["e"])
    assert judged_anew(tx, 1, 2, 3) == []


def test_no_events_are_no_work(tx: Connection) -> None:
    assert event_store.save(tx, []) == 0


@given(pages=st.lists(st.lists(st.integers(1, 8), max_size=5), max_size=5))
def test_in_whatever_order_and_however_often_events_are_read_each_is_kept_once(shared: Store, pages: list[list[int]]) -> None:
    seen: set[int] = set()
    with undone(shared) as tx:
        for page in pages:
            assert event_store.save(tx, [event(number, at=number) for number in page]) == len(set(page) - seen)
            seen |= set(page)
        assert count(tx) == len(seen)


def test_forms_are_renamed_and_never_forgotten(tx: Connection) -> None:
    event_store.save_forms(tx, {"1": "Demo", "2": "News"})
    event_store.save_forms(tx, {"2": "Newsletter", "3": "Contact us"})
    assert dict(tx.execute(select(forms)).all()) == {"1": "Demo", "2": "Newsletter", "3": "Contact us"}


def count(tx: Connection) -> int:
    return tx.execute(select(func.count()).select_from(events)).scalar_one()
