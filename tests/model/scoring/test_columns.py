from __future__ import annotations

from tests.model.factories import evaluate_facts, make_facts, make_model, score_section


def test_each_contact_with_several_addresses_has_its_own_match() -> None:
    grade = {"grade": {"criteria": {"mail": {"when": {"email": {"domain_in": "free_mail"}}, "thirds": 3}}}}
    model = make_model(score_section({"clicks": {"event": "email_click", "points": 1}}), grade)
    domains = ["gmail.com" if number % 3 else "acme.com" for number in range(6_000)]
    contacts = [{"email": f"a@{domain}", "hs_additional_emails": "b@gmail.com;c@gmail.com"} for domain in domains]
    grades = evaluate_facts(model, make_facts(contacts)).table["grade"].to_list()
    assert grades == [grades[number % 3] for number in range(6_000)]
    assert grades[0] != grades[1]
