from __future__ import annotations

from datetime import timedelta

import pytest

from sync_worker.model.score_history import MAX_STEPS, trace_score
from tests.model.factories import NOW, make_criteria_model, make_event, make_facts


@pytest.mark.parametrize("events", [1, MAX_STEPS + 1])
def test_the_steps_lead_from_the_first_score_to_the_last(events: int) -> None:
    model = make_criteria_model(clicks={"event": "email_click", "each": 2, "at_most": 30, "within": "20 days"})
    rows = [make_event(days_ago=1 + number / 10, id_=str(number)) for number in range(events)]
    history = trace_score(make_facts(events=rows), model, NOW - timedelta(days=25), NOW)
    assert history.adds_up
    assert (history.before, history.after) == (0, min(30, 2 * events))


def test_a_loss_before_an_event_has_the_time_of_the_first_event_after_it() -> None:
    model = make_criteria_model(
        clicks={"event": "email_click", "points": 10, "within": "5 days"}, views={"event": "page_view", "points": 1}
    )
    click = make_event(days_ago=20, id_="click")
    views = [
        make_event("page_view", days_ago=8 - number / 100, id_=str(number), url="https://example.com/") for number in range(MAX_STEPS + 1)
    ]
    history = trace_score(make_facts(events=[click, *views]), model, NOW - timedelta(days=18), NOW)
    [loss] = [step for step in history.steps if step.points == -10]
    assert (loss.at, loss.events) == (NOW - timedelta(days=8), ())


def test_a_step_names_what_its_event_is_about() -> None:
    model = make_criteria_model(clicks={"event": "email_click", "points": 1}, webinars={"event": "webinar", "points": 2})
    events = [make_event(days_ago=2, campaign="7", id_="click"), make_event("webinar", days_ago=1, name="Scoring", id_="webinar")]
    steps = trace_score(make_facts(events=events), model, NOW - timedelta(days=9), NOW).steps
    assert [event.subject for step in steps for event in step.events] == ["7", "Scoring"]
