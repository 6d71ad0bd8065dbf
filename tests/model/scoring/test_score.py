"""The score: criteria, decay, floor, negative points, rounding."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from sync_worker.model.file.units import from_micro
from tests.model.factories import (
    NOW,
    TIERS,
    evaluate_contact,
    evaluate_facts,
    make_criteria_model,
    make_event,
    make_events,
    make_facts,
    make_model,
    score_section,
)


def ledger_lines(model: Any, *events: Any, **rest: Any) -> dict[str, Decimal]:
    ledger = evaluate_facts(model, make_facts([rest.pop("properties", {})], events, **rest)).ledger
    return {line: from_micro(points) for line, points in ledger.select("line", "points").iter_rows()}


@pytest.mark.parametrize(("count", "points"), [(0, 0), (1, 1), (2, 1), (3, 3), (4, 3), (5, 6), (8, 10), (9, 10), (10, 15), (40, 15)])
def test_tiers_accumulate(count: int, points: int) -> None:
    assert evaluate_contact(make_criteria_model(), None, *make_events(count))["score"] == points


@pytest.mark.parametrize(("count", "points", "cut"), [(0, 0, 0), (3, 6, 0), (5, 10, 0), (9, 10, 8)])
def test_points_for_each_event_stop_at_the_cap_and_the_ledger_shows_the_loss(count: int, points: int, cut: int) -> None:
    model = make_criteria_model(clicks={"event": "email_click", "each": 2, "at_most": 10})
    line = evaluate_facts(model, make_facts([{}], make_events(count))).ledger.row(0, named=True)
    assert (from_micro(line["points"]), from_micro(line["cut"]), line["events"]) == (points, cut, count)


def test_an_importance_class_has_points_and_a_minus_makes_them_negative() -> None:
    model = make_criteria_model(
        demo={"event": "form_submission", "importance": "high"},
        visit={"event": "page_view", "importance": "medium"},
        opened={"event": "email_open", "importance": "low"},
        left={"when": {"hs_email_optout": True}, "importance": "-medium"},
    )
    events = [*make_events(2, "form_submission"), *make_events(1, "page_view"), *make_events(3, "email_open")]
    assert ledger_lines(model, *events, properties={"hs_email_optout": "true"})["left"] == -10
    assert evaluate_contact(model, {"hs_email_optout": "true"}, *events)["score"] == 20 + 10 + 5 - 10


def test_a_model_can_have_its_own_importance_table() -> None:
    model = make_model(score_section({"a": {"event": "webinar", "importance": "huge"}}), {"importance": {"huge": 25}})
    assert (evaluate_contact(model, None, *make_events(1, "webinar"))["score"], model.maximum) == (25, 25)


def test_one_event_counts_in_several_criteria_and_once_in_each() -> None:
    model = make_criteria_model(
        any_page={"event": "page_view", "each": 1, "at_most": 20},
        pricing={"event": "page_view", "where": {"url": {"matches": "/pricing"}}, "points": 7},
    )
    assert evaluate_contact(model, None, *make_events(2, "page_view", url="https://www.example.com/pricing?a=b"))["score"] == 2 + 7


@pytest.mark.parametrize(("days_ago", "counts"), [(0, 1), (89.9, 1), (90, 1), (90.001, 0)])
def test_a_window_is_exact_to_the_millisecond(days_ago: float, counts: int) -> None:
    model = make_criteria_model(clicks={"event": "email_click", "points": 1, "within": "90 days"})
    assert evaluate_contact(model, None, make_event(days_ago=days_ago))["score"] == counts


def test_a_daily_limit_uses_calendar_days_in_the_time_zone_of_the_model() -> None:
    events = [make_event(id_=str(hour), days_ago=3 + hour / 24) for hour in range(5)]  # 09:30 back to 05:30 UTC
    clicks = {"clicks": {"event": "email_click", "each": 1, "at_most": 50, "per_day": 3}}
    assert evaluate_contact(make_model(score_section(clicks)), None, *events)["score"] == 3
    honolulu = make_model(score_section(clicks), {"time_zone": "Pacific/Honolulu"})  # UTC-10: the day starts at 10:00 UTC
    assert evaluate_contact(honolulu, None, *events)["score"] == 3
    kathmandu = make_model(score_section(clicks), {"time_zone": "Asia/Kathmandu"})  # UTC+5:45: it starts at 18:15
    assert evaluate_contact(kathmandu, None, *events)["score"] == 3
    denver = make_model(score_section(clicks), {"time_zone": "America/Denver"})  # UTC-7: it starts at 07:00
    assert evaluate_contact(denver, None, *events)["score"] == 3 + 2


def test_a_criterion_that_is_switched_off_counts_nothing() -> None:
    model = make_criteria_model(clicks={"event": "email_click", "points": 5, "enabled": False}, views={"event": "page_view", "points": 1})
    assert (evaluate_contact(model, None, *make_events(3))["score"], model.maximum) == (0, 1)


def test_an_event_in_the_future_does_not_count_yet() -> None:
    assert evaluate_contact(make_criteria_model(), None, make_event(days_ago=-0.001))["score"] == 0


def test_a_duplicate_event_counts_once_but_one_id_in_two_kinds_counts_twice() -> None:
    model = make_criteria_model(
        clicks={"event": "email_click", "each": 1, "at_most": 9}, views={"event": "page_view", "each": 1, "at_most": 9}
    )
    assert evaluate_contact(model, None, make_event(id_="a"), make_event(id_="a"), make_event("page_view", id_="a"))["score"] == 2


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("https://www.example.com/files/guide.pdf", "download"),
        ("https://www.example.com/find?q=scoring", "search_term"),
        ("https://www.example.com/?utm_campaign=spring", "campaign_touch"),
    ],
)
def test_derived_kinds_are_found_in_page_views(url: str, kind: str) -> None:
    model = make_criteria_model(
        **{name: {"event": name, "points": worth} for worth, name in ((1, "download"), (2, "search_term"), (4, "campaign_touch"))}
    )
    assert (
        evaluate_contact(model, None, make_event("page_view", url=url))["score"]
        == {"download": 1, "search_term": 2, "campaign_touch": 4}[kind]
    )
    assert evaluate_contact(model, None, make_event("page_view", url="https://www.example.com/?q=&utm_campaign="))["score"] == 0


def test_a_click_on_a_file_in_an_email_is_also_a_download() -> None:
    model = make_criteria_model(files={"event": "download", "points": 3})
    assert evaluate_contact(model, None, make_event(url="https://example.com/a.pdf"))["score"] == 3


def test_campaign_touches_can_be_limited_to_some_campaigns() -> None:
    model = make_model(
        score_section({"touch": {"event": "campaign_touch", "points": 3}}), {"signals": {"campaign_touches": {"campaigns": ["spring*"]}}}
    )
    assert evaluate_contact(model, None, make_event("page_view", url="https://x.com/?utm_campaign=Spring-26"))["score"] == 3
    assert evaluate_contact(model, None, make_event("page_view", campaign="spring fair"))["score"] == 3
    assert evaluate_contact(model, None, make_event("page_view", campaign="autumn"))["score"] == 0


def test_webinars_and_custom_events_count() -> None:
    model = make_criteria_model(seminar={"event": "webinar", "points": 5}, login={"event": "custom:pe1_login", "each": 2, "at_most": 4})
    assert evaluate_contact(model, None, make_event("webinar"), *make_events(3, "custom:login"))["score"] == 9


DECAY = {"kind": "inactivity", "grace": "30 days", "every": "30 days", "lose": "10 %", "floor": "50 %"}


@pytest.mark.parametrize(
    ("earned", "days_ago", "loss", "decayed"),
    [(40, 20, 0, 40), (40, 100, 8, 32), (40, 400, 48, 18), (5, 400, 6, 5), (40, 59.999, 0, 40), (40, 60, 4, 36)],
)
def test_decay_by_inactivity(earned: int, days_ago: float, loss: int, decayed: int) -> None:
    model = make_model(score_section({"clicks": {"event": "email_click", "points": earned}}, degradation=DECAY))
    lines = ledger_lines(model, make_event(days_ago=days_ago))
    assert (lines["degradation"], lines["floor"], sum(lines.values())) == (-loss, decayed - earned + loss, decayed)


def test_decay_by_inactivity_in_points_or_by_half_life() -> None:
    clicks = {"clicks": {"event": "email_click", "points": 40}}
    points = make_model(score_section(clicks, degradation={"lose": "3 points", "floor": "0 %"}))
    assert evaluate_contact(points, None, make_event(days_ago=130))["score"] == 40 - 3 * 3
    halving = make_model(score_section(clicks, degradation={"half_life": "60 days", "floor": "0 %"}))
    assert evaluate_contact(halving, None, make_event(days_ago=30 + 61))["score"] == 20  # two periods of 30 days are one half-life


def test_each_event_can_decay_by_its_own_age() -> None:
    halving = {"kind": "per_event", "half_life": "30 days", "floor": "0 %"}
    model = make_model(score_section({"clicks": {"event": "email_click", "each": 8, "at_most": 100}}, degradation=halving))
    lines = ledger_lines(model, make_event(days_ago=0), make_event(days_ago=30), make_event(days_ago=60))
    assert (lines["clicks"], lines["degradation"]) == (24, -(4 + 6))
    expiring = {"kind": "per_event", "expiry": "100 days", "floor": "0 %"}
    model = make_model(score_section({"clicks": {"event": "email_click", "each": 8, "at_most": 100}}, degradation=expiring))
    assert evaluate_contact(model, None, make_event(days_ago=25), make_event(days_ago=100), make_event(days_ago=300))["score"] == 6


def test_a_tier_decays_with_the_event_that_reached_it() -> None:
    halving = {"kind": "per_event", "half_life": "30 days", "floor": "0 %"}
    model = make_model(score_section({"clicks": {"event": "email_click", "tiers": {1: 8, 2: 4}}}, degradation=halving))
    assert evaluate_contact(model, None, make_event(days_ago=0), make_event(days_ago=60))["score"] == 8 + 1


def test_without_degradation_the_score_does_not_decay() -> None:
    model = make_model(score_section({"clicks": {"event": "email_click", "points": 40}}, degradation={"kind": "none"}))
    assert evaluate_contact(model, None, make_event(days_ago=4000))["score"] == 40


def test_negative_points_are_applied_after_the_floor_and_the_minimum_is_a_lower_bound() -> None:
    criteria = {"clicks": {"event": "email_click", "points": 40}, "left": {"when": {"hs_email_optout": True}, "points": -30}}
    old = make_event(days_ago=400)
    assert evaluate_contact(make_model(score_section(criteria)), {"hs_email_optout": "true"}, old)["score"] == 18 - 30
    clamped = make_model(score_section(criteria, minimum=0))
    assert evaluate_contact(clamped, {"hs_email_optout": "true"}, old)["score"] == 0
    assert ledger_lines(clamped, old, properties={"hs_email_optout": "true"})["minimum"] == 12


def test_only_events_of_positive_criteria_are_engagement() -> None:
    careers = {"event": "page_view", "where": {"url": {"matches": "/careers/*"}}, "points": -5}
    model = make_model(score_section({"clicks": {"event": "email_click", "points": 40}, "careers": careers}, degradation=DECAY))
    lines = ledger_lines(model, make_event(days_ago=100), make_event("page_view", days_ago=1, url="https://x.com/careers/dev"))
    assert (lines["degradation"], lines["careers"]) == (-8, -5)


@pytest.mark.parametrize(("points", "rounded"), [(2.5, 3), (2.4999, 2), (0.5, 1)])
def test_the_score_is_rounded_half_up_at_the_end(points: float, rounded: int) -> None:
    assert evaluate_contact(make_criteria_model(clicks={"event": "email_click", "points": points}), None, make_event())["score"] == rounded


def test_half_is_rounded_up_below_zero() -> None:
    model = make_criteria_model(clicks={"event": "email_click", "points": 1}, left={"when": {"hs_email_optout": True}, "points": -2.5})
    assert evaluate_contact(model, {"hs_email_optout": "true"})["score"] == -2


@pytest.mark.parametrize(("then", "now", "trend"), [(1, 0, "steady"), (3, 2, "rising"), (0, 1, "rising"), (0, 0, "steady")])
def test_the_trend_compares_with_two_weeks_ago(then: int, now: int, trend: str) -> None:
    events = [make_event(days_ago=20 + n) for n in range(then)] + [make_event(days_ago=2 + n) for n in range(now)]
    assert evaluate_contact(make_criteria_model(), None, *events)["trend"] == trend


def test_a_decaying_score_is_a_falling_trend() -> None:
    model = make_model(score_section({"clicks": {"event": "email_click", "points": 40}}, degradation=DECAY))
    assert evaluate_contact(model, None, make_event(days_ago=65))["trend"] == "falling"


def test_the_reachable_maximum_excludes_unreachable_tiers_and_hidden_events() -> None:
    model = make_criteria_model(
        clicks={"event": "email_click", "tiers": TIERS},
        key_pages={"event": "page_view", "where": {"url": {"matches": "/pricing"}}, "points": 7},
        rare={"event": "webinar", "tiers": {1: 5, 30: 5}, "within": "7 days", "per_day": 1},
        left={"when": {"hs_email_optout": True}, "points": -3},
    )
    assert (model.maximum, model.minimum) == (15 + 7 + 10, -3)
    assert model.reachable_maximum() == 15 + 7 + 5  # at one per day, seven days have no 30 events
    assert model.reachable_maximum(frozenset({"page_view"})) == 20
    assert model.invisible_names(frozenset({"page_view"})) == ("key_pages",)


def test_counters_replace_events_that_the_portal_hides() -> None:
    model = make_model(
        score_section(
            {
                "views": {"event": "page_view", "tiers": TIERS},
                "lately": {"event": "page_view", "points": 2, "within": "10 days"},
                "key_pages": {"label": "looked at prices", "event": "page_view", "where": {"url": {"matches": "/pricing"}}, "points": 7},
            },
            degradation=DECAY,
        )
    )
    counted = {"hs_analytics_num_page_views": "10", "hs_analytics_last_timestamp": "2026-11-15T00:00:00Z"}
    row = evaluate_contact(model, counted, hidden=["page_view"])
    assert (row["score"], row["trend"]) == (17, "steady")
    assert row["score_reasons"].splitlines()[-1] == "not visible in this portal: looked at prices"
    old = {**counted, "hs_analytics_last_timestamp": str(int((NOW - timedelta(days=100)).timestamp() * 1000))}
    assert evaluate_contact(model, old, hidden=["page_view"])["score"] == 15  # two periods lost, but not below the floor
    ledger = evaluate_facts(model, make_facts([counted], hidden=["page_view"])).ledger
    assert ledger.filter(line="key_pages")["visible"].to_list() == [False]


FORMS = {"event": "form_submission", "each": 1, "at_most": 10}
CONTACT_FORM = {"event": "form_submission", "where": {"form": {"contains_any": ["contact us"]}}}


def model_with_direct_forms(**criterion: Any) -> Any:
    score = score_section({"forms": {**FORMS, **criterion}, "views": {"event": "page_view", "points": 1}})
    return make_model(score, {"qualification": {"threshold": 36, "direct": {"contact": CONTACT_FORM}}})


def test_a_direct_request_is_no_conversion_if_the_criterion_excludes_it() -> None:
    events = [make_event("form_submission", id_=name, form_id=name, form_name=name) for name in ("Contact us", "White paper", "Newsletter")]
    assert ledger_lines(model_with_direct_forms(), *events)["forms"] == 3
    assert ledger_lines(model_with_direct_forms(**{"except": "direct"}), *events)["forms"] == 2
    nameless = make_event("form_submission", form_id="1")
    assert ledger_lines(model_with_direct_forms(**{"except": "direct"}), nameless)["forms"] == 1


def test_a_counter_cannot_show_which_submissions_were_direct() -> None:
    counted = {"num_conversion_events": "5", "recent_conversion_date": "2026-11-01"}
    assert ledger_lines(model_with_direct_forms(), properties=counted, hidden=["form_submission"])["forms"] == 5
    assert ledger_lines(model_with_direct_forms(**{"except": "direct"}), properties=counted, hidden=["form_submission"])["forms"] == 0


@pytest.mark.parametrize(
    ("url", "points"),
    [
        ("https://firm.example/hs/manage-preferences/unsubscribe-all?data=x", 0),
        ("https://firm.example/hs/preferences-center/en/page?data=x", 0),
        ("https://firm.example/pricing", 2),
        ("https://firm.example/hs/guide.pdf", 2),
        (None, 2),
    ],
)
def test_the_pages_for_preferences_and_unsubscription_earn_nothing(url: str | None, points: int) -> None:
    model = make_criteria_model(clicks={"event": "email_click", "points": 1}, views={"event": "page_view", "points": 1})
    lines = ledger_lines(model, make_event("email_click", url=url), make_event("page_view", url=url))
    assert sum(lines.values()) == points


def test_a_negative_criterion_counts_the_pages_for_preferences() -> None:
    left = {"event": "page_view", "where": {"url": {"matches": "/hs/manage-preferences/*"}}, "points": -4}
    view = make_event("page_view", url="https://firm.example/hs/manage-preferences/unsubscribe-all")
    assert ledger_lines(make_criteria_model(views={"event": "page_view", "points": 1}, left=left), view)["left"] == -4


@pytest.mark.parametrize(("days", "score"), [(10, 4), (10.001, 0)])
def test_a_counter_counts_if_its_last_event_is_exactly_as_old_as_the_window(days: float, score: int) -> None:
    model = make_criteria_model(clicks={"event": "email_click", "points": 4, "within": "10 days"})
    counted = {"hs_email_click": "3", "hs_email_last_click_date": (NOW - timedelta(days=days)).isoformat()}
    assert evaluate_contact(model, counted, hidden=["email_click"])["score"] == score
