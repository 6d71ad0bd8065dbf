"""Reasons, explanations, requirements and differences of models."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sync_worker.model.compiled.loader import load, loads
from sync_worker.model.compiled.requirements import find_requirements
from sync_worker.model.diff import describe_changes
from sync_worker.model.explain import explain
from sync_worker.model.file.units import from_micro, to_json_number
from sync_worker.model.file.yaml_source import format_path
from tests.model.factories import (
    NOW,
    TIERS,
    evaluate_contact,
    make_criteria_model,
    make_event,
    make_events,
    make_facts,
    make_model,
    score_section,
)

CAREERS = {"label": "looked at careers pages", "event": "page_view", "where": {"url": {"matches": "/careers/*"}}, "points": -5}


def test_score_reasons_start_with_the_most_points() -> None:
    model = make_criteria_model(
        clicks={"event": "email_click", "tiers": TIERS}, careers=CAREERS, page_views={"event": "page_view", "points": 1}
    )
    events = [
        *[make_event(id_=str(n), days_ago=8 + n, campaign=str(n // 3)) for n in range(5)],
        make_event("page_view", days_ago=2, url="https://x.com/careers"),
    ]
    assert evaluate_contact(model, None, *events)["score_reasons"].splitlines() == [
        "+6 for 5 clicks in 2 marketing emails, last on 12 Nov",
        "−5 looked at careers pages",
        "+1 viewed a page, on 18 Nov",
    ]


def test_score_reasons_with_the_same_points_have_the_order_of_their_keys() -> None:
    model = make_criteria_model(b={"event": "page_view", "points": 3}, a={"event": "email_click", "points": 3})
    reasons = evaluate_contact(model, None, make_event(), make_event("page_view", url="https://x.com/"))["score_reasons"]
    assert reasons.splitlines() == ["+3 clicked a marketing email, on 19 Nov", "+3 viewed a page, on 19 Nov"]


def test_a_date_shows_its_year_when_it_differs_from_the_current_year() -> None:
    assert (
        evaluate_contact(make_criteria_model(), None, make_event(days_ago=400))["score_reasons"]
        == "+1 clicked a marketing email, on 16 Oct 2025"
    )


def test_the_inactivity_reason_has_a_date_that_does_not_change_every_day() -> None:
    model = make_model(score_section({"clicks": {"label": "clicked {count} times", "event": "email_click", "points": 40}}))
    for days_later in (0, 10):
        reasons = evaluate_contact(model, None, make_event(days_ago=100), now=NOW + timedelta(days=days_later))["score_reasons"]
        assert reasons.splitlines() == ["+40 clicked 1 times, on 12 Aug", "−8 no engagement since 12 Aug"]


def test_a_score_without_points_has_a_text_instead_of_reasons() -> None:
    assert evaluate_contact(make_criteria_model())["score_reasons"] == "no points yet"


def test_the_grade_reasons_name_its_criteria() -> None:
    criteria = {
        "leads": {"label": "manages people", "when": {"jobtitle": {"seniority_at_least": "manager"}}, "thirds": 2},
        "near": {"label": "near us", "when": {"country": {"country_in": "DE"}}, "otherwise": -2},
        "web": {"when": {"website": {"is": "x"}}},
        "town": {"when": {"city": "Berlin"}},
    }
    model = make_model(score_section({"clicks": {"event": "email_click", "points": 1}}), {"grade": {"criteria": criteria}})
    reasons = evaluate_contact(model, {"jobtitle": "CEO", "country": "France", "city": "Bonn"})["grade_reasons"]
    assert reasons.splitlines() == [
        "D based on 3 of 4 criteria",
        "D: the start of every contact",
        "✓ manages people (+2)",
        "✗ near us (−2)",
        "? web",
        "✗ town",
    ]


@pytest.mark.parametrize(
    ("language", "reason"),
    [
        ("de", "+6 für 5 Klicks in 2 Marketing-E-Mails, zuletzt am 12. Nov."),
        ("es", "+6 por 5 clics en 2 correos de marketing, la última vez el 12 nov"),
        ("fr", "+6 pour 5 clics dans 2 e-mails marketing, la dernière fois le 12 nov."),
        ("it", "+6 per 5 clic in 2 e-mail di marketing, l’ultima volta il 12 nov"),
        ("ca", "+6 per 5 clics en 2 correus de màrqueting, l’última vegada el 12 nov."),
        ("zh", "+6 在 2 封营销邮件中点击了 5 次，最近一次 11月12日"),
    ],
)
def test_reasons_use_the_language_of_the_model(language: str, reason: str) -> None:
    model = make_model(score_section({"clicks": {"event": "email_click", "tiers": TIERS}}), {"language": language})
    assert (
        evaluate_contact(model, None, *[make_event(id_=str(n), days_ago=8 + n, campaign=str(n // 3)) for n in range(5)])["score_reasons"]
        == reason
    )


def test_an_explanation_contains_all_lines_states_and_the_next_changes() -> None:
    model = loads(
        """
