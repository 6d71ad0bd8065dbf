"""Results of conditions: true, false, or unknown."""

from __future__ import annotations

from typing import Any

import pytest

from tests.model.factories import NOW, evaluate_contact, evaluate_facts, make_event, make_facts, make_model, score_section

OWN_PROPERTIES = {
    "properties": {
        "plan": {"type": "enumeration", "options": ["Free", "Team"]},
        "notes": "text",
        "renewal": "date",
        "company.seats": "number",
    }
}


def evaluate_condition(when: Any, properties: dict[str, str | None]) -> bool | None:
    """Evaluate through the grade: three thirds up for true, one down for false."""
    grade = {"grade": {"criteria": {"tested": {"when": when, "thirds": 3, "otherwise": -1}}}}
    model = make_model(score_section({"clicks": {"event": "email_click", "points": 1}}), OWN_PROPERTIES, grade)
    return {"C": True, "D-": False, "D": None}[evaluate_contact(model, properties)["grade"]]


@pytest.mark.parametrize(
    ("test", "value", "expected"),
    [
        ({"is": "geschaftsfuhrer"}, "  GESCHÄFTSFÜHRER ", True),
        ({"is": "buyer"}, "buyers", False),
        ("buyer", "Buyer", True),
        (["buyer", "seller"], "seller", True),
        ({"is": "buyer"}, None, None),
        ({"is": "buyer"}, "   ", None),
        ({"is_not": "buyer"}, "seller", True),
        ({"is_not": "buyer"}, None, None),
        ({"not_in": ["buyer", "seller"]}, "seller", False),
        ({"contains_any": ["vp"]}, "MVP, wins prizes", False),
        ({"contains_any": ["vp"]}, "Sales (VP)", True),
        ({"contains_any": ["contact us"]}, "EN_Contact-Us_2026", True),
        ({"contains_any": ["contact-us"]}, "contact us", True),
        ({"contains_any": ["contact us"]}, "contact useful people", False),
        ({"contains_any": ["demo"]}, "申请Demo", True),
        ({"contains_any": ["demo"]}, "Demographics", False),
        ({"contains_any": ["vice president"]}, "Executive Vice  President, EMEA", True),
        ({"contains_any": ["*leiter*"]}, "Abteilungsleiterin", True),
        ({"contains_any": ["经理"]}, "销售经理", True),
        ({"contains_any": ["c++", ".net"]}, "Developer (C++)", True),
        ({"matches": "head of *"}, "Head of Sales", True),
        ({"matches": "head of"}, "Head of Sales", False),
        ({"starts_with": "head"}, "Head of Sales", True),
        ({"ends_with": ["sales", "growth"]}, "Head of Sales", True),
        ({"regex": "^head (of|for) s"}, "HEAD of Sales", True),
        ({"is_known": True}, "x", True),
        ({"is_known": True}, "", False),
        ({"is_unknown": True}, None, True),
        ({"starts_with": "head", "ends_with": "sales"}, "Head of Growth", False),
        ({"seniority_at_least": "director"}, "Directrice des ventes", True),
        ({"seniority_at_least": "director"}, "Assistant to the CEO", False),
        ({"seniority_at_least": "director"}, "Other", None),
        ({"seniority_in": "none"}, None, True),
        ({"seniority_in": "none"}, " ", True),
        ({"seniority_in": ["none", "intern"]}, "n/a", True),
        ({"seniority_in": ["none", "intern"]}, "Studentin", True),
        ({"seniority_in": ["none", "intern"]}, "Director of Student Services", False),
        ({"seniority_in": ["none", "employee"]}, "Генеральный директор", None),
        ({"seniority_in": ["employee", "director"]}, "Head of Sales", True),
    ],
)
def test_text(test: Any, value: str | None, expected: bool | None) -> None:  # noqa: FBT001 -- from the table
    assert evaluate_condition({"jobtitle": test}, {"jobtitle": value}) is expected


