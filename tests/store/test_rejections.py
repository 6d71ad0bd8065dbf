from __future__ import annotations

from sqlalchemy import Connection

from sync_worker.store import differences, rejections
from sync_worker.store.rejections import Rejection
from tests.store.row_factories import canonical_json, make_verdict_row, save_contacts, save_verdicts

OLD, NEW = canonical_json(lead_score="1"), canonical_json(lead_score="2")


def save_rejection(tx: Connection, number: int, desired: str = NEW) -> None:
    """Save a contact with the verdict `NEW`, and a rejection of a value."""
    save_contacts(tx, number, shown=OLD)
    save_verdicts(tx, make_verdict_row(number, desired=NEW))
    rejections.save(tx, [Rejection(number, desired, "no", 1)])


def test_a_rejected_value_is_sent_again_only_if_another_is_desired(tx: Connection) -> None:
    save_rejection(tx, 1)
    assert differences.count(tx) == 0
    assert [tuple(row) for row in rejections.load(tx)] == [(1, "no")]
    save_verdicts(tx, make_verdict_row(1, desired=canonical_json(lead_score="3")))
    assert differences.count(tx) == 1
    assert rejections.load(tx) == []


def test_cleared_rejections_are_sent_again_and_suspended_contacts_are_not(tx: Connection) -> None:
    save_rejection(tx, 1)
    save_rejection(tx, 2, desired=OLD)
    rejections.suspend(tx, [2], reason="restored", at=2)
    assert [tuple(row) for row in rejections.load(tx)] == [(1, "no"), (2, "restored")]
    rejections.clear(tx)
    assert [tuple(row) for row in rejections.load(tx)] == [(2, "restored")]
    assert [row.id for row in differences.load(tx, None, after=0, limit=9)] == [1]
