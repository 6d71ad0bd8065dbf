from __future__ import annotations

from tests.model.factories import evaluate_contact, evaluate_facts, make_criteria_model, make_event, make_facts


def test_a_condition_on_two_fields_holds_if_one_of_them_is_empty() -> None:
    where = {"any": [{"url": {"matches": "*/pricing*"}}, {"name": {"is": "Pricing"}}]}
    model = make_criteria_model(views={"event": "page_view", "each": 1, "at_most": 100, "where": where})
    views = [make_event("page_view", id_=str(number), url="https://example.com/pricing", name=None) for number in range(50)]
    assert evaluate_contact(model, {}, *views)["score"] == 50


def test_the_order_of_events_changes_no_count() -> None:
    model = make_criteria_model(clicks={"event": "email_click", "each": 1, "at_most": 1000})
    clicks = [make_event(contact_id=1 + number % 7, id_=str(number)) for number in range(700)]
    verdicts = evaluate_facts(model, make_facts([{}] * 7, clicks))
    assert verdicts.table["score"].to_list() == [100] * 7