@pytest.mark.parametrize(
    ("when", "properties", "expected"),
    [
        ({"company.seats": {"at_least": 5}}, {"company.seats": "5"}, True),
        ({"company.seats": {"at_least": 5}}, {"company.seats": "4.99"}, False),
        ({"company.seats": {"between": [5, 7.5]}}, {"company.seats": "7.5"}, True),
        ({"company.seats": {"in": [5, 7]}}, {"company.seats": "7.0"}, True),
        ({"company.seats": {"at_most": 5}}, {"company.seats": "five"}, None),
        ({"company.seats": {"is_known": True}}, {"company.seats": "five"}, False),
        ({"company.seats": {"at_most": 5}}, {"company.seats": "NaN"}, None),
        ({"hs_email_optout": True}, {"hs_email_optout": "true"}, True),
        ({"hs_email_optout": True}, {"hs_email_optout": "perhaps"}, None),
        ({"hs_email_optout": False}, {"hs_email_optout": ""}, None),
        ({"plan": "free"}, {"plan": "Free"}, True),
        ({"plan": "free"}, {"plan": "Free;Team"}, True),
        ({"plan": "free"}, {"plan": ";free;"}, True),
        ({"plan": "free"}, {"plan": ";"}, None),
        ({"plan": {"is_not": "free"}}, {"plan": "Team"}, True),
        ({"plan": {"is_not": "free"}}, {"plan": "Enterprise"}, None),
        ({"renewal": {"at_least": "2026-11-01"}}, {"renewal": "2026-11-01"}, True),
        ({"renewal": {"at_most": "2026-11-01"}}, {"renewal": "2026-11-01T23:59:59.999Z"}, True),
        ({"renewal": {"at_most": "2026-11-01"}}, {"renewal": "2026-11-02T00:00:00+00:00"}, False),
        ({"renewal": {"at_least": "2030-01-01"}}, {"renewal": "2031-05-05"}, True),
        ({"renewal": {"within": "30 days"}}, {"renewal": str(int(NOW.timestamp() * 1000) - 1)}, True),
        ({"renewal": {"older_than": "30 days"}}, {"renewal": "2026-10-01"}, True),
        ({"renewal": {"older_than": "30 days"}}, {"renewal": str(int(NOW.timestamp()))}, None),
        ({"renewal": {"within": "30 days"}}, {"renewal": "2026-12-24"}, None),
        ({"country": {"country_in": ["Germany", "AT"]}}, {"country": "Deutschland"}, True),
        ({"country": {"country_in": ["Germany", "AT"]}}, {"country": "德国"}, True),
        ({"country": {"country_in": ["Germany", "AT"]}}, {"country": "France"}, False),
        ({"country": {"country_in": ["Germany", "AT"]}}, {"country": "Atlantis"}, None),
        ({"email": {"domain_in": "free_mail"}}, {"email": "Someone@GMail.com"}, True),
        ({"email": {"domain_in": ["free_mail", "academic"]}}, {"email": "a@cs.example.ac.uk"}, True),
        ({"email": {"domain_in": "disposable"}}, {"email": "a@mailinator.com"}, True),
        ({"email": {"domain_in": "free_mail"}}, {"email": "nonsense"}, None),
        ({"website": {"domain_in": "academic"}}, {"website": "https://www.mit.edu/people"}, True),
    ],
)
def test_other_types(when: Any, properties: dict[str, str | None], expected: bool | None) -> None:  # noqa: FBT001 -- from the table
    assert evaluate_condition(when, properties) is expected


TRUE, FALSE, UNKNOWN = ({"jobtitle": "buyer"}, {"jobtitle": "seller"}, {"company.seats": 1})


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ({"all": [TRUE, UNKNOWN]}, None),
        ({"all": [FALSE, UNKNOWN]}, False),
        ({"any": [TRUE, UNKNOWN]}, True),
        ({"any": [FALSE, UNKNOWN]}, None),
        ({"not": FALSE}, True),
        ({"not": UNKNOWN}, None),
        ({"first_known": [UNKNOWN, FALSE, TRUE]}, False),
        ({"first_known": [UNKNOWN]}, None),
        ({"any": [{"not": {"all": [TRUE, TRUE]}}, {"all": [TRUE, {"not": FALSE}]}]}, True),
    ],
)
def test_an_unknown_part_makes_the_result_unknown_unless_the_other_parts_decide(when: Any, expected: bool | None) -> None:  # noqa: FBT001 -- from the table
    assert evaluate_condition(when, {"jobtitle": "buyer"}) is expected


