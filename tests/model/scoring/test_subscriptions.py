"""Conditions on email subscriptions."""

from __future__ import annotations

from typing import Any

import pytest

from sync_worker.errors import ModelError
from tests.model.factories import evaluate_contact, make_criteria_model, make_model, score_section

NEWS: dict[str, Any] = {"news": {"when": {"subscribed_to": "Newsletter"}, "points": 4}}


@pytest.mark.parametrize(
    ("condition", "score"),
    [
        ({"subscribed_to": "newsletter"}, 4),
        ({"subscribed_to": ["Jobs", "Product news"]}, 4),
        ({"subscribed_to": "News"}, 0),
        ({"subscribed_to": "Evénements"}, 0),
        ({"unsubscribed_from": "Événements"}, 4),
        ({"unsubscribed_from": {"not_in": ["Newsletter"]}}, 4),
        ({"not": {"subscribed_to": "Jobs"}}, 4),
        ({"subscribed_to": "Newsletter", "unsubscribed_from": "Evenements"}, 4),
    ],
)
def test_subscriptions_are_compared_by_whole_name(condition: dict[str, Any], score: int) -> None:
    contact = {"subscribed_to": ";Newsletter;Product news;", "unsubscribed_from": ";Événements;"}
    assert evaluate_contact(make_criteria_model(only={"when": condition, "points": 4}), contact)["score"] == score


def test_a_contact_that_never_chose_is_not_subscribed_and_one_without_statuses_is_unknown() -> None:
    model = make_criteria_model(only={"when": {"not": {"subscribed_to": "Newsletter"}}, "points": 4})
    assert evaluate_contact(model, {"subscribed_to": ";"})["score"] == 4
    assert evaluate_contact(model, {"subscribed_to": None})["score"] == 0


def test_subscriptions_are_no_property_to_read_from_hubspot() -> None:
    model = make_criteria_model(**NEWS, city={"when": {"city": "Bonn"}, "points": 1})
    assert model.contact_properties == {"city"}
    assert (model.uses_subscriptions, model.source_kinds) == (True, {"subscriptions"})


def test_criteria_and_rules_on_hidden_subscriptions_are_not_visible() -> None:
    condition = {"any": [{"subscribed_to": "Newsletter"}, {"city": "Bonn"}]}
    rules = {"threshold": 1, "direct": {"asked": {"when": condition}}}
    grade = {"grade": {"criteria": {"fit": {"when": condition}}}}
    score = score_section({"news": {"when": condition, "points": 4}, "city": {"when": {"city": "Bonn"}, "points": 1}})
    model = make_model(score, grade, {"qualification": rules})
    hidden = frozenset({"subscriptions"})
    assert model.invisible_names(hidden) == ("news", "fit", "asked")
    assert model.reachable_maximum(hidden) == 1
    verdict = evaluate_contact(model, {"city": "Bonn", "subscribed_to": ";Newsletter;"}, hidden=hidden)
    assert (verdict["score"], verdict["direct"], verdict["grade_known"]) == (1, False, 0)
    assert "not visible in this portal: news" in verdict["score_reasons"]


@pytest.mark.parametrize(
    ("test", "message"),
    [
        (True, "expected the name of a subscription type, such as Newsletter, not true"),
        ({"contains_any": "news"}, "does not apply to a property of type subscriptions; expected is, is_not, in, not_in"),
        ({"is_known": True}, "does not apply to a property of type subscriptions"),
        ("", "expected a text"),
    ],
)
def test_only_names_of_subscription_types_are_accepted(test: object, message: str) -> None:
    with pytest.raises(ModelError) as caught:
        make_criteria_model(only={"when": {"subscribed_to": test}, "points": 4})
    assert message in str(caught.value)