name: test
score:
  criteria: {clicks: {event: email_click, points: 40}}
  degradation: {floor: 0 %}
  bands: [{name: low, from: 0}, {name: high, from: 30}]
grade: {criteria: {leads: {when: {jobtitle: {seniority_at_least: manager}}, thirds: 3}}}
qualification: {threshold: 36, leave_below: 30, disqualifiers: {left: {when: {hs_email_optout: true}}}}
""",
        "model.yaml",
    )
    found = explain(make_facts([{"jobtitle": "CEO"}, {}], [make_event(days_ago=100)]), model, NOW, 1)
    assert [(line.line, line.points) for line in found.score] == [("clicks", 40), ("degradation", -8), ("floor", 0), ("rounding", 0)]
    assert found.decay is not None
    assert (found.decay.full_periods, found.decay.grace_ends, found.decay.loss) == (2, NOW - timedelta(days=70), 8)
    assert [(line.criterion, line.match, line.thirds, line.because) for line in found.grade] == [("leads", True, 3, "c-level: 'ceo'")]
    assert [(rule.rule, rule.kind, rule.holds, rule.visible) for rule in found.rules] == [("left", "disqualifier", False, True)]
    assert found.next_change is not None
    assert found.next_band_change is not None
    assert (found.next_change.at, found.next_change.score) == (NOW + timedelta(days=20), 28)
    assert (found.next_band_change.at, found.next_band_change.band) == (NOW + timedelta(days=20), "low")


def test_an_event_that_will_leave_its_window_is_in_the_forecast() -> None:
    model = make_criteria_model(clicks={"event": "email_click", "points": 7, "within": "10 days"})
    found = explain(make_facts([{}], [make_event(days_ago=4)]), model, NOW, 1)
    assert found.next_change is not None
    assert found.next_change.at - NOW == timedelta(days=6, milliseconds=1)
    assert found.next_change.score == 0


def test_events_after_the_verdict_are_not_in_the_forecast() -> None:
    model = make_criteria_model(clicks={"event": "email_click", "each": 5, "at_most": 20, "within": "10 days"})
    found = explain(make_facts([{}], [make_event(days_ago=4), *make_events(3)]), model, NOW - timedelta(days=3), 1)
    assert found.next_change is not None
    assert (found.next_change.at, found.next_change.score) == (NOW + timedelta(days=6, milliseconds=1), 0)


def test_an_unknown_contact_cannot_be_explained() -> None:
    with pytest.raises(KeyError):
        explain(make_facts([{}]), make_criteria_model(), NOW, 7)


def test_the_diff_of_two_models_has_one_line_per_change() -> None:
    old = make_criteria_model(careers=CAREERS, clicks={"event": "email_click", "tiers": {1: 1}}, removed={"event": "webinar", "points": 3})
    new = make_model(
        score_section(
            {
                "careers": {**CAREERS, "points": -10},
                "clicks": {"event": "email_click", "tiers": {1: 2}, "enabled": False},
                "files": {"event": "download", "each": 2, "at_most": 6},
            }
        ),
        {"qualification": {"threshold": 40}},
    )
    assert describe_changes(old, new) == [
        "looked at careers pages −5 → −10",
        "clicks: tier at 1: 1 → 2",
        "clicks: switched off",
        "criterion removed: removed (3)",
        "criterion added: files (2)",
        "qualification.threshold: 36 → 40",
        "floor 18 → 20",
        "leave below 30 → 33.33",
        "band mql starts at 36, no longer at the threshold",
    ]
    assert describe_changes(new, new) == []


def test_points_are_shown_without_trailing_zeros() -> None:
    assert [str(from_micro(micro)) for micro in (2_500_000, -500_000, 0, 30_000_000, 1)] == ["2.5", "-0.5", "0", "30", "0.000001"]
    assert [to_json_number(micro) for micro in (2_500_000, -3_000_000)] == [2.5, -3]
    assert isinstance(to_json_number(3_000_000), int)


PROJECT = Path(__file__).parents[2]


@pytest.mark.parametrize("path", sorted((PROJECT / "config").glob("**/*.yaml")), ids=lambda path: path.stem)
def test_every_shipped_model_is_valid(path: Path) -> None:
    if path.name == "worker.yaml":
        pytest.skip("not a model")
    model = load(path)
    assert model.warnings == ()
    assert path.read_text(encoding="utf-8").startswith("# yaml-language-server: $schema=")


def test_the_default_model_is_the_classic_one() -> None:
    model = load(PROJECT / "config" / "model.yaml")
    assert model.maximum == 45 + 2  # email clicks, page views and conversions; consent
    everything = [*make_events(10), *make_events(10, "page_view", url="https://x.com/"), *make_events(10, "form_submission")]
    row = evaluate_contact(model, {"jobtitle": "CEO", "email": "a@b.example", "company.numberofemployees": "100"}, *everything)
    assert (row["score"], row["band"], row["by_score"], row["mql_reason"]) == (45, "sales_ready", True, "by_score")


def test_a_model_lists_its_requirements_of_a_portal() -> None:
    model = make_criteria_model(
        requested={
            "event": "form_submission",
            "where": {"any": [{"form": {"in": ["Demo", "f-1"]}}, {"url": {"matches": "/demo"}}]},
            "points": 5,
        },
        sure={"when": {"not": {"lifecyclestage": {"is": "customer"}}, "company.type": {"is_known": True}}, "points": 1},
    )
    assert [(format_path(each.path), each.type, each.on_events, each.values) for each in find_requirements(model)] == [
        ("score.criteria.requested.where.any[0].form", "text", True, ("Demo", "f-1")),
        ("score.criteria.requested.where.any[1].url", "text", True, ()),
        ("score.criteria.sure.when.company.type", "enumeration", False, ()),
        ("score.criteria.sure.when.not.lifecyclestage", "enumeration", False, ("customer",)),
    ]


def test_a_date_that_reaches_the_age_of_a_condition_is_in_the_forecast() -> None:
    login = {"when": {"createdate": {"older_than": "14 days"}}, "points": -15}
    model = make_criteria_model(clicks={"event": "email_click", "points": 40}, login=login)
    found = explain(make_facts([{"createdate": "2026-11-10"}], [make_event(days_ago=1)]), model, NOW, 1)
    assert found.next_band_change is not None
    assert (found.next_band_change.score, found.next_band_change.mql) == (25, False)
    assert found.next_band_change.at == datetime(2026, 11, 24, tzinfo=UTC) + timedelta(milliseconds=1)


def test_a_counter_that_leaves_its_window_is_in_the_forecast() -> None:
    model = make_criteria_model(clicks={"event": "email_click", "points": 7, "within": "10 days"})
    counted = {"hs_email_click": "1", "hs_email_last_click_date": "2026-11-15"}
    found = explain(make_facts([counted], hidden=["email_click"]), model, NOW, 1)
    assert found.next_change is not None
    assert found.next_change.at == datetime(2026, 11, 25, tzinfo=UTC) + timedelta(milliseconds=1)


def test_every_event_that_a_limit_leaves_out_is_marked() -> None:
    model = make_criteria_model(views={"event": "page_view", "each": 2, "at_most": 20, "per_day": 1, "within": "7 days"})
    days = (2, 2.1, 2.2, 3, 9)
    events = [make_event("page_view", id_=str(day), days_ago=day, filtered=day == 3) for day in days]
    (line,) = [line for line in explain(make_facts([{}], events), model, NOW, 1).score if line.line == "views"]
    marks = [(event.inside_window, event.above_daily_limit, event.quarantine) for event in line.looked_at]
    assert marks == [(True, False, None), (True, True, None), (True, True, None), (True, False, "flagged"), (False, False, None)]
    assert line.events == sum(event.counts for event in line.looked_at) == 1


def test_a_model_without_decay_is_explained_without_decay() -> None:
    model = make_model(score_section({"clicks": {"event": "email_click", "points": 1}}, degradation={"kind": "none"}))
    assert explain(make_facts([{}], [make_event()]), model, NOW, 1).decay is None


@pytest.mark.parametrize(
    ("criterion", "reason"),
    [
        ({"event": "email_click"}, "+5 for 3 clicks in 2 marketing emails, last on 19 Nov"),
        ({"event": "email_open"}, "+5 for 3 opens of 2 marketing emails, last on 19 Nov"),
        ({"event": "page_view"}, "+5 for 3 views of 1 page, last on 19 Nov"),
        ({"event": "form_submission"}, "+5 for 3 submissions of 2 forms, last on 19 Nov"),
        ({"event": "page_view", "within": "90 days"}, "+5 for 3 views of 1 page in the last 90 days, last on 19 Nov"),
        ({"event": "page_view", "within": "36 hours"}, "+5 for 3 views of 1 page in the last 36 hours, last on 19 Nov"),
        ({"event": "page_view", "per_day": 2}, "+5 for 2 views of 1 page, at most 2 a day, last on 19 Nov"),
    ],
)
def test_a_reason_counts_what_it_names(criterion: dict[str, object], reason: str) -> None:
    model = make_criteria_model(line={**criterion, "points": 5})
    kind = str(criterion["event"])
    fields = [("7", "https://x.com/a?b=1", "f"), ("8", "https://x.com/a/#c", "f"), ("8", "https://x.com/a", "g")]
    events = [
        make_event(kind, id_=str(n), days_ago=1 + n / 1440, campaign=campaign, url=url, form_id=form)
        for n, (campaign, url, form) in enumerate(fields)
    ]
    assert evaluate_contact(model, None, *events)["score_reasons"] == reason


@pytest.mark.parametrize(
    ("kind", "counter", "reason"),
    [
        ("email_click", "hs_email_click", "+5 clicked 4 marketing emails"),
        ("page_view", "hs_analytics_num_page_views", "+5 for 4 page views"),
        ("form_submission", "num_conversion_events", "+5 for 4 form submissions"),
    ],
)
def test_a_reason_from_hubspots_counter_has_hubspots_number(kind: str, counter: str, reason: str) -> None:
    model = make_criteria_model(line={"event": kind, "points": 5})
    assert evaluate_contact(model, {counter: "4"}, hidden=[kind])["score_reasons"] == reason


def test_an_mql_below_the_threshold_reads_why() -> None:
    model = make_criteria_model(clicks={"event": "email_click", "each": 1, "at_most": 50})
    clicks = [make_event(id_=str(n), campaign="7") for n in range(33)]
    kept, other = (evaluate_contact(model, None, *clicks, were_by_score=before) for before in ([1], []))
    assert (kept["retained"], other["mql"]) == (True, False)
    assert kept["score_reasons"].splitlines()[1:] == ["still an MQL below 36 points, until the score falls below 30"]


def test_a_reason_names_what_hubspots_number_contains_and_the_score_does_not() -> None:
    form = {"event": "form_submission", "where": {"form": "Contact us"}}
    criteria = {"forms": {"event": "form_submission", "points": 5, "except": "direct"}, "clicks": {"event": "email_click", "points": 3}}
    model = make_model(score_section(criteria), {"qualification": {"threshold": 36, "direct": {"contact": form}}})
    events = [
        *make_events(2, "form_submission", form_id="f", form_name="Newsletter"),
        make_event("form_submission", form_id="g", form_name="Contact us"),
        make_event(id_="human", campaign="7"),
        make_event(id_="machine", campaign="8", filtered=True),
    ]
    assert evaluate_contact(model, None, *events)["score_reasons"].splitlines() == [
        "+5 for 2 submissions of 1 form, without direct requests, last on 19 Nov",
        "+3 clicked a marketing email, without machine activity, on 19 Nov",
    ]


@pytest.mark.parametrize(
    ("title", "because"),
    [
        ("Head of Sales", "director: 'head'"),
        ("Vorstandsassistentin", "employee: '*assistentin'"),
        ("Buyer", "employee: no word of rank"),
        ("n/a", "no information"),
        (None, "no information"),
        ("Генеральный директор", "a language that is not read"),
    ],
)
def test_the_phrase_that_decides_about_a_job_title_is_shown(title: str | None, because: str) -> None:
    leads = {"when": {"any": [{"jobtitle": {"seniority_at_least": "manager"}}]}}
    intern = {"when": {"jobtitle": {"seniority_in": "intern"}}}
    model = make_model(
        score_section({"clicks": {"event": "email_click", "points": 1}}),
        {"grade": {"criteria": {"leads": leads, "size": {"when": {"company.numberofemployees": {"at_least": 5}}}}}},
        {"qualification": {"threshold": 36, "disqualifiers": {"intern": intern, "left": {"when": {"hs_email_optout": True}}}}},
    )
    found = explain(make_facts([{"jobtitle": title}]), model, NOW, 1)
    assert [line.because for line in found.grade] == [because, None]
    assert [rule.because for rule in found.rules] == [because, None]
