from __future__ import annotations

from sqlalchemy import Connection

from sync_worker.store import runs


def test_the_last_runs_are_newest_first_with_their_results(tx: Connection) -> None:
    for number in range(7):
        runs.start(tx, f"run-{number}", "sync", at=number)
    runs.finish(tx, "run-6", at=9, exit_code=1, report={"written": 3})
    last = runs.load_recent(tx)
    assert [run.id for run in last] == ["run-6", "run-5", "run-4", "run-3", "run-2"]
    assert (last[0].finished_at, last[0].exit_code, last[0].report) == (9, 1, '{"written":3}')
    assert (last[1].finished_at, last[1].exit_code, last[1].report) == (None, None, None)


def test_an_approval_is_valid_for_one_model_and_the_last_note_wins(tx: Connection) -> None:
    assert runs.load_approval(tx, "m") is None
    runs.approve(tx, "m", note="first", at=1)
    runs.approve(tx, "m", note="second", at=2)
    approval = runs.load_approval(tx, "m")
    assert approval is not None
    assert (approval.note, approval.at) == ("second", 2)
    assert runs.load_approval(tx, "other") is None
