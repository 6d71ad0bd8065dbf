"""Hypothesis strategies: models, contacts, events and times; `conditions` draws every operator."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from sync_worker.model.compiled.loader import loads
from sync_worker.model.compiled.model import Model
from tests.model.factories import NOW

URLS = [
    None,
    "https://www.example.com/",
    "https://www.example.com/careers",
    "https://example.com/Careers/dev/?q=jobs",
    "http://example.com/files/guide.pdf?download=1",
    "https://example.com/pricing/?utm_campaign=Spring#plans",
    "https://example.com/?utm_campaign=&UTM_Campaign=Spring%20Sale",
    "https://example.com/hs/manage-preferences/unsubscribe?d=x",
    "https://other.example/blog/careers-in-data?s=",
]
CONTACT_COUNT = 5
EVENT_KINDS = ["email_click", "email_open", "page_view", "form_submission", "webinar", "custom:login"]
DERIVED_KINDS = ["download", "search_term", "campaign_touch"]
TITLES = [None, "", "  ", "Chief Buyer", "chief  BUYER", "Éléonore's buyer", "Student", "n/a"]
RANKED_TITLES = ["Vice President", "President", "CFO", "Assistant", "Associate", "Director", "Manager", "Students'", "副总经理", "总经理"]
WORDS = [
    *RANKED_TITLES,
    "Sales",
    "Senior",
    "Head of",
    "Geschäftsführerin",
    "Vertriebsleiter",
    "Responsabile",
    "Cap",
    "助理",
    "to the",
    "PDG",
    "Former",
    "Services",
    "Intern",
    "Jefe",
]
COUNTRIES = [
    None,
    "",
    "Germany",
    " deutschland ",
    "DE",
    "aut",
    "Österreich",
    "Allemagne",
    "España",
    "England",
    "Holland",
    "U.S.A.",
    "United Kingdom (UK)",
    "Россия",
    "مصر",
    "Mỹ",
    "N/A",
    "United Kingdom",
    "中国",
    "Atlantis",
]
ADDRESSES = [
    None,
    "",
    "ann@gmail.com",
    "Bob@Mail.GMail.com ",
    "eve@mailinator.com",
    "x@gmail.com.acme.example",
    "dan@ox.ac.uk",
    "kim@cs.mit.edu",
    "old@alumni.harvard.edu",
    "max@x.alumni.ox.ac.uk",
    "eva@stud.ox.ac.uk",
    "pau@alumnos.acme.example",
    "amt@fin.gov.uk",
    "tim@ac.com",
    "zoe@acme.example",
    "ben@shop.acme.example",
    "no address",
    "a@b",
    "https://www.acme.example/team?x=1",
    "acme.example",
    "user@acme.example:8080/x",
]
FURTHER_ADDRESSES = [
    None,
    None,
    "",
    "ann@gmail.com",
    "eve@mailinator.com;zoe@acme.example",
    " kim@cs.mit.edu ; ;ann@gmail.com",
    "no address",
]
NUMBERS = [None, "", "0", "7", "120", "5000.5", "many", "12 or so"]
DATES = [None, "", "2026-11-01", "2026-10-20T09:30:00.000Z", "1790000000000", "yesterday", "2031-01-01"]
SUBSCRIPTIONS = [None, ";", ";Newsletter;", ";Newsletter (weekly);Événements;", ";Events;Newsletter;"]
BOOLEANS = [None, "", "true", "false", "maybe"]

points = st.integers(1, 4000).map(lambda hundredths: hundredths / 100)


@st.composite
def models(draw: st.DrawFn, *, kinds: list[str] | None = None, degradations: st.SearchStrategy[dict[str, Any]] | None = None) -> Model:
    """Draw a valid model."""
    rising = draw(st.lists(criteria(rising=True, kinds=kinds), min_size=1, max_size=4))
    rising[0]["enabled"] = True  # a model without positive points is refused
    rising[0].pop("per_day", None)
    falling = draw(st.lists(criteria(rising=False, kinds=kinds), max_size=3))
    score = {
        "criteria": {f"c{number}": criterion for number, criterion in enumerate(rising + falling)},
        "degradation": draw(degradations or degradation()),
        "bands": [{"name": "low", "from": draw(st.integers(-5, 3))}, {"name": "middle", "from": 9}, {"name": "high", "from": 30}],
        "trend": {"over": f"{draw(st.sampled_from([1, 14, 60]))} days", "at_least": draw(st.integers(1, 3))},
    }
    if draw(st.booleans()):
        score["minimum"] = draw(st.integers(-20, 0))
    document = {
        "name": "random",
        "time_zone": draw(st.sampled_from(["UTC", "Europe/Berlin", "Pacific/Kiritimati"])),
        "properties": {"plan": {"type": "text"}},
        "domains": {
            "academic": {"except": ["alumni.harvard.edu"]},
            "rivals": {"add": ["acme.example", "gmail.com"], "except": ["mail.gmail.com"]},
        },
        "machine_clicks": draw(bot_filters()),
        "score": score,
        "grade": draw(grades()),
        "qualification": draw(qualifications()),
    }
    _drop_pointless_exceptions(document)
    return loads(json.dumps(document), "random.yaml")


def _drop_pointless_exceptions(document: dict[str, Any]) -> None:
    """Remove `except: direct` where no direct qualifier, or one without `where`, has the same event."""
    for criterion in document["score"]["criteria"].values():
        rules = [rule for rule in document["qualification"]["direct"].values() if rule.get("event", "") == criterion.get("event")]
        if not rules or not all("where" in rule for rule in rules):
            criterion.pop("except", None)


@st.composite
def criteria(draw: st.DrawFn, *, rising: bool, kinds: list[str] | None = None) -> dict[str, Any]:
    """Draw a criterion of the score."""
    sign = 1 if rising else -1
    if draw(st.integers(0, 3)) == 0:
        amount = draw(st.sampled_from([{"points": sign * draw(points)}, {"importance": "high" if rising else "-low"}]))
        return {"when": draw(conditions(rising=rising)), **amount}
    found: dict[str, Any] = {"event": draw(st.sampled_from(kinds or [*EVENT_KINDS, *DERIVED_KINDS, "custom:pe1_login"]))}
    way = draw(st.sampled_from(["tiers", "each", "points"]))
    if way == "tiers":
        found["tiers"] = {at: sign * draw(points) for at in draw(st.sets(st.integers(1, 6), min_size=1, max_size=4))}
    elif way == "each":
        found |= {"each": sign * draw(points)} | ({"at_most": draw(points)} if draw(st.booleans()) else {})
    else:
        found["points"] = sign * draw(points)
    if draw(st.booleans()):
        found["within"] = f"{draw(st.integers(1, 90))} days"
    if draw(st.integers(0, 2)) == 0:
        found["per_day"] = draw(st.integers(1, 2))
    if draw(st.integers(0, 2)) == 0:
        found["where"] = draw(event_conditions())
    if draw(st.booleans()):
        found["except"] = "direct"
    found["enabled"] = draw(st.integers(0, 9)) > 0
    return found


def degradation() -> st.SearchStrategy[dict[str, Any]]:
    """Return a strategy for every kind of decay."""
    days = st.integers(1, 60).map(lambda number: f"{number} days")
    floor = st.sampled_from(["0 %", "50 %", "100 %"])
    inactivity = {"kind": st.just("inactivity"), "grace": days, "every": days, "floor": floor}
    per_event = {"kind": st.just("per_event"), "grace": st.sampled_from(["0 days", "10 days"]), "floor": floor}
    return st.one_of(
        st.fixed_dictionaries({"kind": st.just("none")}),
        st.fixed_dictionaries({**inactivity, "lose": st.sampled_from(["10 %", "100 %", "3 points", "0.5 points", "7 %"])}),
        st.fixed_dictionaries({**inactivity, "half_life": days}),
        st.fixed_dictionaries({**per_event, "half_life": days}),
        st.fixed_dictionaries({**per_event, "expiry": days}),
    )


def bot_filters() -> st.SearchStrategy[dict[str, Any]]:
    """Return a strategy for the rules of the bot filter."""
    return st.fixed_dictionaries(
        {
            "flagged_by_hubspot": st.booleans(),
            "after_send": st.sampled_from([None, "2 seconds", "0 seconds"]),
            "links_within_a_second": st.sampled_from([None, 2, 3]),
            "user_agents": st.sampled_from([None, ["*bot*", "curl/*"]]),
        }
    )


@st.composite
def conditions(draw: st.DrawFn, *, rising: bool = False, depth: int = 2) -> dict[str, Any]:
    """Draw a condition on contacts."""
    if depth and draw(st.integers(0, 3)) == 0:
        group = draw(st.sampled_from(["all", "any", "first_known", "not"]))
        inner = conditions(rising=rising or group == "not", depth=depth - 1)
        return {group: draw(inner) if group == "not" else draw(st.lists(inner, min_size=1, max_size=3))}
    texts = [
        {"is": "chief buyer"},
        {"is_not": "Student"},
        {"in": ["student", "CHIEF BUYER"]},
        {"not_in": ["student"]},
        {"contains_any": ["buyer", "n/a"]},
        {"matches": "*buyer"},
        {"starts_with": "chief"},
        {"ends_with": ["s buyer", "dent"]},
        {"regex": r"^chief|st\w+t$"},
        {"regex": r"b.yer"},
        {"is_known": True},
        {"is_unknown": True},
    ]
    ranks = [{"seniority_at_least": level} for level in ("intern", "employee", "senior", "manager", "director", "vp", "c_level")]
    ranks += [{"seniority_in": "none"}, {"seniority_in": ["none", "intern"]}, {"seniority_in": ["employee", "c_level"]}]
    places = [{"country_in": ["DE", "Austria"]}, {"country_in": "Reino Unido"}, {"country_in": ["CHN", "Spain"]}]
    domains = [
        {"domain_in": one}
        for one in (
            "free_mail",
            "disposable",
            "academic",
            "student_mail",
            "public_sector",
            "rivals",
            ["free_mail", "academic"],
            ["free_mail", "disposable"],
        )
    ]
    addresses = [
        {"ends_with": "@gmail.com"},
        {"is": "zoe@acme.example"},
        {"not_in": ["ann@gmail.com"]},
        {"is_known": True},
        {"is_unknown": True},
    ]
    numbers = [{"is": 7}, {"is_not": 7}, {"at_least": 7}, {"at_most": 120}, {"between": [1, 5000]}, {"is_known": True}]
    dates = [{"at_least": "2026-11-01"}, {"at_most": "2026-11-01"}, {"between": ["2026-01-01", "2026-11-01"]}, {"is_unknown": True}]
    passing = [{"within": "20 days"}, {"older_than": "20 days"}]
    subscriptions = [
        "Newsletter",
        ["newsletter", "evenements"],
        {"is": "Newsletter (weekly)"},
        {"is_not": "Events"},
        {"not_in": ["Events"]},
    ]
    return draw(
        st.one_of(
            st.fixed_dictionaries({"jobtitle": st.sampled_from(texts)}),
            st.fixed_dictionaries({"subscribed_to": st.sampled_from(subscriptions)}),
            st.fixed_dictionaries({"unsubscribed_from": st.sampled_from(subscriptions)}),
            st.fixed_dictionaries({"jobtitle": st.sampled_from(ranks)}),
            st.fixed_dictionaries({"country": st.sampled_from(places)}),
            st.fixed_dictionaries({"email": st.sampled_from(domains + addresses)}),
            st.fixed_dictionaries({"hs_additional_emails": st.sampled_from(domains + addresses)}),
            st.fixed_dictionaries({"plan": st.sampled_from(texts)}),
            st.fixed_dictionaries({"company.numberofemployees": st.sampled_from(numbers)}),
            st.fixed_dictionaries({"hs_email_optout": st.sampled_from([True, False, {"is_not": True}, {"is_known": True}])}),
            st.fixed_dictionaries({"createdate": st.sampled_from(dates if rising else dates + passing)}),
        )
    )


@st.composite
def event_conditions(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a condition on events."""
    tests = [
        {"url": {"matches": ["/careers/*", "*.pdf"]}},
        {"url": {"matches": "example.com/*"}},
        {"url": {"is": "/pricing"}},
        {"url": {"starts_with": "/blog"}},
        {"url": {"regex": r"[?&]q=|PRICING"}},
        {"name": {"regex": "^pricing$"}},
        {"url": {"is_known": True}},
        {"form": {"is": "contact US"}},
        {"form": {"not_in": ["form-1", "Newsletter"]}},
        {"form": {"matches": "*us"}},
        {"campaign": {"is_known": True}},
        {"campaign": {"contains_any": ["spring"]}},
        {"name": {"contains_any": ["pricing"]}},
    ]
    one, two = draw(st.sampled_from(tests)), draw(st.sampled_from(tests))
    return draw(st.sampled_from([one, {"not": one}, {"any": [one, two]}, {"all": [one, two]}]))


