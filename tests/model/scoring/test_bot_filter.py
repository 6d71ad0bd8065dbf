"""The bot filter: events of bots are quarantined, not lost."""

from __future__ import annotations

import time
from typing import Any

import pytest
from crawleruseragents import CRAWLER_USER_AGENTS_DATA

from sync_worker.model.compiled.loader import loads
from sync_worker.model.compiled.model import Model
from sync_worker.model.explain import explain
from tests.model.factories import NOW, evaluate_contact, evaluate_facts, make_event, make_facts, make_model, score_section

SECOND = 1 / 86_400
OWN_CRAWLERS = [
    *(
        "Mozilla/5.0 (compatible; Googlebot/2.1)",
        "Barracuda Sentinel (EE)",
        "BarracudaCentral/1.0",
        "Mimecast URL Protection",
        "proofpoint-urldefense",
    ),
    *(
        "Mozilla/5.0 (Windows NT 10.0) SafeLinks/1.0",
        "Microsoft Office SafeLinks",
        "Mozilla/5.0 BingPreview/1.0b",
        "YahooMailProxy; https://x.com",
    ),
    *(
        "Mozilla/5.0 (via ggpht.com GoogleImageProxy)",
        "Mozilla/5.0 (X11) HeadlessChrome/120.0",
        "PhantomJS/2.1",
        "python-requests/2.32",
        "curl/8",
    ),
    *("Python-urllib/3.11", "Wget/1.21", "Java/17.0.1", "Go-http-client/2.0", "okhttp/4.12", "Apache-HttpClient/4.5", "libwww-perl/6.67"),
]
_KIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
_IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
_MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)"
_WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64)"
BROWSERS = [
    f"{_WINDOWS} {_KIT} Chrome/126.0.0.0 Safari/537.36",
    f"{_WINDOWS} {_KIT} Chrome/126.0.0.0 Safari/537.36 Edg/126.0.2592.81",
    f"{_WINDOWS} {_KIT} Chrome/125.0.0.0 Safari/537.36 OPR/111.0.0.0",
    f"{_WINDOWS} {_KIT} Chrome/124.0.0.0 Safari/537.36 Vivaldi/6.7.3329.35",
    f"{_WINDOWS} {_KIT} Chrome/122.0.0.0 YaBrowser/24.4.0.0 Safari/537.36",
    f"{_WINDOWS} {_KIT} Chrome/109.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:127.0) Gecko/20100101 Firefox/127.0",
    "Mozilla/5.0 (Windows NT 6.1; Win64; x64; rv:115.0) Gecko/20100101 Firefox/115.0",
    "Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko",
    "Mozilla/5.0 (compatible; MSIE 10.0; Windows NT 6.2; Trident/6.0)",
    f"{_WINDOWS} {_KIT} Chrome/64.0.3282.140 Safari/537.36 Edge/18.17763",
    f"{_MAC} {_KIT} Chrome/126.0.0.0 Safari/537.36",
    f"{_MAC} AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:127.0) Gecko/20100101 Firefox/127.0",
    f"{_MAC} AppleWebKit/605.1.15 (KHTML, like Gecko)",
    f"Mozilla/5.0 (X11; Linux x86_64) {_KIT} Chrome/126.0.0.0 Safari/537.36",
    "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0",
    f"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {_KIT} Chrome/126.0.0.0 Safari/537.36",
    f"{_IPHONE} Version/17.5 Mobile/15E148 Safari/604.1",
    f"{_IPHONE} CriOS/126.0.6478.54 Mobile/15E148 Safari/604.1",
    f"{_IPHONE} FxiOS/127.0 Mobile/15E148 Safari/605.1.15",
    f"{_IPHONE} Mobile/15E148",
    f"{_IPHONE} GSA/322.0.645705088 Mobile/15E148 Safari/604.1",
    f"{_IPHONE} EdgiOS/125.0.2535.96 Version/17.0 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (iPad; CPU OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
    f"{_IPHONE} Mobile/15E148 [LinkedInApp]/9.29.6475",
    f"{_IPHONE} Mobile/15E148 [FBAN/FBIOS;FBAV/468.0.0.36.106;FBDV/iPhone14,5;FBSN/iOS]",
    f"Mozilla/5.0 (Linux; Android 10; K) {_KIT} Chrome/126.0.0.0 Mobile Safari/537.36",
    f"Mozilla/5.0 (Linux; Android 9; CUBOT NOTE 20) {_KIT} Chrome/91.0.4472.120 Mobile Safari/537.36",
    f"Mozilla/5.0 (Linux; Android 14; SM-S921B) {_KIT} SamsungBrowser/25.0 Chrome/121.0.0.0 Mobile Safari/537.36",
    f"Mozilla/5.0 (Linux; Android 14; Pixel 8; wv) {_KIT} Version/4.0 Chrome/125.0.6422.165 Mobile Safari/537.36",
    "Mozilla/5.0 (Android 14; Mobile; rv:127.0) Gecko/127.0 Firefox/127.0",
    f"Mozilla/5.0 (Linux; Android 9; KFMAWI) {_KIT} Silk/108.9.7 like Chrome/108.0.5359.160 Safari/537.36",
    f"Mozilla/5.0 (Linux; U; Android 12; zh-CN; V2055A) {_KIT} Version/4.0 Chrome/100.0.4896.58 UCBrowser/15.5.4 Mobile Safari/537.36",
    f"Mozilla/5.0 (Linux; Android 13; 2201116SG) {_KIT} Version/4.0 Chrome/111.0 Mobile Safari/537.36 MicroMessenger/8.0.40",
    f"{_WINDOWS} {_KIT} Chrome/120.0.0.0 Safari/537.36 Teams/24.1",
    "Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.17628; Pro)",
]


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


def count_human_views(*agents: str) -> list[str]:
    """Return the user agents whose page views count."""
    views = [make_event("page_view", contact_id=number, user_agent=agent) for number, agent in enumerate(agents, 1)]
    scores = evaluate_facts(model_with_bot_filter(), make_facts([{}] * len(agents), views)).table["score"]
    return [agent for agent, score in zip(agents, scores, strict=True) if score]


def test_every_crawler_of_the_package_and_of_our_own_list_is_filtered() -> None:
    samples = [agent for crawler in CRAWLER_USER_AGENTS_DATA for agent in crawler["instances"]]
    assert len(samples) > 2_000
    assert count_human_views(*samples, *OWN_CRAWLERS) == []


def test_browsers_are_not_filtered() -> None:
    assert len(BROWSERS) >= 30
    assert count_human_views(*BROWSERS) == BROWSERS


def test_a_long_user_agent_takes_linear_time() -> None:
    start = time.perf_counter()
    assert len(count_human_views("Mozilla/5.0 " + "ContextualBo " * 80_000)) == 1
    assert time.perf_counter() - start < 10
