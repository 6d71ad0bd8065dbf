"""A wrong reply is healed by the next full scan: HubSpot's totals show which contacts lack events."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import delete

from sync_worker.errors import UnsafePlan
from sync_worker.progress import Progress
from sync_worker.sandbox.base.portal_data import PortalData
from sync_worker.sandbox.generator import generate
from sync_worker.store import database
from sync_worker.store.schema import events
from tests.harness import DAY, NOW, NOW_MS, Harness, make_click, make_contact, make_page_view, make_submission, small_portal, start_harness

OCCURRENCES = "GET /events/event-occurrences/2026-09"
#: Endpoint, number of the first wrong reply, and its body.
LIES: dict[str, tuple[str, int, dict[str, object]]] = {
    "email events": ("GET /email/public/v1/events", 1, {"events": [], "hasMore": False}),
    "page views": (OCCURRENCES, 3, {"results": []}),  # the first requests look whether the portal shows them at all
    "submissions": ("GET /form-integrations/v1/submissions/forms/news", 1, {"results": []}),
    "forms": ("GET /marketing/v3/forms*", 1, {"results": []}),
}


def lose_events(harness: Harness, *kinds: str) -> None:
    """Delete events from the state, as if HubSpot had returned an empty page for them."""
    store = database.open_store(harness.state_url)
    with store.transaction() as tx:
        tx.execute(delete(events).where(events.c.kind.in_(kinds)))
    store.close()


def old_events_portal(contacts: int = 6) -> PortalData:
    """Return a portal in which each contact has a click, a page view and a submission that are older than the slow stream."""
    at = NOW_MS - 30 * DAY
    numbers = range(1, contacts + 1)
    return small_portal(
        contacts=[make_contact(number, lifecyclestage="lead") for number in numbers],
        email_events=[make_click(number, f"p{number}@example.com", at) for number in numbers],
        events=[make_page_view(number, number, at) for number in numbers],
        submissions=[make_submission(f"p{number}@example.com", "news", at) for number in numbers],
    )


@pytest.fixture
def old_harness(tmp_path: Path) -> Iterator[Harness]:
    with start_harness(tmp_path, old_events_portal()) as harness:
        harness.backfill()
        harness.approve()
        harness.advance(60)
        yield harness


def test_a_generated_portal_agrees_with_its_counters(tmp_path: Path) -> None:
    with start_harness(tmp_path, generate(contacts=400, seed=5, now=NOW)) as harness:
        report = harness.backfill()
        assert report.notes == []


@pytest.mark.parametrize("kind", ["email_click", "page_view", "form_submission"])
def test_lost_events_are_read_again_by_the_next_full_scan(old_harness: Harness, kind: str) -> None:
    before = [old_harness.score(number) for number in range(1, 7)]
    lose_events(old_harness, kind)
    report = old_harness.backfill()
    assert [old_harness.score(number) for number in range(1, 7)] == before
    assert report.notes == []


def test_a_difference_that_remains_is_reported_and_read_again_only_until_it_is_confirmed(old_harness: Harness) -> None:
    old_harness.set_hubspot_values(3, hs_analytics_num_page_views="9")
    requests = []
    for _ in range(4):
        old_harness.advance(60)
        report = old_harness.backfill()
        assert report.notes == [
            "Contacts whose HubSpot counter hs_analytics_num_page_views differs from the events that HubSpot shows: 1. The events count."
        ]
        requests.append(report.requests[OCCURRENCES])
    assert [number - requests[-1] for number in requests] == [1, 1, 0, 0]


REFUSED: dict[str, object] = {"status": 400, "body": {"status": "error", "category": "VALIDATION_ERROR", "message": "invalid"}}


@pytest.mark.parametrize(
    ("counter", "refused"),
    [
        ("hs_email_click", "recipient=old"),
        ("hs_email_click", "recipient=malformed"),
        ("hs_analytics_num_page_views", "objectId=3"),
    ],
)
def test_a_contact_whose_events_hubspot_refuses_does_not_stop_the_run(old_harness: Harness, counter: str, refused: str) -> None:
    old_harness.set_hubspot_values(3, hs_additional_emails="old@example.com;malformed", **{counter: "9"})
    old_harness.inject_fault("GET *", "answer", contains=refused, **REFUSED)
    old_harness.submit_form("p1@example.com", "demo")

    report = old_harness.backfill()

    assert report.notes == [f"Contacts whose HubSpot counter {counter} differs from the events that HubSpot shows: 1. The events count."]
    assert old_harness.members("MQL") == [1]


@pytest.mark.parametrize("name", LIES)
def test_one_empty_reply_is_healed_by_the_next_full_scan_and_the_safety_limits_allow_it(tmp_path: Path, name: str) -> None:
    settings = {"judged_from_contacts": 1, "max_changed_share": 0.01, "max_new_mqls_share": 0.01}
    endpoint, number, body = LIES[name]
    data = old_events_portal()
    with start_harness(tmp_path, data) as truthful:
        truthful.backfill()
        expected = [truthful.score(each) for each in range(1, 7)]
    (tmp_path / "lies").mkdir()
    with start_harness(tmp_path / "lies", old_events_portal()) as harness:
        # The reconciliation of the same run asks again, so every later reply of this run is empty as well.
        harness.inject_fault(endpoint, "answer", nth=[*range(number, 40)], body=body)
        harness.backfill()
        assert [harness.score(each) for each in range(1, 7)] != expected
        harness.clear_faults()
        harness.settings |= settings
        harness.advance(60)
        harness.backfill()
        assert [harness.score(each) for each in range(1, 7)] == expected


def test_a_change_that_is_no_healing_is_still_refused(old_harness: Harness) -> None:
    old_harness.settings |= {"judged_from_contacts": 1, "max_changed_share": 0.5}
    for number in range(1, 7):
        old_harness.opt_out(number)
    old_harness.advance(60)
    with pytest.raises(UnsafePlan):
        old_harness.backfill()


def test_an_interrupted_comparison_is_repeated_by_the_next_sync(old_harness: Harness) -> None:
    before = [old_harness.score(number) for number in range(1, 7)]
    lose_events(old_harness, "page_view")
    with old_harness.worker(FailAfterContacts()) as worker, pytest.raises(ZeroDivisionError):
        worker.backfill()
    old_harness.advance()
    old_harness.sync()
    with old_harness.worker() as worker:
        assert worker.explain("3").verdict.score == before[2]


class FailAfterContacts(Progress):
    """Fails when the first events are read again, after the contacts."""

    def __init__(self) -> None:
        self.has_contacts = False

    def advance(self, what: str, number: int) -> None:
        self.has_contacts = self.has_contacts or what == "contacts"
        if self.has_contacts and what == "page_view" and number > 0:
            raise ZeroDivisionError
