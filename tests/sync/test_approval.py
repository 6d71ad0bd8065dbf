"""The approval of a model needs a score report, and is kept in the log of the model."""

from __future__ import annotations

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from sync_worker.errors import ReportRequired
from tests.harness import Harness


def approve(harness: Harness, *, report_id: str | None = None, note: str = "looks right") -> None:
    with harness.worker() as worker:
        worker.approve(note, author="Ada", report_id=report_id)


def make_report(harness: Harness) -> str:
    with harness.worker() as worker:
        return worker.report().id


def edit_model(harness: Harness, old: str, new: str) -> None:
    text = (harness.folder / "model.yaml").read_text(encoding="utf-8")
    assert old in text
    harness.use_model(text.replace(old, new))


def test_a_model_without_a_report_is_not_approved(backfill_harness: Harness) -> None:
    with pytest.raises(ReportRequired, match=r"No report of model .* Run `sync-worker report`"):
        approve(backfill_harness)
    assert backfill_harness.members("MQL") == []


def test_a_report_without_contacts_is_no_basis(harness: Harness) -> None:
    report = make_report(harness)
    with pytest.raises(ReportRequired, match="contains no contact"):
        approve(harness, report_id=report)


def test_a_report_of_another_model_is_no_basis(backfill_harness: Harness) -> None:
    report = make_report(backfill_harness)
    edit_model(backfill_harness, "threshold: 20", "threshold: 21")
    with pytest.raises(ReportRequired, match=f"Report {report} is of model"):
        approve(backfill_harness, report_id=report)


def test_an_old_report_is_no_basis(backfill_harness: Harness) -> None:
    make_report(backfill_harness)
    backfill_harness.advance(7 * 24 * 60 + 1)
    with pytest.raises(ReportRequired, match="more than 7 days ago"):
        approve(backfill_harness)


def test_an_unknown_report_is_named(backfill_harness: Harness) -> None:
    with pytest.raises(ReportRequired, match="Report 123 does not exist"):
        approve(backfill_harness, report_id="123")


def test_a_report_evaluates_the_contacts_of_a_new_model_without_a_write(backfill_harness: Harness) -> None:
    with backfill_harness.worker() as worker:
        before = worker.report()
    edit_model(backfill_harness, "threshold: 20\n  leave_below: 16\n  grade_at_least: C", "threshold: 5\n  grade_at_least: F")
    with backfill_harness.worker() as worker:
        after = worker.report()
        shown = worker.explain("1").verdict.score
    assert before.newly_evaluated == 0
    assert after.newly_evaluated == 6
    assert after.distribution.mqls > before.distribution.mqls
    assert (after.threshold, shown) == (5, 20)
    assert backfill_harness.sync(dry_run=True).evaluated == 6  # the report saved no verdict


def test_the_report_names_the_mqls_with_their_reasons(backfill_harness: Harness) -> None:
    with backfill_harness.worker() as worker:
        report = worker.report()
    assert [(mql.name.email, mql.score) for mql in report.mqls] == sorted(
        ((mql.name.email, mql.score) for mql in report.mqls), key=lambda pair: -pair[1]
    )
    assert len(report.mqls) == report.distribution.mqls > 0
    assert all(mql.name.email and mql.score_reasons for mql in report.mqls)


def test_a_dry_run_names_the_new_mqls_and_changes_nothing(backfill_harness: Harness) -> None:
    make_report(backfill_harness)
    with backfill_harness.worker() as worker:
        preview = worker.approve("?", dry_run=True)
        assert worker.revision_log().revisions == []
    assert backfill_harness.members("MQL") == []
    with backfill_harness.worker() as worker:
        real = worker.approve("yes")
    assert [mql.contact_id for mql in preview.new_mqls] == [mql.contact_id for mql in real.new_mqls] != []
    assert sorted(mql.contact_id for mql in real.new_mqls) == sorted(backfill_harness.members("MQL"))


def test_names_and_addresses_are_not_kept_in_the_state(backfill_harness: Harness, tmp_path: Path) -> None:
    del tmp_path
    report = make_report(backfill_harness)
    approve(backfill_harness, report_id=report)
    with backfill_harness.worker() as worker:
        worker.forget("1")
        status, log = str(worker.status().as_json()), str(worker.revision_log().as_json())
    assert "@" not in status
    assert "@" not in log


def test_each_approval_is_a_column_of_the_log_with_its_changes_and_effect(backfill_harness: Harness) -> None:
    first = make_report(backfill_harness)
    approve(backfill_harness, note="first guess")
    backfill_harness.advance()
    with backfill_harness.worker() as worker:
        worker.add_to_log("note", "Acme was no lead", author="Rep")
    edit_model(backfill_harness, "threshold: 20", "threshold: 21")
    second = make_report(backfill_harness)
    approve(backfill_harness, note="fewer")
    with backfill_harness.worker() as worker:
        log = worker.revision_log()
    one, two = log.revisions
    assert (one.author, one.note, one.report, one.changes) == ("Ada", "first guess", first, [])
    assert one.effect["new MQLs"] == len(backfill_harness.members("MQL"))
    assert [(note.author, note.text) for note in one.notes] == [("Rep", "Acme was no lead")]
    assert (two.note, two.report, two.changes[0]) == ("fewer", second, "qualification.threshold: 20 → 21")
    (threshold,) = [line for line in log.lines if line.label == "MQL from"]
    assert [(cell.text, cell.changed) for cell in threshold.cells] == [("20", False), ("21", True)]
    assert all(not cell.changed for line in log.lines if line is not threshold for cell in line.cells)


def test_an_undo_of_the_approval_withdraws_it_and_stays_in_the_log(backfill_harness: Harness) -> None:
    make_report(backfill_harness)
    with backfill_harness.worker() as worker:
        run = worker.approve("yes").run_id
        worker.undo(run)
        log = worker.revision_log()
    assert [note.kind for note in log.revisions[0].notes] == ["withdrawal"]
    backfill_harness.advance()
    assert backfill_harness.sync().approved is False


def test_the_log_of_an_approval_counts_the_contacts_that_became_mqls(backfill_harness: Harness) -> None:
    with capture_logs() as events:
        report = backfill_harness.approve()
    assert [event["new_mqls"] for event in events if event["event"] == "run.finished"] == [3]
    assert report.count_new_mqls() == len(backfill_harness.members("MQL")) == 3
