"""Changes in the portal between two runs and during a run: each run ends with the current values."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from sync_worker.errors import BadRequest, ConfigurationError, ExitCode
from sync_worker.hubspot.client import connect
from sync_worker.hubspot.rest.clock import Clock
from sync_worker.progress import Progress
from sync_worker.sandbox.base.config import Switches
from sync_worker.sandbox.crm.audit_log import CRM_UI_SOURCE
from sync_worker.sandbox.crm.lists import RecordList
from sync_worker.sandbox.properties.property_definitions import PropertyOption
from sync_worker.sandbox.server import user_actions
from tests.harness import DAY, MODEL, MQL, NOW_MS, Harness, make_click, make_contact, make_submission, small_portal, start_harness
from tests.store.database_factories import POSTGRES_URL

on_sqlite = pytest.mark.skipif(POSTGRES_URL is not None, reason="reads the SQLite file")


class RunOnceAt(Progress):
    """Calls a function once, at the first progress of a counter."""

    def __init__(self, what: str, action: object, *args: object, **fields: object) -> None:
        self.what, self.action, self.args, self.fields, self.calls = what, action, args, fields, 0

    def advance(self, what: str, number: int) -> None:
        del number
        if what == self.what and not self.calls:
            self.calls += 1
            assert callable(self.action)
            self.action(*self.args, **self.fields)


def is_settled(harness: Harness) -> bool:
    """Return whether a worker with a new state would change nothing in HubSpot."""
    harness.advance()
    harness.sync()
    harness.backfill()
    fresh = replace(harness, state_url=f"sqlite:///{harness.folder / 'fresh.db'}", clock=harness.clock)
    fresh.setup(take_over=True)
    return harness.sync().written == 0 and fresh.backfill(dry_run=True).plan.contacts == 0


def find_list(harness: Harness, name: str) -> RecordList:
    found = harness.portal.lists.find_by_name(name, "0-1")
    assert found is not None
    return found


class TestMerged:
    """Merged contacts get a new id."""

    def test_several_merges_and_a_merge_of_merged_contacts(self, live_harness: Harness) -> None:
        first = live_harness.merge_contacts(1, 3)
        second = live_harness.merge_contacts(2, 4)
        last = live_harness.merge_contacts(first, second)
        report = live_harness.sync()
        assert report.exit_code == ExitCode.DONE
        # The form and the views count, the opt-out of 4 too. Four clicks in one second are a scanner's.
        assert live_harness.score(last) == 10
        assert is_settled(live_harness)

    def test_a_merge_between_the_plan_and_the_write(self, live_harness: Harness) -> None:
        for number in (1, 3, 5):
            live_harness.submit_form(f"p{number}@example.com", "news")
        with live_harness.worker(RunOnceAt("evaluated", live_harness.merge_contacts, 1, 3)) as worker:
            assert worker.sync().exit_code == ExitCode.DONE
        assert is_settled(live_harness)

    def test_merged_ids_may_be_silently_omitted_by_hubspot(self, tmp_path: Path) -> None:
        with start_harness(tmp_path, switches=Switches(batch_read_merged="dropped", dated_batch_status=207)) as harness:
            harness.backfill()
            harness.approve()
            harness.advance()
            harness.merge_contacts(1, 2)
            assert is_settled(harness)


class TestGdprDeleted:
    """Permanently deleted contacts: their id no longer exists."""

    @on_sqlite
    def test_a_gdpr_deleted_contact_is_purged_with_emails_and_events_at_the_next_full_scan(self, live_harness: Harness) -> None:
        user_actions.gdpr_delete_contact(live_harness.portal, {"id": 1})
        live_harness.advance()
        assert live_harness.backfill().pulled["erased"] == 1
        with sqlite3.connect(live_harness.folder / "state.db") as state:
            tables = [name for (name,) in state.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            left = [row for table in tables for row in state.execute(f"SELECT * FROM {table}") if "p1@example.com" in map(str, row)]  # noqa: S608 -- the tables of the state
            assert left == []
            assert state.execute("SELECT count(*) FROM contacts WHERE id = 1").fetchone() == (0,)
            assert state.execute("SELECT count(*) FROM events WHERE contact_id = 1").fetchone() == (0,)
        state.close()

    def test_an_archived_or_merged_contact_is_not_purged_and_may_return(self, live_harness: Harness) -> None:
        live_harness.archive_contact(1)
        live_harness.merge_contacts(2, 3)
        live_harness.advance()
        assert "erased" not in live_harness.backfill().pulled
        with live_harness.worker() as worker:
            assert worker.explain("1").verdict.score == 20


class TestAdminChanges:
    """An administrator changes or deletes our properties, options, lists and forms."""

    def test_a_property_deleted_between_plan_and_write_stops_the_run_and_setup_repairs_it(self, live_harness: Harness) -> None:
        live_harness.submit_form("p3@example.com", "demo")
        vanish = RunOnceAt("evaluated", user_actions.archive_property, live_harness.portal, {"name": "lead_grade"})
        live_harness.edit_contact(3, jobtitle="CTO")
        with live_harness.worker(vanish) as worker, pytest.raises(BadRequest, match="sync-worker setup"):
            worker.sync()
        live_harness.setup()
        live_harness.advance()
        assert live_harness.sync().written == 1
        assert is_settled(live_harness)

    def test_an_archived_property_of_ours_is_restored_with_its_values(self, backfill_harness: Harness) -> None:
        user_actions.archive_property(backfill_harness.portal, {"name": "lead_score"})
        with pytest.raises(ConfigurationError, match=r"no property lead_score\. Run `sync-worker setup`"):
            backfill_harness.backfill()
        backfill_harness.setup()
        assert backfill_harness.backfill().written == 0
        assert backfill_harness.score(1) == 20

    def test_a_deleted_option_rejects_the_contacts_that_need_it_and_setup_clears_the_rejections(self, live_harness: Harness) -> None:
        catalog = live_harness.portal.contacts.catalog
        band = catalog.definitions["lead_score_band"]
        without = replace(band, options=tuple(option for option in band.options if option.value != "warm"))
        live_harness.submit_form("p3@example.com", "news")
        live_harness.submit_form("p6@example.com", "news")
        with live_harness.worker(RunOnceAt("evaluated", catalog.save, without)) as worker:
            report = worker.sync()
        assert (report.exit_code, [id_ for id_, _ in report.rejected]) == (ExitCode.SOME_REJECTED, [3])
        assert "lead_score_band" in dict(report.rejected)[3]
        assert live_harness.sync().rejected == []
        live_harness.setup()
        live_harness.advance()
        assert live_harness.sync().written == 1
        assert live_harness.value(3, "lead_score_band") == "warm"

    def test_a_form_deleted_while_forms_are_read_loses_no_other_submissions(self, harness: Harness) -> None:
        harness.inject_fault("GET /form-integrations/*/news", status=404, body="json")
        harness.submit_form("p3@example.com", "news")
        report = harness.backfill()
        # HubSpot counts a submission of contact 3, so the two of the other form are read again.
        assert (report.exit_code, report.pulled["form_submission"], harness.score(2), harness.score(3)) == (ExitCode.DONE, 2 + 2, 10, 0)
        harness.clear_faults()
        harness.advance(61)
        harness.sync()
        assert harness.score(3) == 10

    def test_submissions_of_an_archived_form_count_and_are_read_once(self, tmp_path: Path) -> None:
        archived = {"id": "demo", "name": "Demo", "archived": True, "archivedAt": "2026-11-19T00:00:00Z", "formType": "flow"}
        with start_harness(
            tmp_path, small_portal(forms=[{"id": "news", "name": "Newsletter", "formType": "captured"}, archived])
        ) as harness:
            report = harness.backfill()
            assert (report.pulled["form_submission"], report.plan.new_mqls) == (2, 3)
            harness.advance(61)
            assert harness.sync().pulled["form_submission"] == 0
            harness.portal.engagement.forms.by_id["news"] |= {"archived": True, "archivedAt": "2026-11-20T13:30:00Z"}
            harness.submit_form("p3@example.com", "news")
            harness.advance(61)
            assert (harness.sync().pulled["form_submission"], harness.score(3)) == (1, 10)

    def test_a_deleted_list_does_not_affect_the_other_lists(self, live_harness: Harness) -> None:
        find_list(live_harness, "MQL").deleted_at = 1
        live_harness.submit_form("p3@example.com", "demo")
        with pytest.raises(ConfigurationError, match="list “MQL” is no longer in the portal"):
            live_harness.sync()
        assert 3 in live_harness.members("MQL · direct")

    @pytest.mark.parametrize("command", ["sync", "backfill"])
    def test_a_deleted_list_is_named_and_setup_recreates_it_with_all_members(self, live_harness: Harness, command: str) -> None:
        before = live_harness.members("MQL")
        find_list(live_harness, "MQL").deleted_at = 1
        live_harness.submit_form("p3@example.com", "demo")
        with pytest.raises(ConfigurationError, match=r"list “MQL” is no longer in the portal\..*setup"):
            getattr(live_harness, command)()
        live_harness.setup()
        live_harness.advance()
        live_harness.sync()
        assert live_harness.members("MQL") == sorted([*before, 3])

    def test_a_list_made_dynamic_stops_the_run_and_setup_with_a_hint(self, live_harness: Harness) -> None:
        find_list(live_harness, "MQL").processing = "DYNAMIC"
        live_harness.submit_form("p3@example.com", "demo")
        with pytest.raises(BadRequest, match="rename or delete"):
            live_harness.sync()
        with pytest.raises(ConfigurationError, match="Rename that list"):
            live_harness.setup()
        assert live_harness.value(3, "lead_score") == "10"


class TestStages:
    """Sales and administrators also change lifecycle stages."""

    def test_added_and_renamed_stages_keep_their_contacts(self, backfill_harness: Harness) -> None:
        catalog = backfill_harness.portal.contacts.catalog
        stage = catalog.definitions["lifecyclestage"]
        nurture = PropertyOption(value="4711", label="Nurture", display_order=3)
        renamed = tuple(replace(option, label="Fresh", display_order=option.display_order * 2) for option in stage.options)
        catalog.save(replace(stage, options=(nurture, *renamed)))
        backfill_harness.portal.contacts.writer.update(1, {"lifecyclestage": "4711"}, CRM_UI_SOURCE)
        backfill_harness.backfill()
        backfill_harness.approve()
        assert [backfill_harness.value(number, "lifecyclestage") for number in (1, 2, 5)] == [MQL, "4711", "salesqualifiedlead"]

    @pytest.mark.parametrize("backward", ["ignored", "applied"])
    def test_a_contact_moved_by_sales_between_plan_and_write_keeps_that_stage(self, tmp_path: Path, backward: str) -> None:
        with start_harness(tmp_path, switches=Switches(backward_stage=backward)) as harness:  # type: ignore[arg-type]
            harness.backfill()
            harness.approve()
            harness.advance()
            harness.submit_form("p3@example.com", "demo")
            harness.submit_form("p4@example.com", "news")
            moved = RunOnceAt("evaluated", harness.edit_contact, 3, lifecyclestage="customer")
            with harness.worker(moved) as worker:
                report = worker.sync()
            assert (report.plan.stages, report.stages, harness.value(3, "lifecyclestage")) == (1, 0, "customer")
            assert harness.value(3, "lead_mql_reason") == "demo"
            assert is_settled(harness)

    def test_a_contact_moved_by_sales_before_its_stage_was_set_is_left_alone(self, backfill_harness: Harness) -> None:
        with backfill_harness.worker(RunOnceAt("evaluated", lambda: None)) as worker:
            worker.sync()
        backfill_harness.edit_contact(1, lifecyclestage="opportunity")
        report = backfill_harness.approve()
        assert (report.stages, backfill_harness.value(1, "lifecyclestage")) == (1, "opportunity")
        assert is_settled(backfill_harness)


LONG_TEXT = "ä" * 65_536
STRANGE_CONTACTS = [
    make_contact(1, jobtitle=LONG_TEXT),
    make_contact(2, jobtitle='CTO 🚀 “näïve”\n\t\\"', city="𝔘𝔫𝔦"),
    {**make_contact(3), "properties": {}},
    {**make_contact(4), "properties": {"email": "MIXED@Example.com", "jobtitle": "", "hs_additional_emails": "info@example.com"}},
    {
        **make_contact(5),
        "properties": {"email": "p5@example.com", "jobtitle": None, "hs_additional_emails": "Info@example.com;p5b@example.com"},
    },
    make_contact(6, associatedcompanyid="7"),
]


@pytest.fixture
def strange_harness(tmp_path: Path) -> Iterator[Harness]:
    data = small_portal(
        contacts=STRANGE_CONTACTS,
        companies=[{"id": "7", "properties": {"name": "Acme", "numberofemployees": "5E1"}, "updatedAt": "2026-02-03T04:05:06Z"}],
        email_events=[make_click("a", "mixed@EXAMPLE.com"), make_click("b", "INFO@example.com", NOW_MS - DAY - 5)],
        events=[],
        submissions=[make_submission("p5B@example.com", "demo")],
    )
    with start_harness(tmp_path, data) as harness:
        yield harness


def test_arbitrary_field_values_are_read_and_evaluated(strange_harness: Harness) -> None:
    report = strange_harness.backfill()
    assert (report.pulled["contacts"], report.written, report.rejected) == (6, 6, [])
    # Case is ignored, a click on a shared second address counts for both contacts, and a contact needs no email address.
    assert [strange_harness.score(number) for number in range(1, 7)] == [0, 0, 0, 10, 15, 0]
    assert [strange_harness.value(number, "lead_grade") for number in (2, 6)] == ["C", "C"]
    assert strange_harness.sync().written == 0
    assert is_settled(strange_harness)


def test_a_number_in_scientific_notation_is_parsed(strange_harness: Harness) -> None:
    strange_harness.backfill()
    with strange_harness.worker() as worker:
        assert "✓ size (+3)" in worker.explain("6").verdict.grade_reasons


def test_a_contact_created_during_a_full_scan_is_not_missed(harness: Harness) -> None:
    made: list[int] = []
    with harness.worker(RunOnceAt("contacts", lambda: made.append(harness.create_contact(email="late@example.com")))) as worker:
        worker.backfill()
    harness.advance()
    harness.sync()
    assert harness.value(made[0], "lead_score") == "0"
    assert is_settled(harness)


def test_unordered_rows_and_search_lag_lose_no_contact(tmp_path: Path) -> None:
    people = [make_contact(number) for number in (5, 3, 9, 1, 7, 12, 11)]
    with start_harness(tmp_path, small_portal(contacts=people, events=[], submissions=[]), index_lag_s=30.0) as harness:
        harness.backfill()
        for number in (9, 1, 12):
            harness.advance(0.2)
            harness.submit_form(f"p{number}@example.com", "news")
            harness.edit_contact(number, jobtitle="CTO")
            harness.sync()
        harness.advance(20)
        harness.sync()
        assert {number: harness.score(number) for number in (1, 3, 9, 12)} == {1: 10 if harness.score(1) < 20 else 20, 3: 0, 9: 10, 12: 10}
        assert {number: harness.value(number, "lead_grade") for number in (1, 9, 12)} == dict.fromkeys((1, 9, 12), "C")
        assert is_settled(harness)


def test_a_contact_without_properties_is_explained(strange_harness: Harness) -> None:
    strange_harness.backfill()
    with strange_harness.worker() as worker:
        explained = worker.explain("3")
    assert json.loads(json.dumps(explained.as_json()))["adds_up"]


@pytest.mark.soak
def test_twelve_thousand_contacts_with_one_lastmodifieddate_are_all_read_by_a_sync(tmp_path: Path) -> None:
    people = [make_contact(number) for number in range(1, 12_001)]
    with start_harness(tmp_path, small_portal(contacts=people, companies=[], email_events=[], events=[], submissions=[])) as harness:
        harness.backfill()
        harness.advance(60)
        moment = harness.clock()
        for number in range(1, 12_001):
            harness.edit_contact(number, jobtitle="CTO")
        assert harness.clock() == moment
        harness.advance(30)
        harness.use_model(MODEL)
        report = harness.sync()
        assert report.pulled["contacts"] >= 12_000
        assert report.evaluated == report.written == 12_000
        assert is_settled(harness)


def test_a_fast_clock_stops_the_run_before_it_skips_a_change(live_harness: Harness) -> None:
    class FastClock(Clock):
        def now(self) -> datetime:
            return super().now() + timedelta(minutes=6)

    fast_harness = replace(live_harness, connect_hubspot=lambda **how: connect(clock=FastClock(), **how))
    live_harness.submit_form("p3@example.com", "demo")
    before = live_harness.digest()
    for command in ("sync", "backfill"):
        with pytest.raises(ConfigurationError, match=r"clock is 36\d s ahead of HubSpot's"):
            getattr(fast_harness, command)()
    assert live_harness.digest() == before
    assert live_harness.sync().plan.new_mqls == 1