@st.composite
def grades(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a grade."""
    whole = st.fixed_dictionaries(
        {"when": conditions(), "thirds": st.integers(1, 3), "otherwise": st.integers(-4, 0), "unknown": st.integers(-3, 0)}
    )
    found = draw(st.lists(whole, max_size=3))
    letters = draw(st.sampled_from(["signed", "whole"]))
    return {"start": draw(st.sampled_from(["F", "D", "B+"])), "letters": letters, "criteria": {f"g{n}": one for n, one in enumerate(found)}}


@st.composite
def qualifications(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a qualification."""
    rule = st.one_of(
        st.fixed_dictionaries({"when": conditions()}),
        st.fixed_dictionaries({"event": st.sampled_from(EVENT_KINDS + DERIVED_KINDS)}),
        st.fixed_dictionaries({"event": st.just("form_submission"), "where": event_conditions()}),
    )
    direct = {f"d{n}": one for n, one in enumerate(draw(st.lists(rule, max_size=2)))}
    for one in direct.values():
        if "event" in one and draw(st.booleans()):
            one["valid_for"] = "30 days"
    threshold = draw(st.integers(1, 40))
    found: dict[str, Any] = {"threshold": threshold, "direct": direct}
    found["disqualifiers"] = {f"x{n}": one for n, one in enumerate(draw(st.lists(rule, max_size=1)))}
    if draw(st.booleans()):
        found["leave_below"] = max(1, threshold - draw(st.integers(0, 9)))
    if draw(st.booleans()):
        found["grade_at_least"] = draw(st.sampled_from(["D", "C-", "A"]))
    return found


def event_lists(*, now: datetime = NOW, max_size: int = 60) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Return a strategy for events of a few contacts: old, new, simultaneous, in the future, duplicates."""
    moments = st.one_of(
        st.integers(0, 250 * 24).map(lambda hours: now - timedelta(hours=hours)),
        st.integers(0, 9).map(lambda steps: now - timedelta(days=3, milliseconds=250 * steps)),
        st.just(now + timedelta(hours=1)),
    )
    sent = st.sampled_from([None, 0, 2, 3, 86_400])
    event = st.fixed_dictionaries(
        {
            "contact_id": st.integers(1, CONTACT_COUNT),
            "kind": st.sampled_from([*EVENT_KINDS, "page_view", "page_view", "email_click", "email_click"]),
            "at": moments,
            "url": st.sampled_from(URLS),
            "form_id": st.sampled_from([None, "form-1", "form-2"]),
            "form_name": st.sampled_from([None, "Contact us", "Newsletter"]),
            "campaign": st.sampled_from([None, None, "", "Autumn"]),
            "name": st.sampled_from([None, "Pricing", "Our prïcing page"]),
            "user_agent": st.sampled_from([None, "Mozilla/5.0", "Googlebot/2.1", "curl/8", "WhatsApp/2.23"]),
            "sent_at": sent,
            "filtered": st.sampled_from([False, False, False, True, None]),
        }
    )
    return st.lists(event, max_size=max_size).map(_number_events)


def _number_events(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    for number, event in enumerate(found):
        seconds = event["sent_at"]
        event["sent_at"] = None if seconds is None else event["at"] - timedelta(seconds=seconds)
        event["event_id"] = str(number)
    return found + found[:1]


def contact_lists() -> st.SearchStrategy[list[dict[str, str | None]]]:
    """Return a strategy for contacts with valid and invalid values."""
    one = st.fixed_dictionaries(
        {
            "jobtitle": st.one_of(st.sampled_from(TITLES), titles()),
            "country": st.sampled_from(COUNTRIES),
            "email": st.sampled_from(ADDRESSES),
            "hs_additional_emails": st.sampled_from(FURTHER_ADDRESSES),
            "plan": st.sampled_from(TITLES),
            "company.numberofemployees": st.sampled_from(NUMBERS),
            "hs_email_optout": st.sampled_from(BOOLEANS),
            "subscribed_to": st.sampled_from(SUBSCRIPTIONS),
            "unsubscribed_from": st.sampled_from(SUBSCRIPTIONS),
            "createdate": st.sampled_from(DATES),
            "hs_email_click": st.sampled_from(NUMBERS),
            "hs_email_last_click_date": st.sampled_from(DATES),
            "hs_email_open": st.sampled_from(NUMBERS),
            "hs_email_last_open_date": st.sampled_from(DATES),
            "hs_analytics_num_page_views": st.sampled_from(NUMBERS),
            "hs_analytics_last_timestamp": st.sampled_from(DATES),
            "num_conversion_events": st.sampled_from(NUMBERS),
            "recent_conversion_date": st.sampled_from(DATES),
        }
    )
    return st.lists(one, min_size=CONTACT_COUNT, max_size=CONTACT_COUNT)


def titles() -> st.SearchStrategy[str]:
    """Return a strategy for job titles."""
    parts = st.lists(st.sampled_from(RANKED_TITLES) | st.sampled_from(WORDS), min_size=1, max_size=3)
    return st.builds(lambda between, chosen: between.join(chosen), st.sampled_from([" ", ", ", "-", " & "]), parts)


def instants() -> st.SearchStrategy[datetime]:
    """Return a strategy for times around NOW."""
    return st.integers(-40 * 24, 40 * 24).map(lambda hours: datetime.fromtimestamp(NOW.timestamp() + hours * 3600, UTC))


def hidden_kinds() -> st.SearchStrategy[frozenset[str]]:
    """Return a strategy for the kinds of event that a portal hides."""
    return st.sampled_from(
        [
            frozenset(),
            frozenset({"page_view", "subscriptions"}),
            frozenset({"page_view", "email_click", "form_submission", "email_open"}),
        ]
    )
