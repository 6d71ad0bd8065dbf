from __future__ import annotations

from sqlalchemy import Connection

from sync_worker.store import erasure, verdicts
from sync_worker.store.facts import subscriptions
from sync_worker.store.facts.subscriptions import SubscriptionRow
from tests.store.row_factories import due_ids, make_contact_row, make_verdict_row, save_contacts, save_verdicts

NEWS = SubscriptionRow(1, "p1@example.com", ";Newsletter;", ";")


def load(tx: Connection, number: int) -> list[tuple[object, ...]]:
    verdicts.select_contact(tx, number)
    return [tuple(row) for row in verdicts.load_selected_subscriptions(tx)]


def save_evaluated(tx: Connection, *numbers: int) -> None:
    save_contacts(tx, *numbers)
    save_verdicts(tx, *map(make_verdict_row, numbers))


def test_contacts_whose_subscriptions_differ_are_due(tx: Connection) -> None:
    save_evaluated(tx, 1, 2)
    subscriptions.save(tx, [NEWS, SubscriptionRow(2, "p2@example.com", ";", ";")])
    assert due_ids(tx) == [1, 2]
    save_verdicts(tx, make_verdict_row(1), make_verdict_row(2))
    subscriptions.save(tx, [NEWS, SubscriptionRow(2, "p2@example.com", ";", ";Newsletter;")])
    assert due_ids(tx) == [2]
    assert load(tx, 1) == [(1, ";Newsletter;", ";")]


def test_statuses_that_could_not_be_read_leave_those_of_the_same_address(tx: Connection) -> None:
    save_contacts(tx, 1)
    subscriptions.save(tx, [NEWS])
    subscriptions.save(tx, [SubscriptionRow(1, "p1@example.com")])
    assert load(tx, 1) == [(1, ";Newsletter;", ";")]
    subscriptions.save(tx, [SubscriptionRow(1, "other@example.com")])
    assert load(tx, 1) == [(1, None, None)]


def test_subscriptions_are_current_until_the_contact_changes(tx: Connection) -> None:
    save_contacts(tx, 1, 2, at=10)
    subscriptions.save(tx, [NEWS])
    assert subscriptions.find_current_ids(tx, [make_contact_row(number, at=10) for number in (1, 2, 3)]) == {1}
    assert subscriptions.find_current_ids(tx, [make_contact_row(1, at=11)]) == set()
    assert subscriptions.find_current_ids(tx, [make_contact_row(1, at=10, addresses=("other@example.com",))]) == set()


def test_erasure_deletes_subscriptions(tx: Connection) -> None:
    save_contacts(tx, 1)
    subscriptions.save(tx, [NEWS])
    erasure.purge(tx, [1])
    assert load(tx, 1) == []
