from __future__ import annotations

from sqlalchemy import Connection

from sync_worker.store import runs
from sync_worker.store.writes import undo_log


def test_the_last_runs_are_newest_first_with_their_results(tx: Connection) -> None:
    for number in range(7):
        runs.start(tx, f"run-{number}", "sync", at=number)
    runs.finish(tx, "run-6", at=9, exit_code=1, done=True, report={"written": 3})
    last = runs.load_recent(tx)
    assert [run.id for run in last] == ["run-6", "run-5", "run-4", "run-3", "run-2"]
    assert (last[0].finished_at, last[0].exit_code, last[0].report) == (9, 1, '{"written":3}')
    assert (last[1].finished_at, last[1].exit_code, last[1].report) == (None, None, None)


def test_a_run_that_an_error_ended_is_not_done_whatever_its_exit_code(tx: Connection) -> None:
    for number, (exit_code, done) in enumerate([(1, True), (0, False), (1, False), (4, False)]):
        runs.start(tx, f"run-{number}", "backfill", at=number)
        runs.finish(tx, f"run-{number}", at=10 + number, exit_code=exit_code, done=done, report={})
    assert runs.last_completed_at(tx, "backfill", "sync") == 10
    assert runs.has_completed(tx, "backfill")
    assert not runs.has_completed(tx, "sync")


def test_old_runs_are_deleted_but_not_those_with_writes_or_errors_or_the_last_of_a_command(tx: Connection) -> None:
    ended = {"backfill": True, "uneventful": True, "values": True, "members": True, "failed": False, "last": True}
    for at, (name, done) in enumerate(ended.items()):
        runs.start(tx, name, "backfill" if name == "backfill" else "sync", at=at)
        runs.finish(tx, name, at=at, exit_code=1, done=done, report={})
    runs.start(tx, "active", "sync", at=9)
    undo_log.save(tx, "values", {1: ({}, {})}, at=9)
    undo_log.save_members(tx, "members", "mql", added=[1], removed=[], at=9)

    def list_kept(*, uneventful: int, others: int) -> set[str]:
        runs.delete_expired(tx, uneventful=uneventful, others=others)
        return {run.id for run in runs.load_recent(tx, 100)}

    everything = {*ended, "active"}
    assert list_kept(uneventful=1, others=0) == everything
    assert list_kept(uneventful=9, others=0) == everything - {"uneventful"}
    assert list_kept(uneventful=9, others=9) == everything - {"uneventful", "failed"}
    undo_log.delete_before(tx, 9)
    assert list_kept(uneventful=9, others=9) == {"backfill", "last", "active"}
