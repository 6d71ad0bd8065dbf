"""The portal changes while the worker looks away, or looks on: every run ends with what is true by then."""

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
from sync_worker.sandbox.crm.property_definitions import PropertyOption
from sync_worker.sandbox.server import user_actions
from tests.harness import DAY, MODEL, MQL, NOW_MS, World, a_click, a_contact, a_submission, a_world, small_portal
from tests.store.database_factories import POSTGRES

on_sqlite = pytest.mark.skipif(POSTGRES is not None, reason="looks into the file")


class Meanwhile(Progress):
    """Lets something happen once, when so many of something are done."""

    def __init__(self, what: str, happens: object, *args: object, **fields: object) -> None:
        self.what, self.happens, self.args, self.fields, self.times = what, happens, args, fields, 0

    def advance(self, what: str, number: int) -> None:
        del number
        if what == self.what and not self.times:
            self.times += 1
            assert callable(self.happens)
            self.happens(*self.args, **self.fields)


def calm(world: World) -> bool:
    """Tell whether HubSpot shows what an undisturbed reading of it would write: another state finds nothing to do."""
    world.later()
    world.sync()
    world.backfill()
    fresh = replace(world, state_url=f"sqlite:///{world.folder / 'fresh.db'}", clock=world.clock)
    fresh.setup()
    return world.sync().written == 0 and fresh.backfill(dry_run=True).plan.contacts == 0


def a_list(world: World, name: str) -> RecordList:
    found = world.portal.lists.find_by_name(name, "0-1")
    assert found is not None
    return found


class TestMerged:
    """Two become one, under a new id."""

    def test_several_at_once_and_one_of_them_again(self, approved: World) -> None:
        first = approved.merge(1, 3)
        second = approved.merge(2, 4)
        last = approved.merge(first, second)
        report = approved.sync()
        assert report.exit_code == ExitCode.DONE
        assert approved.value(last, "lead_score")
        assert calm(approved)

    def test_between_the_plan_and_the_write(self, approved: World) -> None:
        for number in (1, 3, 5):
            approved.submit(f"p{number}@example.com", "news")
        with approved.worker(Meanwhile("evaluated", approved.merge, 1, 3)) as worker:
            assert worker.sync().exit_code == ExitCode.DONE
        assert calm(approved)

    def test_ids_that_were_merged_away_may_be_left_out_by_hubspot_without_a_word(self, tmp_path: Path) -> None:
        with a_world(tmp_path, switches=Switches(batch_read_merged="dropped", dated_batch_status=207)) as world:
            world.backfill()
            world.approve()
            world.later()
            world.merge(1, 2)
            assert calm(world)


