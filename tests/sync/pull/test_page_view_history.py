"""Whoever is new brings what they did before HubSpot knew them."""

from __future__ import annotations

import pytest

from sync_worker.progress import Progress
from sync_worker.sandbox.server import user_actions
from tests.harness import DAY, World, a_view

OCCURRENCES = "GET /events/event-occurrences/2026-09"


def a_visitor_is_identified(world: World, *, views: int) -> int:
    """Let a contact be made of somebody whose visits lie days back."""
    number = world.create(email="visitor@example.com")
    for day in range(1, views + 1):
        user_actions.add_event_occurrence(world.portal, a_view(f"before-{day}", number, world.now_ms() - day * DAY))
    return number


@pytest.mark.parametrize("command", ["sync", "backfill"])
def test_visits_from_before_a_contact_was_known_count(approved: World, command: str) -> None:
    number = a_visitor_is_identified(approved, views=3)
    report = getattr(approved, command)()
    assert (approved.score(number), report.pulled["page_view"]) == (6, 3)
    approved.later()
    again = approved.sync()
    assert (again.written, again.pulled["page_view"]) == (0, 0)


def test_who_has_looked_at_nothing_is_not_asked_about(approved: World) -> None:
    idle = approved.sync().requests[OCCURRENCES]
    approved.later()
    approved.create(email="imported@example.com")
    assert approved.sync().requests[OCCURRENCES] == idle


def test_a_run_that_dies_between_a_newcomer_and_its_past_forgets_neither(approved: World) -> None:
    class Dies(Progress):
        def advance(self, what: str, number: int) -> None:
            del number
            if what == "contacts":
                raise ZeroDivisionError

    number = a_visitor_is_identified(approved, views=2)
    with approved.worker(Dies()) as worker, pytest.raises(ZeroDivisionError):
        worker.sync()
    approved.later()
    approved.sync()
    assert approved.score(number) == 4


def test_a_merged_contact_keeps_what_both_had_looked_at(approved: World) -> None:
    survivor = approved.merge(3, 1)
    approved.sync()
    with approved.worker() as worker:
        lines = {line["line"]: line["points"] for line in worker.explain(str(survivor)).as_json()["ledger"]}
    assert lines["views"] == 10
