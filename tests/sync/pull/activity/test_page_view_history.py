"""Page views from before HubSpot identified a contact."""

from __future__ import annotations

import pytest

from sync_worker.progress import Progress
from sync_worker.sandbox.server import user_actions
from tests.harness import DAY, Harness, make_page_view

OCCURRENCES = "GET /events/event-occurrences/2026-09"


def identify_visitor(harness: Harness, *, views: int) -> int:
    """Create a contact with one page view on each of the previous days."""
    number = harness.create_contact(email="visitor@example.com")
    for day in range(1, views + 1):
        user_actions.add_event_occurrence(harness.portal, make_page_view(f"before-{day}", number, harness.now_ms() - day * DAY))
    return number


@pytest.mark.parametrize(("command", "late"), [("sync", 0), ("backfill", 10 + 3)])  # a full scan reads the last days again
def test_page_views_from_before_a_contact_was_identified_count(live_harness: Harness, command: str, late: int) -> None:
    number = identify_visitor(live_harness, views=3)
    report = getattr(live_harness, command)()
    assert (live_harness.score(number), report.pulled["page_view"]) == (6, 3 + late)
    live_harness.advance()
    again = live_harness.sync()
    assert (again.written, again.pulled["page_view"]) == (0, 0)


def test_contacts_without_page_views_cause_no_request(live_harness: Harness) -> None:
    idle = live_harness.sync().requests[OCCURRENCES]
    live_harness.advance()
    live_harness.create_contact(email="imported@example.com")
    assert live_harness.sync().requests[OCCURRENCES] == idle


def test_a_crash_between_a_new_contact_and_its_history_loses_neither(live_harness: Harness) -> None:
    class FailingProgress(Progress):
        def advance(self, what: str, number: int) -> None:
            del number
            if what == "contacts":
                raise ZeroDivisionError

    number = identify_visitor(live_harness, views=2)
    with live_harness.worker(FailingProgress()) as worker, pytest.raises(ZeroDivisionError):
        worker.sync()
    live_harness.advance()
    live_harness.sync()
    assert live_harness.score(number) == 4


def test_a_merged_contact_keeps_the_page_views_of_both(live_harness: Harness) -> None:
    survivor = live_harness.merge_contacts(3, 1)
    live_harness.sync()
    with live_harness.worker() as worker:
        lines = {line["line"]: line["points"] for line in worker.explain(str(survivor)).as_json()["ledger"]}
    assert lines["views"] == 10
