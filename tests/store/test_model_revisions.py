from __future__ import annotations

from sqlalchemy import Connection

from sync_worker.store import model_revisions, score_reports
from sync_worker.store.model_revisions import ModelRevision, RevisionKind
from sync_worker.store.score_reports import ScoreReportRow


def make_revision(at: int, kind: RevisionKind, model: str = "m", note: str = "") -> ModelRevision:
    return ModelRevision(at=at, kind=kind, model=model, author="Ada", note=note)


def test_the_log_keeps_every_row_in_the_order_of_its_addition(tx: Connection) -> None:
    rows = [make_revision(3, "approval", note="first"), make_revision(2, "note"), make_revision(9, "approval", note="second")]
    for row in rows:
        model_revisions.append(tx, row)
    assert model_revisions.load_all(tx) == rows


def test_an_approval_is_valid_for_one_model_until_it_is_withdrawn(tx: Connection) -> None:
    assert model_revisions.load_approval(tx, "m") is None
    model_revisions.append(tx, make_revision(1, "approval", note="first"))
    model_revisions.append(tx, make_revision(2, "approval", note="second"))
    model_revisions.append(tx, make_revision(3, "review"))
    approval = model_revisions.load_approval(tx, "m")
    assert approval is not None
    assert (approval.note, approval.at) == ("second", 2)
    assert model_revisions.load_approval(tx, "other") is None
    model_revisions.append(tx, make_revision(4, "withdrawal"))
    assert model_revisions.load_approval(tx, "m") is None
    model_revisions.append(tx, make_revision(5, "approval", note="third"))
    approval = model_revisions.load_approval(tx, "m")
    assert approval is not None
    assert approval.note == "third"


def test_the_latest_report_is_that_of_the_model(tx: Connection) -> None:
    rows = [ScoreReportRow("a", 1, "m", "{}"), ScoreReportRow("b", 2, "m", "{}"), ScoreReportRow("c", 3, "other", "{}")]
    for row in rows:
        score_reports.save(tx, row)
    assert score_reports.load_latest(tx, "m") == rows[1]
    assert score_reports.load_latest(tx, "none") is None
    assert score_reports.load(tx, "c") == rows[2]
    assert score_reports.load(tx, "d") is None
