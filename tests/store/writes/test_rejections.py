from __future__ import annotations

from bisect import bisect_left

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, select, update

from sync_worker.store import schema
from sync_worker.store.database import Store
from sync_worker.store.writes import differences, held_back, memberships, rejections
from sync_worker.store.writes.differences import StageRule
from sync_worker.store.writes.held_back import HeldBackGroup
from sync_worker.store.writes.rejections import ADD, LEFT_ALONE, MAX_DISTANCE, PROPERTIES, REMOVE, STAGE, Rejection, list_part
from tests.store.database_factories import rollback_transaction
from tests.store.row_factories import canonical_json, make_verdict_row, save_contacts, save_verdicts

OLD, NEW = canonical_json(lead_score="1"), canonical_json(lead_score="2")
MQL = "marketingqualifiedlead"
STAGE_RULE = StageRule(target=MQL, earlier_stages=("lead",))
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000


def save_contact(tx: Connection, number: int = 1, **fields: object) -> None:
    """Save a contact that shows OLD and should show NEW."""
    save_contacts(tx, number, shown=OLD, stage="lead")
    save_verdicts(tx, make_verdict_row(number, desired=NEW, **fields))


def reject(tx: Connection, *, at: int = 1, part: str = PROPERTIES, number: int = 1, desired: str = NEW, **fields: object) -> None:
    rejections.save(tx, [Rejection(number, part, desired, **{"reason": "no", **fields})], at=at)


def is_due(tx: Connection, now: int) -> bool:
    return bool(differences.load(tx, None, now=now, after=0, limit=9))


def test_an_invalid_value_is_sent_again_only_if_another_is_desired(tx: Connection) -> None:
    save_contact(tx)
    reject(tx, max_tries=1)
    assert not is_due(tx, 10**15)
    save_contacts(tx, 1, at=50, shown=OLD)  # the contact changes
    rejections.release(tx)  # a full scan
    assert not is_due(tx, 10**15)
    save_verdicts(tx, make_verdict_row(1, desired=canonical_json(lead_score="3")))
    assert is_due(tx, 1)
    assert not held_back.load(tx, None, ()).contacts


def test_another_rejection_is_tried_by_the_next_run_and_then_at_growing_distance(tx: Connection) -> None:
    save_contact(tx)
    now, distances = 1, []
    for _ in range(16):
        reject(tx, at=now)
        assert not is_due(tx, now)  # not twice in one run
        times = range(now + 1, now + DAY + MINUTE, MINUTE)
        due = times[bisect_left(times, True, key=lambda at: is_due(tx, at))]  # once due, it stays due
        distances.append(due - now)
        now = due
    assert distances[0] == 1
    assert 5 * MINUTE <= distances[1] <= 6 * MINUTE
    assert distances == sorted(distances)
    assert distances[-1] <= MAX_DISTANCE + MINUTE
    assert MAX_DISTANCE == DAY - 4 * HOUR  # a worker that runs once a day tries every day, even if it starts a little earlier


def test_several_tries_of_one_run_count_once(tx: Connection) -> None:
    save_contact(tx)
    for _ in range(5):
        reject(tx, at=7)
    assert is_due(tx, 8)


@pytest.mark.parametrize("trigger", ["the contact changes", "a full scan", "another value is desired", "setup"])
def test_a_waiting_rejection_is_due_at_once_if_something_changes(tx: Connection, trigger: str) -> None:
    save_contact(tx)
    for at in (1, 2, 3):
        reject(tx, at=at)
    assert not is_due(tx, 4)
    match trigger:
        case "the contact changes":
            save_contacts(tx, 1, at=50, shown=OLD)
        case "a full scan":
            rejections.release(tx)
        case "another value is desired":
            save_verdicts(tx, make_verdict_row(1, desired=canonical_json(lead_score="3")))
        case _:
            rejections.clear(tx)
    assert is_due(tx, 4)


def test_a_value_that_hubspot_alters_twice_is_final(tx: Connection) -> None:
    save_contact(tx)
    reject(tx, at=1, max_tries=2)
    assert is_due(tx, 2)
    reject(tx, at=2, max_tries=2)
    assert not is_due(tx, 10**15)


