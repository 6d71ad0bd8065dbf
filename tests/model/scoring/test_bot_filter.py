"""The bot filter: events of bots are quarantined, not lost."""

from __future__ import annotations

from typing import Any

import pytest

from sync_worker.model.compiled.loader import loads
from sync_worker.model.compiled.model import Model
from sync_worker.model.explain import explain
from tests.model.factories import NOW, evaluate_contact, evaluate_facts, make_event, make_facts, make_model, score_section

SECOND = 1 / 86_400


def model_with_bot_filter(**rules: Any) -> Model:
    criteria = {
        "clicks": {"event": "email_click", "each": 1, "at_most": 100},
        "views": {"event": "page_view", "each": 10, "at_most": 100},
    }
    return make_model(score_section(criteria), {"machine_clicks": rules})


def event_at_second(second: float, **fields: Any) -> dict[str, Any]:
    return make_event(id_=f"{second}-{fields}", days_ago=2 - second * SECOND, **fields)


def test_events_flagged_by_hubspot_count_nothing_unless_the_model_switches_the_rule_off() -> None:
    assert evaluate_contact(model_with_bot_filter(), None, event_at_second(0, filtered=True))["score"] == 0
    assert evaluate_contact(model_with_bot_filter(flagged_by_hubspot=False), None, event_at_second(0, filtered=True))["score"] == 1


@pytest.mark.parametrize(("seconds", "counts"), [(-1, 0), (0, 0), (2, 0), (2.001, 1), (60, 1)])
def test_a_click_right_after_the_send_comes_from_a_scanner(seconds: float, counts: int) -> None:
    click = make_event()
    sent = make_event(days_ago=1 + seconds * SECOND)["at"]
    assert evaluate_contact(model_with_bot_filter(), None, click | {"sent_at": sent})["score"] == counts


def test_three_different_links_within_a_second_come_from_a_scanner_and_the_fourth_from_a_human() -> None:
    burst = [event_at_second(second, url=f"https://x.com/{second}") for second in (0, 0.4, 1)]
    assert evaluate_contact(model_with_bot_filter(), None, *burst)["score"] == 0
    assert evaluate_contact(model_with_bot_filter(), None, *burst, event_at_second(5, url="https://x.com/a"))["score"] == 1
    assert evaluate_contact(model_with_bot_filter(links_within_a_second=4), None, *burst)["score"] == 3
    assert evaluate_contact(model_with_bot_filter(links_within_a_second=None), None, *burst)["score"] == 3


def test_repeated_clicks_on_one_link_and_slower_clicks_come_from_a_human() -> None:
    assert (
        evaluate_contact(model_with_bot_filter(), None, *[event_at_second(second, url="https://x.com/a") for second in (0, 0.1, 0.2, 0.3)])[
            "score"
        ]
        == 4
    )
    assert (
        evaluate_contact(
            model_with_bot_filter(), None, *[event_at_second(second, url=f"https://x.com/{second}") for second in (0, 0.5, 1.001)]
        )["score"]
        == 3
    )


def test_the_window_of_a_burst_slides_along_a_chain_of_clicks() -> None:
    chain = [event_at_second(second, url=f"https://x.com/{second}") for second in (0, 0.5, 1, 1.5, 2)]
    assert evaluate_contact(model_with_bot_filter(), None, *chain)["score"] == 0


def test_bursts_are_counted_per_contact() -> None:
    clicks = [event_at_second(0, url=f"https://x.com/{n}", contact_id=n) for n in (1, 2, 3)]
    assert evaluate_facts(model_with_bot_filter(), make_facts([{}] * 3, clicks)).table["score"].to_list() == [1, 1, 1]


@pytest.mark.parametrize("agent", ["Mozilla/5.0 (compatible; Googlebot/2.1)", "Barracuda Sentinel", "python-requests/2.32"])
def test_every_event_of_a_known_crawler_is_filtered(agent: str) -> None:
    assert (
        evaluate_contact(model_with_bot_filter(), None, event_at_second(0, user_agent=agent), make_event("page_view", user_agent=agent))[
            "score"
        ]
        == 0
    )


def test_the_explanation_shows_what_was_filtered_and_why() -> None:
    events = [event_at_second(0, filtered=True), event_at_second(9, url="https://x.com/a"), event_at_second(20, user_agent="curl/8")]
    found = explain(make_facts([{}], events), model_with_bot_filter(), NOW, 1)
    clicks = found.score[0]
    assert (clicks.events, clicks.quarantined, clicks.points) == (1, 2, 1)
    assert [event.quarantine for event in clicks.looked_at] == ["crawler", None, "flagged"]
    assert sum(line.points for line in found.score) == found.verdicts.table["score"].item()


def test_a_quarantined_submission_qualifies_no_contact() -> None:
    model = loads(
        """
name: test
score: {criteria: {clicks: {event: email_click, points: 40}}, bands: [{name: all, from: 0}]}
qualification: {threshold: 36, direct: {form: {event: form_submission}}}
""",
        "model.yaml",
    )
    assert not evaluate_contact(model, None, make_event("form_submission", filtered=True))["direct"]
