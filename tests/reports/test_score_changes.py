"""`explain --since`: the steps add up from the score then to the score now."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sync_worker.errors import ConfigurationError
from sync_worker.reports.score_changes import ScoreChanges
from tests.harness import MODEL, NOW, Harness

DECAY = MODEL.replace("degradation: {kind: none}", "degradation: {kind: inactivity, grace: 3 days, every: 1 day, lose: 2 points}").replace(
    "views: {event: page_view, each: 2, at_most: 10}", "views: {event: page_view, each: 2, at_most: 10, within: 5 days}"
)


def trace(harness: Harness, contact: str, days: float) -> ScoreChanges:
    with harness.worker() as worker:
        return worker.trace_score(contact, since=harness.clock() - timedelta(days=days))


def test_events_change_the_score_one_by_one(backfill_harness: Harness) -> None:
    backfill_harness.advance()
    backfill_harness.submit_form("p3@example.com")
    backfill_harness.advance()
    backfill_harness.add_page_view("x", 3, "https://x.com/careers/dev")
    backfill_harness.advance()
    backfill_harness.sync()
    found = trace(backfill_harness, "p3@example.com", 1).as_json()
    assert (found["score_before"], found["score"], found["adds_up"]) == (0, 9, True)
    assert [(step["cause"], step["points"], [event["kind"] for event in step["events"]]) for step in found["steps"]] == [
        ("events", 10, ["form_submission"]),
        ("events", -1, ["page_view"]),
    ]
    assert found["steps"][1]["changes"]["looked at careers pages"] == -3


def test_time_changes_the_score_by_decay_and_by_the_end_of_windows(backfill_harness: Harness) -> None:
    backfill_harness.use_model(DECAY)
    backfill_harness.sync()
    backfill_harness.advance(60 * 24 * 8)
    history = trace(backfill_harness, "1", 8).history
    assert history.adds_up
    assert (history.before, {bool(step.events) for step in history.steps}) == (20, {False})
    (step,) = history.steps
    assert -10 in step.changes.values()
    assert history.before + step.points == history.after < 20


def test_a_time_that_is_not_in_the_past_is_refused(backfill_harness: Harness) -> None:
    with pytest.raises(ConfigurationError, match="2026-11-20 12:00 UTC is not in the past"), backfill_harness.worker() as worker:
        worker.trace_score("1", since=NOW)