def test_properties_stage_and_list_are_held_back_independently(tx: Connection) -> None:
    save_contact(tx, mql=True, band="hot")
    memberships.save_list(tx, "mql", list_id="9", name="MQL")

    def find_changes() -> tuple[list[tuple[bool, bool]], list[int]]:
        rows = differences.load(tx, STAGE_RULE, now=1, after=0, limit=9)
        return [(row.properties_change, row.stage_changes) for row in rows], [*memberships.ids_to_add(tx, "mql", now=1)]

    assert find_changes() == ([(True, True)], [1])
    reject(tx, part=STAGE, desired=MQL)
    assert find_changes() == ([(True, False)], [1])
    reject(tx, part=list_part("mql"), desired=ADD)
    assert find_changes() == ([(True, False)], [])
    reject(tx)
    assert find_changes() == ([], [])
    rejections.delete_part(tx, STAGE, [1])
    assert find_changes() == ([(False, True)], [])
    assert [(group.part, group.contacts) for group in held_back.load(tx, STAGE_RULE, ["mql"]).groups] == [("list:mql", 1), (PROPERTIES, 1)]
    assert held_back.load(tx, STAGE_RULE, ["mql"]).contacts == 1


def test_a_removal_is_held_back_and_counted(tx: Connection) -> None:
    save_contact(tx)
    memberships.save_changes(tx, "mql", added=[1], removed=[])
    assert memberships.ids_to_remove(tx, "mql", keep_others=True, now=1) == [1]
    reject(tx, part=list_part("mql"), desired=REMOVE)
    assert memberships.ids_to_remove(tx, "mql", keep_others=True, now=1) == []
    assert held_back.load(tx, None, ["mql"]).contacts == 1
    memberships.save_changes(tx, "mql", added=[], removed=[1])
    assert held_back.load(tx, None, ["mql"]).contacts == 0


def test_rejections_are_counted_by_part_and_reason(tx: Connection) -> None:
    for number in range(1, 6):
        save_contact(tx, number)
        reject(
            tx,
            number=number,
            at=1_000 + number,
            reason="region: MISSING" if number < 4 else "lead_grade: INVALID_OPTION",
            max_tries=None if number < 4 else 1,
        )
    found = held_back.load(tx, None, ())
    assert found.contacts == 5
    assert found.groups == (
        HeldBackGroup(PROPERTIES, "region: MISSING", 3, 1_001, 1_001),
        HeldBackGroup(PROPERTIES, "lead_grade: INVALID_OPTION", 2, 1_004, None),
    )
    assert held_back.load_contacts(tx, None, ())[0] == (1, "region: MISSING")


def test_what_hubspot_shows_or_no_longer_has_is_not_held_back(tx: Connection) -> None:
    for number in (1, 2):
        save_contact(tx, number)
        reject(tx, number=number)
    save_contacts(tx, 1, at=50, shown=NEW)
    tx.execute(update(schema.contacts).where(schema.contacts.c.id == 2).values(gone=True))
    assert held_back.load(tx, None, ()).contacts == 0


def test_cleared_rejections_are_sent_again_and_suspended_contacts_are_not(tx: Connection) -> None:
    for number in (1, 2):
        save_contact(tx, number)
        reject(tx, number=number, max_tries=1)
    rejections.suspend(tx, [2], reason="restored", at=2)
    assert held_back.load_contacts(tx, None, ()) == [(1, "no"), (2, "restored")]
    assert held_back.load(tx, None, ()).contacts == 1  # the operator wanted the other
    rejections.clear(tx)
    rejections.release(tx)
    save_contacts(tx, 2, at=50, shown=OLD)
    assert held_back.load_contacts(tx, None, ()) == [(2, "restored")]
    assert [row.id for row in differences.load(tx, None, now=10, after=0, limit=9)] == [1]


@given(tries=st.lists(st.integers(0, 10**6), min_size=1, max_size=30, unique=True).map(sorted))
def test_the_first_rejection_and_the_number_of_tries_are_kept(module_store: Store, tries: list[int]) -> None:
    with rollback_transaction(module_store) as tx:
        save_contact(tx)
        for at in tries:
            reject(tx, at=at)
        row = tx.execute(select(schema.rejections)).one()
        assert (row.at, row.tried_at, row.tries) == (tries[0], tries[-1], len(tries))
        assert tries[-1] <= row.retry_at <= tries[-1] + MAX_DISTANCE


@pytest.mark.parametrize(("reason", "new_score", "is_listed"), [
    ("a run was undone", "2", True),
    ("values were restored", "2", True),
    (LEFT_ALONE, "2", False),  # `undo` wrote nothing to this contact
    ("a run was undone", "1", False),  # another value is desired since then
    ("a run was undone", "3", False),
])  # fmt: skip
def test_a_restored_contact_is_listed_as_long_as_the_same_value_is_desired(
    tx: Connection, reason: str, new_score: str, *, is_listed: bool
) -> None:
    save_contact(tx)
    rejections.suspend(tx, [1], reason=reason, at=1)
    save_verdicts(tx, make_verdict_row(1, desired=canonical_json(lead_score=new_score)))
    assert held_back.load_contacts(tx, None, ()) == ([(1, reason)] if is_listed else [])