@pytest.mark.parametrize(
    ("pattern", "url", "matches"),
    [
        ("/careers/*", "https://www.example.com/careers", True),
        ("/careers/*", "https://www.example.com/careers/", True),
        ("/careers/*", "http://example.com/Careers/dev/2?ref=a#b", True),
        ("/careers/*", "https://example.com/blog/careers-in-data", False),
        ("/careers/*", "https://example.com/careers-day", False),
        ("/careers", "https://example.com/careers/dev", False),
        ("/", "https://example.com", True),
        ("/", "https://example.com/?a=b", True),
        ("*.pdf", "https://example.com/files/a.pdf?x=1", True),
        ("*.pdf", "https://example.com/a.pdf.html", False),
        ("docs.example.com/*", "https://docs.example.com/start", True),
        ("docs.example.com/*", "https://example.com/docs.example.com/start", False),
        ("example.com/pricing", "https://www.example.com/pricing/", True),
        ("https://example.com/pricing", "http://example.com/pricing", True),
        ("/search?q=*", "https://example.com/search?q=scoring", True),
        ("/a.b", "https://example.com/aXb", False),
    ],
)
def test_url_patterns(pattern: str, url: str, matches: bool) -> None:  # noqa: FBT001 -- from the table
    model = make_model(score_section({"views": {"event": "page_view", "where": {"url": {"matches": pattern}}, "points": 1}}))
    assert evaluate_contact(model, None, make_event("page_view", url=url))["score"] == int(matches)


def test_an_event_without_the_property_meets_no_condition_on_it() -> None:
    for where in ({"url": {"matches": "/*"}}, {"url": {"is_not": "/a"}}, {"campaign": {"is_not": "a"}}, {"not": {"form": "a"}}):
        model = make_model(score_section({"views": {"event": "page_view", "where": where, "points": 1}}))
        assert evaluate_contact(model, None, make_event("page_view"))["score"] == 0


def test_values_that_cannot_be_parsed_are_unknown_and_listed() -> None:
    grade = {
        "grade": {
            "criteria": {
                "seats": {"when": {"company.seats": {"at_least": 5}}},
                "renewed": {"when": {"renewal": {"within": "9 days"}}},
                "plan": {"when": {"plan": "Free"}},
                "near": {"when": {"country": {"country_in": ["DE"]}}},
                "out": {"when": {"hs_email_optout": True}},
            }
        }
    }
    model = make_model(score_section({"clicks": {"event": "email_click", "points": 1}}), OWN_PROPERTIES, grade)
    invalid = {"company.seats": "many", "renewal": "2031-01-01", "plan": "Gold", "country": "Atlantis", "hs_email_optout": "?"}
    valid = {"company.seats": "7", "renewal": "2026-11-19", "plan": "free", "country": "DE", "hs_email_optout": "false"}
    unreadable = evaluate_facts(model, make_facts([invalid, valid, {}])).unreadable
    assert unreadable.rows() == [
        (1, "company.seats", "many", "a number"),
        (1, "country", "Atlantis", "a country"),
        (1, "hs_email_optout", "?", "true or false"),
        (1, "plan", "Gold", "an option of this property"),
        (1, "renewal", "2031-01-01", "a date in the past"),
    ]


def test_a_property_that_was_not_read_is_unknown_for_all_contacts() -> None:
    assert evaluate_condition({"jobtitle": {"is_known": True}}, {}) is False
    assert evaluate_condition({"jobtitle": "buyer"}, {}) is None
