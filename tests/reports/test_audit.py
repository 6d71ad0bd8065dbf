"""The audit: at the end of runs it equals what the portal shows."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from sync_worker.errors import ConfigurationError, Unauthorized
from sync_worker.reports.audit import build_audit, encode_csv
from sync_worker.store.writes import audit_log
from sync_worker.store.writes.audit_log import ACCEPTED, MEMBER, AuditRow
from sync_worker.timestamps import to_ms
from tests.harness import MODEL, Harness
from tests.sync.apply.test_rejections import remove_option
from tests.sync.bulk_fakes import bulk_harness


def load_audit(harness: Harness) -> list[AuditRow]:
    with harness.worker() as worker, worker.store.transaction() as tx:
        return list(audit_log.load(tx))


def export(harness: Harness, name: str, **limits: str) -> Path:
    path = harness.folder / name
    with harness.worker() as worker:
        worker.audit(path, email_or_id=limits.get("contact"), run=limits.get("run"))
    return path


def observe(harness: Harness, contact: int, name: str) -> str:
    value = harness.value(contact, name) or ""
    return str(to_ms(datetime.fromisoformat(value))) if name == "lead_mql_since" and value else value


def check_against_portal(harness: Harness) -> None:
    """Compare the last known value of each contact and property with the portal."""
    rows = sorted(load_audit(harness), key=lambda row: row.at)
    assert all(row.answer != audit_log.NO_REPLY for row in rows)
    shown = {(row.contact, row.property): row.shown for row in rows if row.shown is not None}
    for (contact, name), value in shown.items():
        if name.startswith("list "):
            members = harness.members(name.removeprefix("list “").removesuffix("”"))
            assert (contact in members) == (value == MEMBER), (contact, name)
        elif harness.contact(contact):
            assert observe(harness, contact, name) == value, (contact, name)


def test_after_runs_rejections_and_an_undo_the_audit_equals_the_portal(live_harness: Harness) -> None:
    harness = live_harness
    check_against_portal(harness)
    remove_option(harness, "lead_grade", "C")
    for number in (3, 4):
        harness.submit_form(f"p{number}@example.com", "demo")
    harness.edit_contact(6, jobtitle="Intern")
    run = harness.sync().run_id
    check_against_portal(harness)
    harness.advance()
    harness.use_model(MODEL.replace("points: 10}", "points: 12}"))
    harness.sync()
    check_against_portal(harness)
    harness.advance()
    with harness.worker() as worker:
        worker.undo(run)
    check_against_portal(harness)
    commands = {row.command for row in load_audit(harness)}
    assert commands == {"backfill", "approve", "sync", "undo"}


def test_every_written_value_is_a_row(backfill_harness: Harness) -> None:
    report = backfill_harness.approve()
    written = [row for row in load_audit(backfill_harness) if row.run == report.run_id]
    assert {row.answer for row in written} == {ACCEPTED}
    assert len([row for row in written if row.after == MEMBER]) == sum(counts["added"] for counts in report.lists.values())
    stages = [(row.contact, row.before, row.after) for row in written if row.property == "lifecyclestage"]
    assert stages == [(1, "lead", "marketingqualifiedlead"), (2, "subscriber", "marketingqualifiedlead")]


def test_a_rejected_value_has_its_reason_and_the_value_that_hubspot_shows(harness: Harness) -> None:
    remove_option(harness, "lead_grade", "C")  # only contact 1 has it
    harness.backfill()
    answers = {(row.contact, row.property): (row.after, row.answer, row.shown) for row in load_audit(harness)}
    assert answers.pop((1, "lead_grade")) == ("C", "rejected: lead_grade: INVALID_OPTION", "")
    assert {answer for _, answer, _ in answers.values()} == {ACCEPTED}
    check_against_portal(harness)


def test_a_write_without_an_answer_is_a_row(harness: Harness) -> None:
    harness.inject_fault("POST /crm/objects/*/contacts/batch/update", status=401, body="json")
    with pytest.raises(Unauthorized):
        harness.backfill()
    assert {row.answer for row in load_audit(harness)} == {audit_log.NO_REPLY}


def test_the_files_are_private_and_have_the_same_rows(live_harness: Harness) -> None:
    parquet, csv = export(live_harness, "audit.parquet"), export(live_harness, "audit.csv")
    frame = pl.read_parquet(parquet)
    assert frame.columns == ["run", "command", "at", "contact", "property", "from", "to", "answer", "shown"]
    assert frame.height == pl.read_csv(csv).height == len(load_audit(live_harness))
    assert [path.stat().st_mode & 0o777 for path in (parquet, csv)] == [0o600, 0o600]
    own = pl.read_parquet(export(live_harness, "one.parquet", contact="p1@example.com"))
    assert set(own["contact"]) == {1}
    assert own.height < frame.height
    with pytest.raises(ConfigurationError, match=r"ends with \.csv, \.parquet"):
        export(live_harness, "audit.xlsx")
    with pytest.raises(ConfigurationError, match="Run nonsense does not exist"):
        export(live_harness, "audit.csv", run="nonsense")
    with pytest.raises(ConfigurationError, match=r"'x@example\.org' is not in the state"):
        export(live_harness, "audit.csv", contact="x@example.org")
    with live_harness.worker() as worker:
        worker.forget("p1@example.com")
    assert not [row for row in load_audit(live_harness) if row.contact == 1]


def test_a_cell_that_a_spreadsheet_would_evaluate_is_escaped() -> None:
    row = AuditRow("r", "sync", 0, 1, "lead_score", "-3", "+15 for clicks", ACCEPTED, "=1+1")
    assert "-3,'+15 for clicks,accepted,'=1+1" in encode_csv(build_audit([row])).decode()


def test_a_bulk_backfill_is_audited(tmp_path: Path) -> None:
    with bulk_harness(tmp_path) as harness:
        remove_option(harness, "lead_score_band", "warm")
        harness.backfill(bulk=True)
        check_against_portal(harness)
        assert {row.answer for row in load_audit(harness)} >= {ACCEPTED, "rejected: lead_score_band: INVALID_OPTION"}
