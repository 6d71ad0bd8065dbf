"""Machine clicks are put aside, not lost."""

from __future__ import annotations

from typing import Any

import pytest

from sync_worker.model.compiled.loader import loads
from sync_worker.model.compiled.model import Model
from sync_worker.model.explain import explain
from tests.model.factories import NOW, an_event, facts, judged, model_of, score, verdict

SECOND = 1 / 86_400


def counting(**rules: Any) -> Model:
    criteria = {
        "clicks": {"event": "email_click", "each": 1, "at_most": 100},
        "views": {"event": "page_view", "each": 10, "at_most": 100},
    }
    return model_of(score(criteria), {"machine_clicks": rules})


def at_second(second: float, **fields: Any) -> dict[str, Any]:
    return an_event(id_=f"{second}-{fields}", days_ago=2 - second * SECOND, **fields)


def test_what_hubspot_flags_counts_nothing_until_the_model_says_otherwise() -> None:
    assert verdict(counting(), None, at_second(0, filtered=True))["score"] == 0
    assert verdict(counting(flagged_by_hubspot=False), None, at_second(0, filtered=True))["score"] == 1


@pytest.mark.parametrize(("seconds", "counts"), [(-1, 0), (0, 0), (2, 0), (2.001, 1), (60, 1)])
def test_a_click_right_after_the_send_is_a_scanners(seconds: float, counts: int) -> None:
    click = an_event()
    sent = an_event(days_ago=1 + seconds * SECOND)["at"]
    assert verdict(counting(), None, click | {"sent_at": sent})["score"] == counts


def test_three_different_links_within_a_second_are_a_scanners_and_the_fourth_a_persons() -> None:
    burst = [at_second(second, url=f"https://x.com/{second}") for second in (0, 0.4, 1)]
    assert verdict(counting(), None, *burst)["score"] == 0
    assert verdict(counting(), None, *burst, at_second(5, url="https://x.com/a"))["score"] == 1
    assert verdict(counting(links_within_a_second=4), None, *burst)["score"] == 3
    assert verdict(counting(links_within_a_second=None), None, *burst)["score"] == 3


def test_the_same_link_again_and_again_is_a_persons_and_so_are_links_a_little_slower() -> None:
    assert verdict(counting(), None, *[at_second(second, url="https://x.com/a") for second in (0, 0.1, 0.2, 0.3)])["score"] == 4
    assert verdict(counting(), None, *[at_second(second, url=f"https://x.com/{second}") for second in (0, 0.5, 1.001)])["score"] == 3


def test_a_second_that_slides_catches_a_chain_of_clicks() -> None:
    chain = [at_second(second, url=f"https://x.com/{second}") for second in (0, 0.5, 1, 1.5, 2)]
    assert verdict(counting(), None, *chain)["score"] == 0


def test_bursts_of_two_people_are_two_peoples() -> None:
    clicks = [at_second(0, url=f"https://x.com/{n}", contact_id=n) for n in (1, 2, 3)]
    assert judged(counting(), facts([{}] * 3, clicks)).table["score"].to_list() == [1, 1, 1]


@pytest.mark.parametrize("agent", ["Mozilla/5.0 (compatible; Googlebot/2.1)", "Barracuda Sentinel", "python-requests/2.32"])
def test_a_known_crawler_is_put_aside_whatever_it_does(agent: str) -> None:
    assert verdict(counting(), None, at_second(0, user_agent=agent), an_event("page_view", user_agent=agent))["score"] == 0


def test_the_explanation_shows_what_was_put_aside_and_why() -> None:
    happened = [at_second(0, filtered=True), at_second(9, url="https://x.com/a"), at_second(20, user_agent="curl/8")]
    found = explain(facts([{}], happened), counting(), NOW, 1)
    clicks = found.score[0]
    assert (clicks.events, clicks.quarantined, clicks.points) == (1, 2, 1)
    assert [event.quarantine for event in clicks.looked_at] == ["crawler", None, "flagged"]
    assert sum(line.points for line in found.score) == found.verdicts.table["score"].item()


def test_a_quarantined_request_qualifies_nobody() -> None:
    model = loads(
        """
name: test
score: {criteria: {clicks: {event: email_click, points: 40}}, bands: [{name: all, from: 0}]}
qualification: {threshold: 36, direct: {form: {event: form_submission}}}
""",
        "model.yaml",
    )
    assert not verdict(model, None, an_event("form_submission", filtered=True))["direct"]
