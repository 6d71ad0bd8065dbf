"""Events of former emails: they stay with the contact that had the email at that time."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, select

from sync_worker.store import erasure, verdicts
from sync_worker.store.facts import contacts as contact_store
from sync_worker.store.facts import emails, events
from sync_worker.store.schema import former_emails
from tests.store.row_factories import VERDICT_KEY, make_contact_row, make_event_row, save_contacts

OLD, NEW = "j@firm.tset", "j@firm.test"


def event_ids(tx: Connection, number: int) -> list[str]:
    verdicts.select_contact(tx, number)
    return sorted(row.id for part in verdicts.load_selected_events(tx) for row in part)


def change_email(tx: Connection, number: int = 1, *, at: int = 5_000, addresses: tuple[str, ...] = (NEW,)) -> None:
    contact_store.save(tx, [make_contact_row(number, at=at, addresses=addresses)])


@pytest.fixture
def corrected(tx: Connection) -> Connection:
    """Contact 1 clicked once with an email that was then corrected."""
    save_contacts(tx, 1, addresses=(OLD,))
    events.save(tx, [make_event_row("before", email=OLD, at=1_000)])
    change_email(tx)
    return tx


def test_events_stay_with_a_contact_whose_email_changes(corrected: Connection) -> None:
    events.save(corrected, [make_event_row("late", email=OLD, at=2_000), make_event_row("after", email=OLD, at=9_000)])
    events.save(corrected, [make_event_row("new", email=NEW, at=9_000)])
    assert event_ids(corrected, 1) == ["after", "before", "late", "new"]


def test_a_contact_that_gets_the_email_later_has_only_its_own_events(corrected: Connection) -> None:
    save_contacts(corrected, 2, at=6_000, addresses=(OLD,))
    events.save(corrected, [make_event_row("late", email=OLD, at=2_000), make_event_row("after", email=OLD, at=9_000)])
    assert (event_ids(corrected, 1), event_ids(corrected, 2)) == (["before", "late"], ["after"])


def test_two_contacts_that_had_an_email_one_after_the_other_keep_their_events(corrected: Connection) -> None:
    save_contacts(corrected, 2, at=6_000, addresses=(OLD,))
    change_email(corrected, 2, at=8_000, addresses=("other@firm.test",))
    events.save(corrected, [make_event_row(str(at), email=OLD, at=at) for at in (4_000, 7_000, 9_000)])
    assert (event_ids(corrected, 1), event_ids(corrected, 2)) == (["4000", "before"], ["7000", "9000"])


def test_events_of_an_additional_email_stay_when_it_is_removed(tx: Connection) -> None:
    save_contacts(tx, 1, addresses=(NEW, OLD))
    events.save(tx, [make_event_row("before", email=OLD)])
    change_email(tx)
    assert event_ids(tx, 1) == ["before"]


def test_an_older_record_does_not_end_an_email(corrected: Connection) -> None:
    change_email(corrected, at=4_000, addresses=(OLD,))
    assert corrected.execute(select(former_emails)).all() == [(OLD, 1, 5_000)]


def test_a_changed_email_makes_the_contact_due_and_an_event_of_a_former_email_too(corrected: Connection) -> None:
    revisions = verdicts.select_contact(corrected, 1)
    events.save(corrected, [make_event_row("late", email=OLD)])
    assert verdicts.select_contact(corrected, 1)[1] > revisions[1]
    assert verdicts.select_due(corrected, VERDICT_KEY, after=0, limit=9).keys() == {1}


def test_a_merge_moves_the_former_emails_to_the_survivor(corrected: Connection) -> None:
    contact_store.save(corrected, [make_contact_row(3, at=7_000, addresses=("third@firm.test",), merged_ids=(1,))])
    events.save(corrected, [make_event_row("late", email=OLD, at=9_000)])
    assert event_ids(corrected, 3) == ["before", "late"]


def test_a_contact_is_found_by_its_former_email_and_erased_with_it(corrected: Connection) -> None:
    assert contact_store.find_id(corrected, f" {OLD.upper()} ") == 1
    assert erasure.purge(corrected, [1], [OLD]) == 1
    assert corrected.execute(select(former_emails)).all() == []


def test_the_events_of_a_former_email_are_not_erased_with_another_contact(corrected: Connection) -> None:
    save_contacts(corrected, 2, at=6_000, addresses=(OLD,))
    assert erasure.purge(corrected, [2], [OLD]) == 0
    assert event_ids(corrected, 1) == ["before"]


def test_contacts_with_a_shared_email_are_found(tx: Connection) -> None:
    save_contacts(tx, 1, addresses=("info@firm.test", NEW))
    save_contacts(tx, 2, addresses=("b@firm.test", "info@firm.test"))
    save_contacts(tx, 3)
    assert (emails.find_sharing_contacts(tx, 1), emails.find_sharing_contacts(tx, 2), emails.find_sharing_contacts(tx, 3)) == ([2], [1], [])
