"""Events that HubSpot shows late, or changes later: the slow stream finds them within hours, at a low cost."""

from __future__ import annotations

from pathlib import Path

import pytest

from sync_worker.sandbox.events.event_timeline import EventTimeline
from sync_worker.sandbox.events.portal_events import EMAIL_EVENT_KEY
from sync_worker.sandbox.server import user_actions
from tests.harness import DAY, MINUTE, Harness, make_click, make_contact, make_page_view, make_submission, small_portal, start_harness

HOUR = 60 * MINUTE
LATENESS = {"three hours late": 3 * HOUR, "two days late": 2 * DAY}


def add_late_events(harness: Harness, lateness: int) -> None:
    at = harness.now_ms() - lateness
    user_actions.add_email_event(harness.portal, make_click("late", "p3@example.com", at))
    user_actions.add_event_occurrence(harness.portal, make_page_view("late", 2, at))
    user_actions.add_submission(harness.portal, make_submission("p4@example.com", "news", at))
    for number in range(60):  # newer submissions hide the late one on the second page of the form
        harness.portal.engagement.submissions.add(make_submission("x@example.com", "news", at + number + 1))


@pytest.mark.parametrize("lateness", LATENESS.values(), ids=LATENESS)
def test_late_events_count_after_some_hours_of_cycles(live_harness: Harness, lateness: int) -> None:
    live_harness.sync()
    live_harness.advance(60)
    live_harness.sync()
    add_late_events(live_harness, lateness)
    for _ in range(3):
        live_harness.advance(60)
        live_harness.sync()
    assert [live_harness.score(number) for number in (2, 3, 4)] == [12, 5, 10]


@pytest.mark.parametrize("lateness", LATENESS.values(), ids=LATENESS)
def test_late_events_count_after_the_next_full_scan(live_harness: Harness, lateness: int) -> None:
    live_harness.sync()
    add_late_events(live_harness, lateness)
    live_harness.backfill()
    assert [live_harness.score(number) for number in (2, 3, 4)] == [12, 5, 10]


def test_a_service_that_was_down_for_days_finds_the_late_events_of_before(live_harness: Harness) -> None:
    live_harness.sync()
    late_ms = live_harness.now_ms() - 2 * DAY
    live_harness.advance(5 * 24 * 60)
    user_actions.add_email_event(live_harness.portal, make_click("late", "p3@example.com", late_ms))
    live_harness.sync()
    assert live_harness.score(3) == 5


@pytest.mark.parametrize("change", [{"filteredEvent": True}, {"obsoletedBy": {"id": "newer", "created": 1}}], ids=["flagged", "replaced"])
def test_a_click_that_is_changed_later_stops_counting(live_harness: Harness, change: dict[str, object]) -> None:
    at = live_harness.now_ms()
    user_actions.add_email_event(live_harness.portal, make_click("changed", "p3@example.com", at))
    live_harness.sync()
    assert live_harness.score(3) == 5
    engagement = live_harness.portal.engagement
    rows = [row | change if row["id"] == "click-changed" else row for row in engagement.email_events]
    engagement.email_events = EventTimeline(rows, EMAIL_EVENT_KEY)
    for _ in range(3):
        live_harness.advance(60)
        live_harness.sync()
    assert live_harness.score(3) == 0


def test_without_late_hours_only_the_overlap_is_read_again(tmp_path: Path) -> None:
    with start_harness(tmp_path, settings={"late_hours": 0}) as harness:
        harness.backfill()
        user_actions.add_email_event(harness.portal, make_click("late", "p3@example.com", harness.now_ms() - 3 * HOUR))
        harness.advance(3 * 60)
        harness.sync()
        assert harness.score(3) == 0


def test_two_hours_of_idle_cycles_costs_at_most_eight_requests_each(live_harness: Harness) -> None:
    live_harness.sync()
    requests = []
    for _ in range(24):
        live_harness.advance(5)
        requests.append(sum(live_harness.sync().requests.values()))
    assert sum(requests) / len(requests) <= 8


def test_an_event_under_a_merged_away_id_counts_for_the_survivor_in_the_first_backfill(tmp_path: Path) -> None:
    contacts = [make_contact(1, hs_merged_object_ids="90;91"), make_contact(2)]
    views = [make_page_view(number, 90 + number % 2) for number in range(4)]
    with start_harness(tmp_path, small_portal(contacts=contacts, events=views, email_events=[], submissions=[])) as harness:
        harness.backfill()
        assert harness.score(1) == 8
        user_actions.add_event_occurrence(harness.portal, make_page_view("late", 91, harness.now_ms()))
        harness.advance()
        harness.sync()
        assert harness.score(1) == 10
