"""What happens in a portal between two runs, and what the next run makes of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from sync_worker.errors import ExitCode
from sync_worker.sandbox.server import user_actions
from tests.harness import DAY, MODEL, MQL, NOW_MS, World, a_click, a_contact, a_world, small_portal


def changed_by(world: World, happens: Callable[[], object]) -> set[int]:
    """Return the contacts that the next sync evaluates and writes, after something happened."""
    world.later()
    happens()
    before = {number: dict(world.contact(number)) for number in range(1, 7)}
    report = world.sync()
    assert report.evaluated == report.written
    assert not world.sync().evaluated
    return {number for number, properties in before.items() if world.contact(number) != properties}


@pytest.mark.parametrize(
    ("happens", "score"),
    [
        (lambda world: world.click("new", "P3@Example.com"), 5),
        (lambda world: world.view("new", 3), 2),
        (lambda world: world.submit("p3@example.com"), 10),
        (lambda world: world.opt_out(3), -10),
        (lambda world: world.view("new", 3, "https://x.com/careers/cto"), -1),
    ],
    ids=["a click", "a page view", "a form", "an opt-out", "a careers page"],
)
def test_what_one_contact_does_changes_just_that_contact(scored: World, happens: Callable[[World], None], score: int) -> None:
    assert changed_by(scored, lambda: happens(scored)) == {3}
    assert scored.score(3) == score


def test_a_company_that_changes_has_its_contacts_judged_anew(scored: World) -> None:
    assert changed_by(scored, lambda: scored.note(7, kind="companies", numberofemployees="3")) == {1}
    assert scored.value(1, "lead_grade") == "F"
    assert scored.value(1, "lead_mql_reason") is None


def test_a_contact_that_moves_to_another_company_is_judged_by_that(scored: World) -> None:
    assert changed_by(scored, lambda: scored.note(6, associatedcompanyid="7")) == {6}
    assert scored.value(6, "lead_grade") == "B"


def test_a_contact_that_is_new_is_scored_with_what_was_known_of_its_address(scored: World) -> None:
    scored.later()
    scored.click("early", "new@example.com")
    assert scored.sync().evaluated == 0
    scored.later(60)
    new = scored.create(email="New@example.com")
    assert scored.sync().written == 1
    assert scored.score(new) == 5


def test_a_second_address_brings_what_was_done_under_it(scored: World) -> None:
    scored.later()
    scored.click("other", "other@example.com")
    scored.sync()
    scored.later()
    scored.note(3, hs_additional_emails="other@example.com")
    scored.sync()
    assert scored.score(3) == 5


def test_our_own_write_comes_back_and_causes_no_evaluation(scored: World) -> None:
    echo = scored.sync()
    assert (echo.pulled["contacts"], echo.evaluated, echo.written) == (6, 0, 0)


def test_a_value_of_ours_that_somebody_else_changed_is_put_right(scored: World) -> None:
    scored.later()
    scored.edit(3, lead_score="99")
    report = scored.sync()
    assert (report.evaluated, report.written, scored.score(3)) == (0, 1, 0)


def test_search_that_lags_behind_hides_nothing_and_undoes_nothing(tmp_path: Path) -> None:
    with a_world(tmp_path, index_lag_s=120) as world:
        world.backfill()
        world.approve()
        world.later(1)
        world.note(6, associatedcompanyid="7")
        for _ in range(4):
            world.sync()
            world.later(2)
        assert world.value(6, "lead_grade") == "B"
        assert 6 in world.members("MQL · by score")
        assert world.sync().written == 0


def test_an_event_that_hubspot_replaced_counts_no_more(scored: World) -> None:
    scored.later()
    scored.click("old", "p3@example.com")
    scored.sync()
    assert scored.score(3) == 5
    replaced = a_click("old", "p3@example.com", scored.now_ms(), obsoletedBy={"id": "better", "created": scored.now_ms()})
    user_actions.add_email_event(scored.portal, replaced)
    scored.sync()
    assert scored.score(3) == 0


def test_a_page_of_events_longer_than_hubspots_is_read_to_its_end(tmp_path: Path) -> None:
    clicks = [a_click(f"{n}-{n % 6 + 1}", f"p{n % 6 + 1}@example.com", NOW_MS - DAY - 7 * n) for n in range(2_500)]
    with a_world(tmp_path, replace(small_portal(), email_events=clicks)) as world:
        assert world.backfill().pulled["email_click"] == 2_500


def test_with_the_day_every_contact_is_judged_anew_and_only_differences_are_written(approved: World) -> None:
    approved.later(24 * 60)
    report = approved.sync()
    assert (report.evaluated, report.written) == (6, 0)
    assert approved.sync().evaluated == 0


def test_what_time_alone_changes_is_written_with_the_day(tmp_path: Path) -> None:
    fading = MODEL.replace("degradation: {kind: none}", "degradation: {kind: inactivity, grace: 30 days, every: 30 days, lose: 10 %}")
    with a_world(tmp_path, model=fading) as world:
        world.backfill()
        world.clock.advance(timedelta(days=100).total_seconds())
        report = world.sync()
        assert report.evaluated == 6
        assert world.score(1) == 16
        assert world.sync().written == 0


def test_a_portal_without_single_events_falls_back_to_counters_and_names_what_it_does_not_show(tmp_path: Path) -> None:
    with a_world(tmp_path, tier="starter") as world:
        report = world.backfill()
        assert report.not_visible == ("careers",)
        assert [world.score(number) for number in (1, 2, 3, 6)] == [20, 10, 0, 20]
        assert "GET /events/event-occurrences/2026-09/event-types" not in report.requests
        assert world.sync().written == 0


class TestGone:
    """Contacts that were deleted or merged between two runs."""

    def test_who_was_deleted_leaves_the_lists_and_is_not_written(self, approved: World) -> None:
        approved.archive(1)
        approved.later(24 * 60)
        approved.opt_out(5)
        report = approved.backfill()
        assert (report.exit_code, report.rejected) == (ExitCode.DONE, [])
        assert approved.members("MQL") == [2]
        with approved.worker() as worker:
            assert worker.status()["contacts"] == 5
        assert approved.backfill().written == 0

    def test_who_a_full_reading_no_longer_sees_is_gone(self, scored: World) -> None:
        scored.archive(3)
        assert scored.sync().evaluated == 0
        scored.backfill()
        with scored.worker() as worker:
            assert (worker.status()["contacts"], worker.distribution().contacts) == (5, 5)

    def test_who_was_deleted_just_before_the_write_is_no_error(self, approved: World) -> None:
        approved.click("new", "p1@example.com")
        approved.archive(1)
        report = approved.sync()
        assert (report.exit_code, report.written, report.rejected) == (ExitCode.DONE, 0, [])
        assert approved.sync().plan.contacts == 0

    def test_who_was_restored_is_scored_and_listed_again(self, approved: World) -> None:
        approved.archive(1)
        approved.backfill()
        approved.later()
        del approved.portal.contacts.records.archived[0]
        approved.backfill()
        assert approved.members("MQL · by score") == [1]
        assert approved.backfill().written == 0

    def test_two_that_became_one_are_one(self, approved: World) -> None:
        new = approved.merge(1, 3)
        report = approved.sync()
        assert (report.exit_code, report.rejected) == (ExitCode.DONE, [])
        assert approved.score(new) == 20
        assert approved.members("MQL · by score") == [new]
        assert approved.members("Leads · cold") == [4]
        assert new in approved.members("Leads · hot")
        assert approved.sync().written == 0
        assert not approved.sync().plan.lists

    def test_what_both_did_counts_for_the_one_that_is_left(self, approved: World) -> None:
        new = approved.merge(2, 1)
        approved.sync()
        assert approved.score(new) == 30
        assert approved.value(new, "lead_mql_reason") == "demo"
        assert approved.value(new, "lifecyclestage") == MQL

    def test_places_that_came_with_a_merge_are_given_up_when_they_are_not_deserved(self, approved: World) -> None:
        new = approved.merge(3, 1)
        approved.opt_out(new)
        approved.sync()
        assert approved.members("MQL") == [2, 5]
        approved.backfill()
        assert approved.members("MQL") == [2, 5]

    def test_a_merge_that_only_a_full_reading_sees_ends_in_the_same(self, approved: World) -> None:
        new = approved.merge(1, 3)
        approved.later(60)
        approved.backfill()
        approved.backfill()
        assert approved.members("MQL · by score") == [new]
        with approved.worker() as worker:
            assert worker.status()["contacts"] == 5


def test_a_model_that_asks_for_more_has_everything_read_again(scored: World) -> None:
    scored.edit(3, city="Bonn")
    scored.later(60)
    scored.sync()
    scored.later(60)
    scored.use_model(MODEL.replace("  degradation:", "    bonn: {when: {city: {is: Bonn}}, points: 3}\n  degradation:"))
    report = scored.sync()
    assert (report.pulled["contacts"], scored.score(3)) == (6, 3)


def test_what_a_model_once_asked_for_and_asks_for_again_is_read_again(scored: World) -> None:
    asking = MODEL.replace("  degradation:", "    bonn: {when: {city: {is: Bonn}}, points: 3}\n  degradation:")
    scored.use_model(asking)
    scored.sync()
    scored.use_model(MODEL)
    scored.later(60)
    scored.edit(3, city="Bonn")
    for _ in range(2):
        scored.sync()
        scored.later(60)
    scored.use_model(asking)
    scored.sync()
    assert scored.score(3) == 3


def test_another_prefix_is_another_set_of_properties(scored: World) -> None:
    scored.settings["property_prefix"] = "fit"
    scored.setup()
    report = scored.sync()
    assert (report.exit_code, report.written) == (ExitCode.DONE, 6)
    assert scored.value(1, "fit_score") == "20"
    assert scored.sync().written == 0


def test_contacts_that_share_a_moment_by_the_hundred_are_all_read(tmp_path: Path) -> None:
    crowd = small_portal(contacts=[a_contact(number) for number in range(1, 451)], companies=[], email_events=[], events=[])
    with a_world(tmp_path, crowd) as world:
        world.backfill()
        world.later(60)
        for number in range(1, 451):
            world.edit(number, jobtitle="CTO")
        report = world.sync()
        assert (report.pulled["contacts"], report.written) == (450, 450)
