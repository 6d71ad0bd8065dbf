from __future__ import annotations

from sqlalchemy import Connection

from sync_worker.store import runs


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