class TestErased:
    """GDPR: the id leads nowhere any more."""

    @on_sqlite
    def test_who_was_erased_is_purged_with_addresses_and_events_at_the_next_full_reading(self, approved: World) -> None:
        user_actions.gdpr_delete_contact(approved.portal, {"id": 1})
        approved.later()
        assert approved.backfill().pulled["erased"] == 1
        with sqlite3.connect(approved.folder / "state.db") as state:
            tables = [name for (name,) in state.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            left = [row for table in tables for row in state.execute(f"SELECT * FROM {table}") if "p1@example.com" in map(str, row)]  # noqa: S608 -- its own tables
            assert left == []
            assert state.execute("SELECT count(*) FROM contacts WHERE id = 1").fetchone() == (0,)
            assert state.execute("SELECT count(*) FROM events WHERE contact_id = 1").fetchone() == (0,)
        state.close()

    def test_who_was_archived_or_merged_is_not_erased_and_may_come_back(self, approved: World) -> None:
        approved.archive(1)
        approved.merge(2, 3)
        approved.later()
        assert "erased" not in approved.backfill().pulled
        with approved.worker() as worker:
            assert worker.explain("1").verdict["score"] == 20


class TestBent:
    """An administrator bends what is ours."""

    def test_a_property_that_vanishes_between_plan_and_write_stops_the_run_and_setup_mends_it(self, approved: World) -> None:
        approved.submit("p3@example.com", "demo")
        vanish = Meanwhile("evaluated", user_actions.archive_property, approved.portal, {"name": "lead_grade"})
        approved.edit(3, jobtitle="CTO")
        with approved.worker(vanish) as worker, pytest.raises(BadRequest, match="sync-worker setup"):
            worker.sync()
        approved.setup()
        approved.later()
        assert approved.sync().written >= 1
        assert calm(approved)

    def test_a_property_of_ours_that_was_archived_comes_back_with_its_values(self, scored: World) -> None:
        user_actions.archive_property(scored.portal, {"name": "lead_score"})
        with pytest.raises(ConfigurationError, match=r"no property lead_score\. Run `sync-worker setup`"):
            scored.backfill()
        scored.setup()
        assert scored.backfill().written == 0
        assert scored.score(1) == 20

    def test_an_option_that_vanishes_refuses_those_who_need_it_and_setup_lets_them_try_again(self, approved: World) -> None:
        catalog = approved.portal.contacts.catalog
        band = catalog.definitions["lead_score_band"]
        without = replace(band, options=tuple(option for option in band.options if option.value != "warm"))
        approved.submit("p3@example.com", "news")
        approved.submit("p6@example.com", "news")
        with approved.worker(Meanwhile("evaluated", catalog.save, without)) as worker:
            report = worker.sync()
        assert (report.exit_code, [id_ for id_, _ in report.rejected]) == (ExitCode.SOME_REJECTED, [3])
        assert "lead_score_band" in dict(report.rejected)[3]
        assert approved.sync().rejected == []
        approved.setup()
        approved.later()
        assert approved.sync().written == 1
        assert approved.value(3, "lead_score_band") == "warm"

    def test_a_form_that_is_deleted_while_the_forms_are_read_costs_nobody_what_was_sent_with_the_others(self, world: World) -> None:
        world.go_wrong("GET /form-integrations/*/news", status=404, body="json")
        world.submit("p3@example.com", "news")
        report = world.backfill()
        assert (report.exit_code, report.pulled["form_submission"], world.score(2), world.score(3)) == (ExitCode.DONE, 2, 10, 0)
        world.go_right()
        world.later(61)
        world.sync()
        assert world.score(3) == 10

    def test_what_was_sent_with_a_form_counts_when_the_form_is_archived_and_is_read_once(self, tmp_path: Path) -> None:
        archived = {"id": "demo", "name": "Demo", "archived": True, "archivedAt": "2026-11-19T00:00:00Z", "formType": "flow"}
        with a_world(tmp_path, small_portal(forms=[{"id": "news", "name": "Newsletter", "formType": "captured"}, archived])) as world:
            report = world.backfill()
            assert (report.pulled["form_submission"], report.plan.new_mqls) == (2, 3)
            world.later(61)
            assert world.sync().pulled["form_submission"] == 0
            world.portal.engagement.forms.by_id["news"] |= {"archived": True, "archivedAt": "2026-11-20T13:30:00Z"}
            world.submit("p3@example.com", "news")
            world.later(61)
            assert (world.sync().pulled["form_submission"], world.score(3)) == (1, 10)

    def test_of_a_list_that_was_deleted_the_others_are_none_the_worse(self, approved: World) -> None:
        a_list(approved, "MQL").deleted_at = 1
        approved.submit("p3@example.com", "demo")
        with pytest.raises(ConfigurationError, match="list “MQL” is no longer in the portal"):
            approved.sync()
        assert 3 in approved.members("MQL · direct")

    @pytest.mark.parametrize("command", ["sync", "backfill"])
    def test_a_list_that_was_deleted_is_named_and_setup_makes_it_anew_with_all_its_members(self, approved: World, command: str) -> None:
        before = approved.members("MQL")
        a_list(approved, "MQL").deleted_at = 1
        approved.submit("p3@example.com", "demo")
        with pytest.raises(ConfigurationError, match=r"list “MQL” is no longer in the portal\..*setup"):
            getattr(approved, command)()
        approved.setup()
        approved.later()
        approved.sync()
        assert approved.members("MQL") == sorted([*before, 3])

    def test_a_list_that_was_made_dynamic_stops_the_run_and_setup_with_the_way_out(self, approved: World) -> None:
        a_list(approved, "MQL").processing = "DYNAMIC"
        approved.submit("p3@example.com", "demo")
        with pytest.raises(BadRequest, match="rename or delete"):
            approved.sync()
        with pytest.raises(ConfigurationError, match="Rename that list"):
            approved.setup()
        assert approved.value(3, "lead_score") == "10"


class TestStages:
    """Sales and administrators move them too."""

    def test_a_stage_that_was_added_and_one_with_a_new_name_keep_who_stands_there(self, scored: World) -> None:
        catalog = scored.portal.contacts.catalog
        stage = catalog.definitions["lifecyclestage"]
        nurture = PropertyOption(value="4711", label="Nurture", display_order=3)
        renamed = tuple(replace(option, label="Fresh", display_order=option.display_order * 2) for option in stage.options)
        catalog.save(replace(stage, options=(nurture, *renamed)))
        scored.portal.contacts.writer.update(1, {"lifecyclestage": "4711"}, CRM_UI_SOURCE)
        scored.backfill()
        scored.approve()
        assert [scored.value(number, "lifecyclestage") for number in (1, 2, 5)] == [MQL, "4711", "salesqualifiedlead"]

    @pytest.mark.parametrize("backward", ["ignored", "applied"])
    def test_a_contact_that_sales_moves_between_plan_and_write_stays_where_sales_wants_it(self, tmp_path: Path, backward: str) -> None:
        with a_world(tmp_path, switches=Switches(backward_stage=backward)) as world:  # type: ignore[arg-type]
            world.backfill()
            world.approve()
            world.later()
            world.submit("p3@example.com", "demo")
            world.submit("p4@example.com", "news")
            moved = Meanwhile("evaluated", world.edit, 3, lifecyclestage="customer")
            with world.worker(moved) as worker:
                report = worker.sync()
            assert (report.plan.stages, report.stages, world.value(3, "lifecyclestage")) == (1, 0, "customer")
            assert world.value(3, "lead_mql_reason") == "demo"
            assert calm(world)

    def test_who_only_had_a_stage_to_be_given_and_was_moved_is_left_alone(self, scored: World) -> None:
        with scored.worker(Meanwhile("evaluated", lambda: None)) as worker:
            worker.sync()
        scored.edit(1, lifecyclestage="opportunity")
        report = scored.approve()
        assert (report.stages, scored.value(1, "lifecyclestage")) == (1, "opportunity")
        assert calm(scored)


LONG = "ä" * 65_536
STRANGE = [
    a_contact(1, jobtitle=LONG),
    a_contact(2, jobtitle='CTO 🚀 “näïve”\n\t\\"', city="𝔘𝔫𝔦"),
    {**a_contact(3), "properties": {}},
    {**a_contact(4), "properties": {"email": "MIXED@Example.com", "jobtitle": "", "hs_additional_emails": "info@example.com"}},
    {
        **a_contact(5),
        "properties": {"email": "p5@example.com", "jobtitle": None, "hs_additional_emails": "Info@example.com;p5b@example.com"},
    },
    a_contact(6, associatedcompanyid="7"),
]


@pytest.fixture
def strange(tmp_path: Path) -> Iterator[World]:
    data = small_portal(
        contacts=STRANGE,
        companies=[{"id": "7", "properties": {"name": "Acme", "numberofemployees": "5E1"}, "updatedAt": "2026-02-03T04:05:06Z"}],
        email_events=[a_click("a", "mixed@EXAMPLE.com"), a_click("b", "INFO@example.com", NOW_MS - DAY - 5)],
        events=[],
        submissions=[a_submission("p5B@example.com", "demo")],
    )
    with a_world(tmp_path, data) as world:
        yield world


def test_whatever_people_write_into_fields_is_read_and_judged(strange: World) -> None:
    report = strange.backfill()
    assert (report.pulled["contacts"], report.written, report.rejected) == (6, 6, [])
    # Mixed case is one address, a shared second address brings the click to both, no e-mail is no obstacle.
    assert [strange.score(number) for number in range(1, 7)] == [0, 0, 0, 10, 15, 0]
    assert [strange.value(number, "lead_grade") for number in (2, 6)] == ["C", "C"]
    assert strange.sync().written == 0
    assert calm(strange)


def test_a_number_comes_as_text_in_any_spelling(strange: World) -> None:
    strange.backfill()
    with strange.worker() as worker:
        assert "✓ size (+3)" in worker.explain("6").verdict["grade_reasons"]


def test_who_is_created_while_everybody_is_read_is_not_missed(world: World) -> None:
    made: list[int] = []
    with world.worker(Meanwhile("contacts", lambda: made.append(world.create(email="late@example.com")))) as worker:
        worker.backfill()
    world.later()
    world.sync()
    assert world.value(made[0], "lead_score") == "0"
    assert calm(world)


def test_rows_out_of_order_and_search_that_lags_lose_nobody(tmp_path: Path) -> None:
    people = [a_contact(number) for number in (5, 3, 9, 1, 7, 12, 11)]
    with a_world(tmp_path, small_portal(contacts=people, events=[], submissions=[]), index_lag_s=30.0) as world:
        world.backfill()
        for number in (9, 1, 12):
            world.later(0.2)
            world.submit(f"p{number}@example.com", "news")
            world.edit(number, jobtitle="CTO")
            world.sync()
        world.later(20)
        world.sync()
        assert {number: world.score(number) for number in (1, 3, 9, 12)} == {1: 10 if world.score(1) < 20 else 20, 3: 0, 9: 10, 12: 10}
        assert {number: world.value(number, "lead_grade") for number in (1, 9, 12)} == dict.fromkeys((1, 9, 12), "C")
        assert calm(world)


def test_what_is_kept_is_what_hubspot_shows_even_of_a_contact_without_anything(strange: World) -> None:
    strange.backfill()
    with strange.worker() as worker:
        explained = worker.explain("3")
    assert json.loads(json.dumps(explained.as_json()))["adds_up"]


@pytest.mark.soak
def test_twelve_thousand_contacts_with_one_lastmodifieddate_are_all_read_by_a_sync(tmp_path: Path) -> None:
    people = [a_contact(number) for number in range(1, 12_001)]
    with a_world(tmp_path, small_portal(contacts=people, companies=[], email_events=[], events=[], submissions=[])) as world:
        world.backfill()
        world.later(60)
        moment = world.clock()
        for number in range(1, 12_001):
            world.edit(number, jobtitle="CTO")
        assert world.clock() == moment
        world.later(30)
        world.use_model(MODEL)
        report = world.sync()
        assert report.pulled["contacts"] >= 12_000
        assert report.evaluated == report.written == 12_000
        assert calm(world)


def test_a_machine_whose_clock_is_ahead_is_stopped_before_it_passes_over_a_change(approved: World) -> None:
    class Ahead(Clock):
        def now(self) -> datetime:
            return super().now() + timedelta(minutes=6)

    astray = replace(approved, reach=lambda **how: connect(clock=Ahead(), **how))
    approved.submit("p3@example.com", "demo")
    before = approved.digest()
    for command in ("sync", "backfill"):
        with pytest.raises(ConfigurationError, match=r"clock is 36\d s ahead of HubSpot's"):
            getattr(astray, command)()
    assert approved.digest() == before
    assert approved.sync().plan.new_mqls == 1
