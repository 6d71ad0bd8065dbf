from __future__ import annotations

from sqlalchemy import Connection

from sync_worker.store import runs
from sync_worker.store.writes import audit_log, undo_log
from sync_worker.store.writes.undo_log import Answer, UndoRow

SENT = ("accepted", "2")
NO_REPLY = ("no reply", None)


def start_runs(tx: Connection, *ids: str) -> None:
    for number, run in enumerate(ids):
        runs.start(tx, run, "sync", at=number)


def test_the_values_of_a_run_are_those_before_its_first_and_after_its_last_write(tx: Connection) -> None:
    start_runs(tx, "first", "second")
    undo_log.save(tx, "first", {7: ({"score": "1", "band": "low"}, {"score": "2"}), 8: ({"score": "0"}, {"score": "5"})}, at=5)
    undo_log.save(tx, "first", {7: ({"score": "2", "grade": ""}, {"score": "3", "grade": "A"})}, at=5)
    undo_log.save(tx, "second", {7: ({"score": "3"}, {"score": "4"})}, at=5)
    assert undo_log.load_values(tx, "first", after=0, limit=9) == [
        UndoRow(7, '{"score":"1","grade":"","band":"low"}', '{"score":"3","grade":"A"}'),
        UndoRow(8, '{"score":"0"}', '{"score":"5"}'),
    ]
    assert undo_log.load_values(tx, "second", after=0, limit=9) == [UndoRow(7, '{"score":"3"}', '{"score":"4"}')]


def test_the_values_of_a_run_are_read_in_pages_by_id(tx: Connection) -> None:
    start_runs(tx, "run")
    undo_log.save(tx, "run", {id_: ({}, {"score": "1"}) for id_ in (3, 1, 2)}, at=5)
    first = undo_log.load_values(tx, "run", after=0, limit=2)
    assert [row.contact_id for row in first] == [1, 2]
    assert [row.contact_id for row in undo_log.load_values(tx, "run", after=2, limit=2)] == [3]


def test_members_are_kept_for_each_run_and_list(tx: Connection) -> None:
    start_runs(tx, "first", "second")
    undo_log.save_members(tx, "first", "mql", added=[3, 1], removed=[2], at=5)
    undo_log.save_members(tx, "first", "band", added=[], removed=[1], at=5)
    undo_log.save_members(tx, "second", "mql", added=[], removed=[1], at=5)
    assert undo_log.load_members(tx, "first") == {"mql": ([1, 3], [2]), "band": ([], [1])}
    assert undo_log.load_members(tx, "second") == {"mql": ([], [1])}


def test_entries_of_runs_before_an_instant_are_deleted(tx: Connection) -> None:
    start_runs(tx, "first", "second")
    for run in ("first", "second"):
        undo_log.save(tx, run, {1: ({}, {"score": "1"})}, at=5)
        undo_log.save_members(tx, run, "mql", added=[1], removed=[], at=5)
    undo_log.delete_before(tx, 1)
    kept = [(len(undo_log.load_values(tx, run, after=0, limit=9)), len(undo_log.load_members(tx, run))) for run in ("first", "second")]
    assert kept == [(0, 0), (1, 1)]


def test_answers_are_kept_for_each_property_of_the_last_write(tx: Connection) -> None:
    start_runs(tx, "run")
    undo_log.save(tx, "run", {1: ({"a": "1", "b": "1"}, {"a": "2", "b": "2"}), 2: ({"a": "1"}, {"a": "2"}), 3: ({}, {"a": "2"})}, at=5)
    undo_log.save_answers(tx, "run", {1: {"a": None, "b": Answer("rejected: locked", "1")}, 2: {"a": None}}, at=6)
    assert load_answers(tx) == {
        (1, "a"): SENT,
        (1, "b"): ("rejected: locked", "1"),
        (2, "a"): SENT,
        (3, "a"): NO_REPLY,
    }
    undo_log.save(tx, "run", {1: ({"b": "1"}, {"b": "2"})}, at=7)
    assert load_answers(tx)[1, "b"] == NO_REPLY
    undo_log.save_answers(tx, "run", {1: {"b": None}, 3: {"a": Answer("altered", "9")}}, at=8)
    assert load_answers(tx) == {
        (1, "a"): SENT,
        (1, "b"): SENT,
        (2, "a"): SENT,
        (3, "a"): ("altered", "9"),
    }


def test_the_answer_for_a_member_is_kept_and_a_missing_one_is_named(tx: Connection) -> None:
    start_runs(tx, "run")
    undo_log.save_members(tx, "run", "mql", added=[1, 2], removed=[3], at=5)
    undo_log.save_member_answers(tx, "run", "mql", {1: audit_log.ACCEPTED, 3: "rejected: locked"}, at=6)
    assert load_answers(tx) == {
        (1, "list “mql”"): (audit_log.ACCEPTED, audit_log.MEMBER),
        (2, "list “mql”"): NO_REPLY,
        (3, "list “mql”"): ("rejected: locked", None),
    }


def load_answers(tx: Connection) -> dict[tuple[int, str], tuple[str, str | None]]:
    return {(row.contact, row.property): (row.answer, row.shown) for row in audit_log.load(tx)}
