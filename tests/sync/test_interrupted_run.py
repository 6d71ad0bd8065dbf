"""Interrupted runs, and the run that follows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from sqlalchemy import select

from sync_worker.errors import ExitCode, Forbidden
from sync_worker.progress import Progress
from sync_worker.sandbox.base.portal_data import PortalData
from sync_worker.sandbox.generator import generate
from sync_worker.sandbox.server import user_actions
from sync_worker.store import database, schema
from sync_worker.store.facts import contacts, coverage
from sync_worker.store.writes import memberships
from sync_worker.sync.pull.records.full_scan import CONTACT_STREAM
from tests.harness import MINUTE, NOW, Harness, make_click, make_contact, small_portal, start_harness
from tests.store.row_factories import make_contact_row


class RunStopped(Exception):
    """The run was interrupted."""


class StopAfter(Progress):
    """Raises RunStopped at the nth progress report, optionally of one kind only."""

    def __init__(self, after: int, what: str | None = None) -> None:
        self.remaining = after
        self.what = what

    def advance(self, what: str, number: int) -> None:  # noqa: ARG002 -- the signature of Progress
        if self.what in (None, what):
            self.remaining -= 1
            if self.remaining == 0:
                raise RunStopped


class CountProgress(Progress):
    """Counts the points at which a run can be stopped."""

    def __init__(self) -> None:
        self.count = 0

    def advance(self, what: str, number: int) -> None:  # noqa: ARG002 -- the signature of Progress
        self.count += 1


def make_portal_data() -> PortalData:
    return generate(contacts=130, seed=11, now=NOW)


@contextmanager
def start_approved_harness(folder: Path) -> Iterator[Harness]:
    """Serve a generated portal with an approved model; no contact has a score."""
    with start_harness(folder, make_portal_data(), settings={"requests_in_flight": 2}) as harness:
        harness.approve_unseen()
        yield harness


@pytest.fixture(scope="module")
def uninterrupted_outcome(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, int]:
    """Return the digest after an uninterrupted backfill, and the number of points at which it can be stopped."""
    with start_approved_harness(tmp_path_factory.mktemp("uninterrupted")) as harness:
        progress = CountProgress()
        harness.backfill(progress=progress)
        return harness.digest(), progress.count


@pytest.mark.parametrize("fraction", [0.0, 0.2, 0.4, 0.6, 0.8, 1.0])
def test_a_backfill_stopped_anywhere_ends_like_an_uninterrupted_one(
    tmp_path: Path, uninterrupted_outcome: tuple[str, int], fraction: float
) -> None:
    digest, stop_points = uninterrupted_outcome
    with start_approved_harness(tmp_path) as harness:
        with suppress(RunStopped):  # pages that arrive together are saved together, so there may be fewer stop points than before
            harness.backfill(progress=StopAfter(1 + int(fraction * (stop_points - 1))))
        harness.backfill()
        assert harness.digest() == digest


def test_a_backfill_that_is_stopped_repeatedly_has_the_same_result(tmp_path: Path, uninterrupted_outcome: tuple[str, int]) -> None:
    with start_approved_harness(tmp_path) as harness:
        for stop_after in (2, 5, 9):
            with pytest.raises(RunStopped):
                harness.backfill(progress=StopAfter(stop_after))
        harness.backfill()
        assert harness.digest() == uninterrupted_outcome[0]
        assert harness.backfill().written == 0


def test_the_answers_to_writes_in_flight_are_saved_when_a_run_is_stopped(tmp_path: Path) -> None:
    data = small_portal(contacts=[make_contact(number) for number in range(1, 951)], companies=[], email_events=[], events=[])
    with start_harness(tmp_path, data) as harness:
        harness.approve_unseen()
        with pytest.raises(RunStopped):
            harness.backfill(progress=StopAfter(1, "written"))
        with harness.worker() as worker, worker.store.transaction() as tx:
            saved = set(tx.execute(select(schema.contacts.c.id).where(schema.contacts.c.shown != "{}")).scalars())
        assert saved
        assert saved == harness.contacts_written()


def test_contacts_read_before_the_stop_are_not_read_again(tmp_path: Path) -> None:
    data = small_portal(contacts=[make_contact(number) for number in range(1, 951)], companies=[], email_events=[], events=[])
    with start_harness(tmp_path, data, settings={"requests_in_flight": 1}) as harness:
        with pytest.raises(RunStopped):
            harness.backfill(progress=StopAfter(2, CONTACT_STREAM))
        store = database.open_store(harness.state_url)
        with store.transaction() as tx:
            known_count = contacts.count(tx)
        store.close()
        assert 200 <= known_count < 950
        assert harness.backfill().pulled["contacts"] == 950 - known_count


def test_changes_during_a_long_interruption_count_after_the_resumed_backfill(tmp_path: Path) -> None:
    data = small_portal(contacts=[make_contact(number) for number in range(1, 951)], companies=[], email_events=[], events=[])
    with start_harness(tmp_path, data, settings={"requests_in_flight": 1}) as harness:
        with pytest.raises(RunStopped):
            harness.backfill(progress=StopAfter(2, CONTACT_STREAM))
        harness.advance(24 * 60)
        for number in (1, 950):
            harness.opt_out(number)
        harness.backfill()
        assert [harness.score(number) for number in (1, 950)] == [-10, -10]
        assert harness.sync().written == 0


def test_only_the_gap_in_the_middle_is_read_again(tmp_path: Path) -> None:
    data = small_portal(contacts=[make_contact(number) for number in range(1, 951)], companies=[], email_events=[], events=[])
    with start_harness(tmp_path, data, settings={"requests_in_flight": 1}) as harness:
        with pytest.raises(RunStopped):
            harness.backfill(progress=StopAfter(1, CONTACT_STREAM))
        store = database.open_store(harness.state_url)
        with store.transaction() as tx:
            # Several partitions are read in parallel, so some gaps may be narrower.
            widest = max(coverage.gaps(tx, CONTACT_STREAM, 1, 951), key=lambda gap: gap.high - gap.low)
            unread = [number for gap in coverage.gaps(tx, CONTACT_STREAM, 1, 951) for number in range(gap.low, gap.high)]
            coverage.add(tx, CONTACT_STREAM, 1, widest.low)
            coverage.add(tx, CONTACT_STREAM, widest.low + 50, 951)
            (scan_id,) = set(tx.execute(select(schema.contacts.c.sweep)).scalars())
            covered = [number for number in unread if not widest.low <= number < widest.low + 50]
            contacts.save(tx, [make_contact_row(number) for number in covered], scan_id=scan_id)
        store.close()
        assert harness.backfill().pulled["contacts"] == 50


def test_a_contact_restored_while_a_full_scan_was_stopped_is_not_deleted(live_harness: Harness) -> None:
    live_harness.archive_contact(3)
    live_harness.backfill()
    live_harness.advance(60)
    with pytest.raises(RunStopped):
        live_harness.backfill(progress=StopAfter(1, CONTACT_STREAM))
    del live_harness.portal.contacts.records.archived[2]
    live_harness.set_hubspot_values(3, jobtitle="CTO")
    live_harness.sync()
    assert live_harness.members("Leads · cold") == [3, 4]
    live_harness.advance(60)
    live_harness.backfill()
    assert live_harness.members("Leads · cold") == [3, 4]
    assert live_harness.value(3, "lead_grade") == "C"


def test_the_next_sync_completes_one_that_was_stopped(live_harness: Harness) -> None:
    live_harness.add_click("new", "p3@example.com")
    live_harness.submit_form("p4@example.com")
    live_harness.add_page_view("new", 2)
    with live_harness.worker(StopAfter(3)) as worker, pytest.raises(RunStopped):
        worker.sync()
    live_harness.advance()
    live_harness.sync()
    assert [live_harness.score(number) for number in (2, 3, 4)] == [12, 5, 10]
    assert live_harness.sync().written == 0


def test_a_late_event_is_not_lost_when_the_run_that_reads_it_is_stopped(live_harness: Harness) -> None:
    live_harness.settings["requests_in_flight"] = 1
    late_ms = live_harness.now_ms() - 6 * MINUTE  # older than the last run, which did not see it
    live_harness.advance(60)
    user_actions.add_email_event(live_harness.portal, make_click("late", "p3@example.com", late_ms))
    for number in range(1_050):
        live_harness.portal.engagement.email_events.add(
            make_click(f"new-{number}", "p6@example.com", live_harness.now_ms() - 1_000 * number)
        )
    with live_harness.worker(StopAfter(1, "email_click")) as worker, pytest.raises(RunStopped):
        worker.sync()
    live_harness.advance()
    live_harness.sync()
    assert live_harness.score(3) == 5


def test_members_added_before_a_crash_count_as_managed(live_harness: Harness) -> None:
    live_harness.submit_form("p3@example.com", "demo")
    store = database.open_store(live_harness.state_url)
    # HubSpot has added the contact to the list. The process died before it saved the response.
    with store.transaction() as tx:
        memberships.save_pending(tx, "mql", [3])
    store.close()
    mql_list = live_harness.portal.lists.find_by_name("MQL", "0-1")
    assert mql_list is not None
    mql_list.add([3], now=0)
    live_harness.backfill()
    live_harness.opt_out(3)
    live_harness.advance()
    live_harness.sync()
    assert live_harness.members("MQL") == [1, 2, 5]


def test_every_run_is_recorded_with_any_outcome(harness: Harness) -> None:
    with pytest.raises(RunStopped):
        harness.backfill(progress=StopAfter(2))
    harness.advance()
    harness.backfill()
    with harness.worker() as worker:
        last, first = worker.status().runs
    assert (last.command, last.exit_code, last.written) == ("backfill", 0, 6)
    assert (first.exit_code, first.finished_at is not None) == (ExitCode.BUG, True)


class TestForbidden:
    """A failed read is never treated as "no activity"."""

    @pytest.mark.parametrize(
        "endpoint",
        ["GET /email/*", "GET /events/*", "GET /marketing/*", "GET /form-integrations/*", "POST */companies/*", "POST */contacts/*"],
    )
    def test_a_forbidden_read_stops_the_run_and_lowers_no_score(self, live_harness: Harness, endpoint: str) -> None:
        before = live_harness.digest()
        live_harness.advance(24 * 60)
        live_harness.deny(endpoint)
        with pytest.raises(Forbidden) as error:
            live_harness.sync()
        assert error.value.operation
        assert error.value.exit_code == ExitCode.REFUSED
        assert live_harness.digest() == before
        live_harness.clear_faults()
        live_harness.add_click("new", "p3@example.com")
        assert live_harness.sync().written == 1
        assert live_harness.score(3) == 5

    def test_a_write_without_the_scope_stops_the_run_and_the_next_run_repeats_it(self, live_harness: Harness) -> None:
        live_harness.add_click("new", "p3@example.com")
        live_harness.inject_fault("POST */batch/update", "withdraw_scope", name="crm.objects.contacts.write")
        with pytest.raises(Forbidden, match=r"crm\.objects\.contacts\.write"):
            live_harness.sync()
        assert live_harness.score(3) == 0
        with live_harness.worker() as worker:
            assert worker.status().pending.contacts == 1

    def test_a_forbidden_write_of_a_contact_is_held_back_and_the_next_run_repeats_it(self, live_harness: Harness) -> None:
        live_harness.add_click("new", "p3@example.com")
        live_harness.deny("POST */batch/update")
        report = live_harness.sync()
        assert ([id_ for id_, _ in report.rejected], report.exit_code) == ([3], ExitCode.SOME_REJECTED)
        assert live_harness.score(3) == 0
        live_harness.clear_faults()
        live_harness.advance()
        report = live_harness.sync()
        assert (report.written, report.exit_code) == (1, ExitCode.DONE)
        assert live_harness.score(3) == 5

    def test_a_list_change_without_the_scope_stops_the_run_and_the_next_run_repeats_it(self, live_harness: Harness) -> None:
        live_harness.submit_form("p3@example.com", "demo")
        live_harness.inject_fault("PUT */memberships/*", "withdraw_scope", name="crm.lists.write")
        with pytest.raises(Forbidden, match=r"crm\.lists\.write"):
            live_harness.sync()
        assert live_harness.members("MQL") == [1, 2, 5]

    def test_a_forbidden_list_change_of_a_contact_is_held_back_and_a_later_run_repeats_it(self, live_harness: Harness) -> None:
        live_harness.submit_form("p3@example.com", "demo")
        live_harness.deny("PUT */memberships/*")
        report = live_harness.sync()
        assert ({id_ for id_, _ in report.rejected}, report.exit_code) == ({3}, ExitCode.SOME_REJECTED)
        assert live_harness.members("MQL") == [1, 2, 5]
        live_harness.clear_faults()
        live_harness.advance()
        assert live_harness.sync().exit_code == ExitCode.DONE
        assert live_harness.members("MQL") == [1, 2, 3, 5]


def test_a_write_whose_response_was_lost_is_repeated_safely(live_harness: Harness) -> None:
    live_harness.add_click("new", "p3@example.com")
    live_harness.inject_fault("POST */batch/update", status=502, when="after", times=1)
    report = live_harness.sync()
    assert (report.written, report.retries, live_harness.score(3)) == (1, 1, 5)
    assert live_harness.sync().written == 0
