"""Since when a contact is an MQL, and the reasons of that moment."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from sync_worker.errors import UnsafePlan
from tests.harness import DAY, MODEL, NOW_MS, Harness, make_click, make_contact, make_page_view, small_portal, start_harness

NAMES = ("lead_mql_since", "lead_mql_reasons", "lead_mql_blockers")


def shown(harness: Harness, number: int) -> list[str]:
    return [harness.value(number, name) or "" for name in NAMES]


def since(harness: Harness, number: int) -> datetime | None:
    text = harness.value(number, "lead_mql_since")
    return datetime.fromisoformat(text) if text else None


@pytest.fixture
def harness(tmp_path: Path) -> Harness:
    portal = small_portal(
        contacts=[make_contact(number, lifecyclestage="lead") for number in (1, 2)],
        email_events=[make_click(number, "p1@example.com", NOW_MS - DAY - number) for number in range(2)],
        events=[make_page_view(number, 1, NOW_MS - DAY - number) for number in range(5)],
        submissions=[],
    )
    with start_harness(tmp_path, portal, model=MODEL.replace("grade_at_least: C", "")) as started:
        yield started


def test_the_moment_of_the_approval_stays_while_the_contact_stays_an_mql(harness: Harness) -> None:
    harness.backfill()
    assert shown(harness, 1) == ["", "", ""]  # no contact becomes an MQL before the approval
    harness.advance()
    harness.approve()
    first = shown(harness, 1)
    assert since(harness, 1) == harness.clock()
    assert first[1].splitlines()[:2] == ["By score and grade", "20 of 30 points"]
    harness.advance()
    harness.submit_form("p1@example.com")
    assert harness.sync().written == 1
    assert harness.score(1) > 20
    assert shown(harness, 1) == first
    with harness.worker() as worker:
        explained = worker.explain("1").as_json()
    assert explained["mql_reasons"][0] == "By score and grade"
    assert harness.backfill().plan.contacts == 0


def test_an_mql_that_ceases_and_returns_is_new(harness: Harness) -> None:
    harness.backfill()
    harness.approve()
    harness.advance()
    harness.opt_out(1)
    harness.sync()
    assert shown(harness, 1)[:2] == ["", ""]
    assert shown(harness, 1)[2] != ""
    harness.set_hubspot_values(1, hs_email_optout="false")
    harness.advance()
    harness.sync()
    assert since(harness, 1) == harness.clock()
    assert shown(harness, 1)[2] == ""


def test_a_new_state_takes_the_moment_that_hubspot_shows(harness: Harness) -> None:
    harness.backfill()
    harness.approve()
    before = shown(harness, 1)
    harness.advance(60)
    harness.state_url = f"sqlite:///{harness.folder / 'another.db'}"
    harness.backfill()
    harness.approve()
    assert shown(harness, 1) == before


def test_an_undone_approval_takes_the_moment_with_it(harness: Harness) -> None:
    harness.backfill()
    run = harness.approve().run_id
    harness.advance()
    with harness.worker() as worker:
        worker.undo(run)
    harness.sync()
    assert shown(harness, 1)[:2] == ["", ""]


def test_a_refused_approval_leaves_no_moment_behind(harness: Harness) -> None:
    harness.backfill()
    harness.settings = {"max_new_mqls": 0, "judged_from_contacts": 1}
    with pytest.raises(UnsafePlan):
        harness.approve()
    harness.settings = {}
    harness.advance()
    assert harness.sync().written == 0
    assert shown(harness, 1)[:2] == ["", ""]
    harness.approve()
    assert since(harness, 1) == harness.clock()


def test_the_survivor_of_a_merge_has_the_earliest_moment(harness: Harness) -> None:
    harness.backfill()
    harness.approve()
    first = since(harness, 1)
    harness.advance(30)
    survivor = harness.merge_contacts(2, 1)
    harness.sync()
    assert first is not None
    assert since(harness, survivor) == first
    assert harness.clock() - first > timedelta(minutes=20)
