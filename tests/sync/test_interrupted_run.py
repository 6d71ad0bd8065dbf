"""A run that ends in the middle, and the run after it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from sync_worker.errors import ExitCode, Forbidden
from sync_worker.progress import Progress
from sync_worker.sandbox.base.portal_data import PortalData
from sync_worker.sandbox.generator import generate
from sync_worker.sandbox.server import user_actions
from sync_worker.store import contacts, coverage, database, differences
from sync_worker.sync.pull.pull import CONTACT_STREAM
from tests.harness import MINUTE, NOW, World, a_click, a_contact, a_world, small_portal


class Stopped(Exception):
    """Somebody pulled the plug."""


class Plug(Progress):
    """Is pulled when something has been done so many times."""

    def __init__(self, times: int, what: str | None = None) -> None:
        self.left = times
        self.what = what

    def advance(self, what: str, number: int) -> None:  # noqa: ARG002 -- as the pipeline calls it
        if self.what in (None, what):
            self.left -= 1
            if self.left == 0:
                raise Stopped


class Count(Progress):
    """Counts the places where a run can be stopped."""

    def __init__(self) -> None:
        self.places = 0

    def advance(self, what: str, number: int) -> None:  # noqa: ARG002 -- as the pipeline calls it
        self.places += 1


def a_few_hundred() -> PortalData:
    return generate(contacts=130, seed=11, now=NOW)


@contextmanager
def a_few_hundred_at_work(folder: Path) -> Iterator[World]:
    """A made-up portal under an approved model; nothing scored yet."""
    with a_world(folder, a_few_hundred(), settings={"requests_in_flight": 2}) as world:
        world.approve()
        yield world


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, int]:
    """The digest that a run ends in which nobody stops, and the number of places where it could be."""
    with a_few_hundred_at_work(tmp_path_factory.mktemp("undisturbed")) as world:
        count = Count()
        world.backfill(progress=count)
        return world.digest(), count.places


@pytest.mark.parametrize("share", [0.0, 0.2, 0.4, 0.6, 0.8, 1.0])
def test_a_backfill_that_was_stopped_anywhere_ends_as_if_it_had_not_been(
    tmp_path: Path, undisturbed: tuple[str, int], share: float
) -> None:
    digest, places = undisturbed
    with a_few_hundred_at_work(tmp_path) as world:
        with suppress(Stopped):  # what comes in together is kept together: there may be fewer places this time
            world.backfill(progress=Plug(1 + int(share * (places - 1))))
        world.backfill()
        assert world.digest() == digest


def test_a_backfill_that_is_stopped_again_and_again_comes_to_the_same_end(tmp_path: Path, undisturbed: tuple[str, int]) -> None:
    with a_few_hundred_at_work(tmp_path) as world:
        for place in (2, 5, 9):
            with pytest.raises(Stopped):
                world.backfill(progress=Plug(place))
        world.backfill()
        assert world.digest() == undisturbed[0]
        assert world.backfill().written == 0


def test_what_was_read_before_the_stop_is_not_read_again(tmp_path: Path) -> None:
    crowd = small_portal(contacts=[a_contact(number) for number in range(1, 951)], companies=[], email_events=[], events=[])
    with a_world(tmp_path, crowd, settings={"requests_in_flight": 1}) as world:
        with pytest.raises(Stopped):
            world.backfill(progress=Plug(2, CONTACT_STREAM))
        store = database.open_store(world.state_url)
        with store.transaction() as tx:
            known = contacts.count(tx)
        store.close()
        assert 200 <= known < 950
        assert world.backfill().pulled["contacts"] == 950 - known


def test_a_gap_in_the_middle_is_read_and_not_all_that_lies_behind_it(tmp_path: Path) -> None:
    crowd = small_portal(contacts=[a_contact(number) for number in range(1, 951)], companies=[], email_events=[], events=[])
    with a_world(tmp_path, crowd, settings={"requests_in_flight": 1}) as world:
        with pytest.raises(Stopped):
            world.backfill(progress=Plug(1, CONTACT_STREAM))
        store = database.open_store(world.state_url)
        with store.transaction() as tx:
            # Several ranges are read at once, so that some gaps may be narrower.
            widest = max(coverage.gaps(tx, CONTACT_STREAM, 1, 951), key=lambda gap: gap.high - gap.low)
            coverage.add(tx, CONTACT_STREAM, 1, widest.low)
            coverage.add(tx, CONTACT_STREAM, widest.low + 50, 951)
        store.close()
        assert world.backfill().pulled["contacts"] == 50


def test_who_came_back_while_a_full_reading_was_stopped_is_not_gone(approved: World) -> None:
    approved.archive(3)
    approved.backfill()
    approved.later(60)
    with pytest.raises(Stopped):
        approved.backfill(progress=Plug(1, CONTACT_STREAM))
    del approved.portal.contacts.records.archived[2]
    approved.note(3, jobtitle="CTO")
    approved.sync()
    assert approved.members("Leads · cold") == [3, 4]
    approved.later(60)
    approved.backfill()
    assert approved.members("Leads · cold") == [3, 4]
    assert approved.value(3, "lead_grade") == "C"


def test_a_sync_that_was_stopped_is_made_up_for_by_the_next(approved: World) -> None:
    approved.click("new", "p3@example.com")
    approved.submit("p4@example.com")
    approved.view("new", 2)
    with approved.worker(Plug(3)) as worker, pytest.raises(Stopped):
        worker.sync()
    approved.later()
    approved.sync()
    assert [approved.score(number) for number in (2, 3, 4)] == [12, 5, 10]
    assert approved.sync().written == 0


def test_an_event_that_arrived_late_is_not_lost_when_the_run_that_would_have_read_it_is_stopped(approved: World) -> None:
    approved.settings["requests_in_flight"] = 1
    late = approved.now_ms() - 6 * MINUTE  # before the last run, which did not see it
    approved.later(60)
    user_actions.add_email_event(approved.portal, a_click("late", "p3@example.com", late))
    for number in range(1_050):
        approved.portal.engagement.email_events.add(a_click(f"new-{number}", "p6@example.com", approved.now_ms() - 1_000 * number))
    with approved.worker(Plug(1, "email_click")) as worker, pytest.raises(Stopped):
        worker.sync()
    approved.later()
    approved.sync()
    assert approved.score(3) == 5


def test_members_that_were_added_without_an_answer_are_ours_all_the_same(approved: World) -> None:
    approved.submit("p3@example.com", "demo")
    store = database.open_store(approved.state_url)
    # HubSpot has put the contact in, and the machine died before that was noted.
    with store.transaction() as tx:
        differences.save_pending_members(tx, "mql", [3])
    store.close()
    found = approved.portal.lists.find_by_name("MQL", "0-1")
    assert found is not None
    found.add([3], now=0)
    approved.backfill()
    approved.opt_out(3)
    approved.later()
    approved.sync()
    assert approved.members("MQL") == [1, 2, 5]


def test_every_run_is_remembered_however_it_ended(world: World) -> None:
    with pytest.raises(Stopped):
        world.backfill(progress=Plug(2))
    world.later()
    world.backfill()
    with world.worker() as worker:
        last, first = worker.status()["runs"]
    assert (last["command"], last["exit_code"], last["written"]) == ("backfill", 0, 6)
    assert (first["exit_code"], first["finished_at"] is not None) == (-1, True)


class TestForbidden:
    """Could not read is never: did nothing."""

    @pytest.mark.parametrize(
        "endpoint",
        ["GET /email/*", "GET /events/*", "GET /marketing/*", "GET /form-integrations/*", "POST */companies/*", "POST */contacts/*"],
    )
    def test_a_read_that_is_refused_stops_the_run_and_lowers_nobodys_score(self, approved: World, endpoint: str) -> None:
        before = approved.digest()
        approved.later(24 * 60)
        approved.forbid(endpoint)
        with pytest.raises(Forbidden) as refused:
            approved.sync()
        assert refused.value.operation
        assert refused.value.exit_code == ExitCode.REFUSED
        assert approved.digest() == before
        approved.go_right()
        approved.click("new", "p3@example.com")
        assert approved.sync().written == 1
        assert approved.score(3) == 5

    def test_a_write_that_is_refused_stops_the_run_and_the_next_one_makes_up_for_it(self, approved: World) -> None:
        approved.click("new", "p3@example.com")
        approved.forbid("POST */batch/update")
        with pytest.raises(Forbidden):
            approved.sync()
        assert approved.score(3) == 0
        approved.go_right()
        approved.later()
        assert approved.sync().written == 1
        assert approved.score(3) == 5

    def test_a_list_that_cannot_be_changed_stops_the_run_and_the_next_one_makes_up_for_it(self, approved: World) -> None:
        approved.submit("p3@example.com", "demo")
        approved.forbid("PUT */memberships/*")
        with pytest.raises(Forbidden):
            approved.sync()
        assert approved.members("MQL") == [1, 2, 5]
        approved.go_right()
        assert approved.sync().written == 0
        assert approved.members("MQL") == [1, 2, 3, 5]


def test_a_write_whose_answer_was_lost_is_repeated_and_harms_nothing(approved: World) -> None:
    approved.click("new", "p3@example.com")
    approved.go_wrong("POST */batch/update", status=502, when="after", times=1)
    report = approved.sync()
    assert (report.written, report.retries, approved.score(3)) == (1, 1, 5)
    assert approved.sync().written == 0
