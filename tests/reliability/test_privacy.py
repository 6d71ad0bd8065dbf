"""Privacy: `forget`, retention of events, and permissions of the state file."""

from __future__ import annotations

import json
import os
import stat
from datetime import timedelta
from pathlib import Path

import pytest

from sync_worker.errors import ConfigurationError
from sync_worker.model.compiled.loader import loads
from sync_worker.sandbox.server import user_actions
from sync_worker.sync.retention import event_lookback
from tests.harness import DAY, MODEL, NOW, NOW_MS, Harness, make_click, make_contact, make_submission, small_portal, start_harness
from tests.store.database_factories import POSTGRES_URL

on_sqlite = pytest.mark.skipif(POSTGRES_URL is not None, reason="reads the SQLite file")


def forget_contact(harness: Harness, contact: str) -> dict[str, object]:
    with harness.worker() as worker:
        return worker.forget(contact).as_json()


def files_containing(harness: Harness, text: str) -> list[str]:
    return [path.name for path in harness.folder.iterdir() if text.encode() in path.read_bytes().lower()]


@on_sqlite
class TestForget:
    """No byte of the data of a forgotten contact stays in the state."""

    @pytest.mark.parametrize("email_or_id", ["2", " P2@Example.com "])
    def test_a_contact_is_forgotten_by_id_or_email(self, backfill_harness: Harness, email_or_id: str) -> None:
        assert files_containing(backfill_harness, "p2@example.com") == ["state.db"]
        found = forget_contact(backfill_harness, email_or_id.strip() if email_or_id.isdecimal() else email_or_id)
        assert found == {"contacts": ["2"], "events": 1, "exit_code": 0}
        assert files_containing(backfill_harness, "p2@example.com") == []
        with backfill_harness.worker() as worker:
            assert '"2"' not in json.dumps(worker.status().as_json())
            with pytest.raises(ConfigurationError, match="'2' is not in the state"):
                worker.explain("2")

    def test_all_other_contacts_are_unchanged(self, backfill_harness: Harness) -> None:
        forget_contact(backfill_harness, "2")
        with backfill_harness.worker() as worker:
            assert worker.report().distribution.contacts == 5
            assert worker.explain("1").verdict.score == 20

    def test_a_contact_that_still_exists_is_read_again_with_its_events(self, backfill_harness: Harness) -> None:
        forget_contact(backfill_harness, "1")
        backfill_harness.advance()
        backfill_harness.backfill()
        with backfill_harness.worker() as worker:
            assert worker.explain("1").verdict.id == "1"

    def test_a_contact_that_still_exists_is_read_again_by_the_next_sync(self, backfill_harness: Harness) -> None:
        forget_contact(backfill_harness, "1")
        user_actions.gdpr_delete_contact(backfill_harness.portal, {"id": "2"})
        forget_contact(backfill_harness, "2")
        backfill_harness.advance(60)
        backfill_harness.sync()
        with backfill_harness.worker() as worker:
            assert worker.explain("1").verdict.id == "1"
        assert files_containing(backfill_harness, "p2@example.com") == []

    def test_the_events_of_a_contact_deleted_in_hubspot_do_not_come_back(self, backfill_harness: Harness) -> None:
        user_actions.gdpr_delete_contact(backfill_harness.portal, {"id": "1"})
        forget_contact(backfill_harness, "1")
        backfill_harness.advance(60)
        backfill_harness.backfill()
        assert files_containing(backfill_harness, "p1@example.com") == []

    def test_contacts_merged_into_the_contact_are_forgotten_too(self, backfill_harness: Harness) -> None:
        survivor = backfill_harness.merge_contacts(1, 2)
        backfill_harness.advance()
        backfill_harness.sync()
        assert sorted(map(str, forget_contact(backfill_harness, str(survivor))["contacts"])) == sorted(["1", "2", str(survivor)])  # type: ignore[call-overload]
        assert [files_containing(backfill_harness, f"p{number}@example.com") for number in (1, 2)] == [[], []]

    def test_an_email_without_a_contact_is_forgotten_with_its_events(self, tmp_path: Path) -> None:
        data = small_portal(email_events=[make_click("x", "stranger@example.com")])
        with start_harness(tmp_path, data) as harness:
            harness.backfill()
            assert files_containing(harness, "stranger@example.com") == ["state.db"]
            assert forget_contact(harness, "stranger@example.com")["events"] == 1
            assert files_containing(harness, "stranger@example.com") == []

    def test_events_of_a_shared_email_stay_with_the_other_contact(self, tmp_path: Path) -> None:
        shared = [make_contact(1, hs_additional_emails="info@example.com"), make_contact(2, hs_additional_emails="info@example.com")]
        with start_harness(tmp_path, small_portal(contacts=shared, email_events=[make_click("x", "info@example.com")])) as harness:
            harness.backfill()
            forget_contact(harness, "1")
            with harness.worker() as worker:
                assert worker.explain("2").verdict.score == 15
            assert files_containing(harness, "p1@example.com") == []


def test_events_are_kept_without_limit_unless_retention_is_set(tmp_path: Path) -> None:
    old = [make_submission("p3@example.com", at=NOW_MS - 400 * DAY), make_submission("p4@example.com", at=NOW_MS - 300 * DAY)]
    with start_harness(
        tmp_path, small_portal(submissions=old), model=MODEL.replace("asked for a demo,", "asked for a demo, valid_for: 90 days,")
    ) as harness:
        harness.backfill()
        assert (harness.score(3), harness.score(4)) == (10, 10)
        harness.settings = {"keep_events_days": 365}
        harness.advance(24 * 60)
        harness.sync()
        assert harness.score(3) == 0
        harness.advance(24 * 60)
        assert harness.sync().written == 0
        harness.edit_contact(4, jobtitle="CTO")
        with harness.worker() as worker:
            assert any(line.line == "forms" for line in worker.explain("4").evaluation.score)
            (note,) = worker.explain("4", at=NOW - timedelta(days=120)).gaps
            assert note == worker.load_history([worker.outputs.model]).gaps.describe([worker.outputs.model])[0]
            assert "without `within`" in note
            assert "forms" in note
            assert worker.explain("4").gaps == ()
            with pytest.raises(ConfigurationError, match="have been deleted from the state"):
                worker.explain("4", at=NOW - timedelta(days=300))


RETENTION_MODEL = MODEL.replace("points: 10}", "points: 10, within: 500 days}")


@pytest.mark.parametrize(
    ("model", "kind", "days"),
    [
        (MODEL, "email_click", 14),  # only the trend
        (MODEL, "form_submission", None),  # a demo request without `valid_for` makes an MQL permanently
        (MODEL.replace("asked for a demo,", "asked for a demo, valid_for: 90 days,"), "form_submission", 104),
        (RETENTION_MODEL.replace("asked for a demo,", "asked for a demo, valid_for: 90 days,"), "form_submission", 514),
    ],
)
def test_events_inside_a_window_of_the_model_are_kept_longer(model: str, kind: str, days: int | None) -> None:
    assert event_lookback(loads(model, "model.yaml"), kind) == (None if days is None else timedelta(days=days))


@on_sqlite
def test_no_other_user_may_read_the_state_during_and_after_a_run(harness: Harness) -> None:
    before = os.umask(0)
    try:
        with harness.worker() as worker:
            worker.backfill()
            during = {path.name: stat.S_IMODE(path.stat().st_mode) for path in harness.folder.glob("state.db*")}
    finally:
        os.umask(before)
    assert set(during) == {"state.db", "state.db-wal", "state.db-shm"}
    assert set(during.values()) == {0o600}
