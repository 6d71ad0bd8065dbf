"""A run makes no plan if it would repeat one that has left nothing to write."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection

from sync_worker.sandbox.server import user_actions
from sync_worker.store.database import open_store
from sync_worker.store.facts import contacts
from sync_worker.store.writes import memberships, rejections
from sync_worker.sync.run_report import RunReport
from tests.harness import MODEL, Harness


def makes_plan(report: RunReport) -> bool:
    return "evaluate" in report.steps.seconds


def settle(harness: Harness) -> RunReport:
    """Sync until a run makes no plan; return its report."""
    for _ in range(4):
        if not makes_plan(report := harness.sync()):
            return report
    raise AssertionError


@pytest.fixture
def settled_harness(live_harness: Harness) -> Harness:
    settle(live_harness)
    return live_harness


def test_a_run_after_one_that_left_nothing_to_write_makes_no_plan(settled_harness: Harness) -> None:
    for minutes in (1, 20, 60):
        settled_harness.advance(minutes)
        report = settled_harness.sync()
        assert not makes_plan(report)
        assert (report.plan.is_empty, report.approved, report.evaluated) == (True, True, 0)


def test_the_changes_that_wait_for_the_approval_are_reported_without_a_plan(backfill_harness: Harness) -> None:
    withheld = backfill_harness.sync().withheld
    assert settle(backfill_harness).withheld == withheld != {}


def test_a_dry_run_always_makes_a_plan(settled_harness: Harness) -> None:
    assert makes_plan(settled_harness.sync(dry_run=True))


def test_the_next_day_of_the_portal_needs_a_plan(settled_harness: Harness) -> None:
    start = datetime(2026, 11, 21, 1, 0, tzinfo=UTC)  # 2 o'clock in Berlin, the usual time of the evaluation
    settled_harness.advance((start - settled_harness.clock()) / timedelta(minutes=1) - 1)
    assert not makes_plan(settled_harness.sync())
    settled_harness.advance(1)
    assert settled_harness.sync().evaluated == 6


def test_what_hubspot_has_rejected_is_tried_again_at_its_time(live_harness: Harness) -> None:
    rule = {"propertyName": "city", "ruleType": "REQUIRED", "when": {"lifecyclestage": ["lead"]}}
    user_actions.replace_validation_rules(live_harness.portal, {"rules": [rule]})
    live_harness.add_click("new", "p6@example.com")
    assert live_harness.sync().held_back.contacts == 1
    live_harness.advance(1)
    live_harness.sync()  # the second try
    user_actions.replace_validation_rules(live_harness.portal, {"rules": []})
    (group,) = settle(live_harness).held_back.groups
    assert group.retry_at is not None
    live_harness.advance((group.retry_at - live_harness.now_ms()) / 60_000)
    assert not makes_plan(live_harness.sync())
    live_harness.advance(0.001)
    assert live_harness.sync().written == 1


def write(harness: Harness, function: Callable[[Connection], object]) -> None:
    """Write to the state as another process does."""
    store = open_store(harness.state_url)
    with store.transaction() as tx:
        function(tx)
    store.close()


CHANGES: dict[str, Callable[[Harness], object]] = {
    "a contact": lambda harness: harness.edit_contact(3, jobtitle="CTO"),
    "our value": lambda harness: harness.edit_contact(3, lead_score="99"),
    "the model": lambda harness: harness.use_model(MODEL.replace("threshold: 20", "threshold: 21")),
    "a setting": lambda harness: harness.settings.update(reevaluate_at="05:00"),
    "facts": lambda harness: write(harness, lambda tx: contacts.mark_due(tx, [1], ())),
    "list members": lambda harness: write(harness, lambda tx: memberships.replace(tx, "mql", [3])),
    "what is held back": lambda harness: write(harness, lambda tx: rejections.suspend(tx, [1], reason="", at=0)),
}


def test_a_change_by_any_program_needs_a_plan(settled_harness: Harness) -> None:
    needed = {}
    for name, change in CHANGES.items():
        settled_harness.advance()
        change(settled_harness)
        needed[name] = makes_plan(settled_harness.sync())
        settle(settled_harness)
    assert needed == dict.fromkeys(CHANGES, True)
