"""hubspot-api.md sections 0 and 14: rules of an administrator refuse writes."""

from __future__ import annotations

import pytest

from tests.sandbox.portal_factories import PortalClient, make_contact, make_portal, result_ids, start_portal

DATED, CLASSIC = "/crm/objects/2026-09/contacts", "/crm/v3/objects/contacts"
REGION_OF_LEADS = {"propertyName": "state", "ruleType": "REQUIRED", "when": {"lifecyclestage": ["lead", "customer"]}}


def start_ruled_portal(*rules: dict[str, object]) -> PortalClient:
    contacts = [make_contact(1, lifecyclestage="lead"), make_contact(2, lifecyclestage="lead", state="Hesse"), make_contact(3)]
    served = start_portal(make_portal(contacts))
    assert served.post("/sandbox/validation-rules", {"rules": list(rules)}).json() == {"rules": len(rules)}
    return served


def codes(body: dict[str, list[dict[str, object]]]) -> list[object]:
    return [error["code"] for error in body["errors"]]


def test_a_property_can_be_required_of_records_with_a_value_of_another() -> None:
    served = start_ruled_portal(REGION_OF_LEADS)
    reply = served.patch(f"{DATED}/1", {"properties": {"city": "Bonn"}})
    assert (reply.status_code, codes(reply.json())) == (400, ["MISSING_CONDITIONAL_REQUIRED_PROPERTY"])
    assert reply.json()["errors"][0]["context"] == {"propertyName": ["state"]}
    assert [served.patch(f"{DATED}/{number}", {"properties": {"city": "Bonn"}}).status_code for number in (2, 3)] == [200, 200]
    assert served.patch(f"{DATED}/1", {"properties": {"city": "Bonn", "state": "Hesse"}}).status_code == 200
    assert served.patch(f"{DATED}/1", {"properties": {"city": "Mainz"}}).status_code == 200


def test_required_properties_are_enforced_since_the_newest_version_and_in_the_user_interface() -> None:
    served = start_ruled_portal(REGION_OF_LEADS)
    assert served.patch(f"{CLASSIC}/1", {"properties": {"city": "Bonn"}}).status_code == 200
    assert served.post("/sandbox/contacts/1", {"city": "Mainz"}).status_code == 400


def test_one_record_without_a_required_value_refuses_its_batch_unless_inputs_have_trace_ids() -> None:
    served = start_ruled_portal(REGION_OF_LEADS)
    inputs = [{"id": str(number), "properties": {"city": "Bonn"}} for number in (1, 2)]
    reply = served.post(f"{DATED}/batch/update", {"inputs": inputs})
    assert (reply.status_code, served.value(2, "city")) == (400, None)
    traced = [{**item, "objectWriteTraceId": f"trace-{item['id']}"} for item in inputs]
    reply = served.post(f"{DATED}/batch/update", {"inputs": traced})
    [error] = reply.json()["errors"]
    assert (result_ids(reply.json()), error["context"]["objectWriteTraceId"], served.value(2, "city")) == (["2"], ["trace-1"], "Bonn")


def test_a_property_can_be_required_of_new_records_only() -> None:
    served = start_ruled_portal({"propertyName": "state", "ruleType": "REQUIRED"})
    reply = served.post(DATED, {"properties": {"email": "new@example.com"}})
    assert (reply.status_code, codes(reply.json())) == (400, ["MISSING_REQUIRED_PROPERTY"])
    assert served.post(DATED, {"properties": {"email": "new@example.com", "state": "Hesse"}}).status_code == 201
    assert served.patch(f"{DATED}/1", {"properties": {"city": "Bonn"}}).status_code == 200


@pytest.mark.parametrize(
    ("rule", "argument", "bad", "good"),
    [
        ("ALPHANUMERIC", "ALPHA_ONLY", "Bonn1", "Köln"),
        ("ALPHANUMERIC", "NUMERIC_ONLY", "Bonn1", "7"),
        ("ALPHANUMERIC", "ALPHANUMERIC_ONLY", "a b", "a1"),
        ("MIN_LENGTH", "3", "ab", "abc"),
        ("MAX_LENGTH", "3", "abcd", "abc"),
        ("MIN_NUMBER", "3", "2.5", "3"),
        ("MAX_NUMBER", "3", "3.5", "3"),
        ("REGEX", "[A-Z]+", "abc", "ABC"),
    ],
)
def test_a_rule_refuses_values_in_every_version(rule: str, argument: str, bad: str, good: str) -> None:
    served = start_ruled_portal({"propertyName": "city", "ruleType": rule, "ruleArguments": [argument]})
    reply = served.patch(f"{CLASSIC}/1", {"properties": {"city": bad}})
    assert (reply.status_code, reply.json()["errors"][0]["context"]) == (400, {"propertyName": ["city"]})
    assert [served.patch(f"{CLASSIC}/1", {"properties": {"city": value}}).status_code for value in (good, "")] == [200, 200]
    assert served.patch(f"{CLASSIC}/2", {"properties": {"state": bad}}).status_code == 200


def test_rules_can_be_removed() -> None:
    served = start_ruled_portal(REGION_OF_LEADS)
    served.post("/sandbox/validation-rules", {"rules": []})
    assert served.patch(f"{DATED}/1", {"properties": {"city": "Bonn"}}).status_code == 200


@pytest.mark.parametrize(
    "rule", [{"ruleType": "REQUIRED"}, {"propertyName": "city", "ruleType": "NONE"}, {"propertyName": "city", "ruleType": "MAX_LENGTH"}]
)
def test_an_invalid_rule_is_rejected(rule: dict[str, str]) -> None:
    served = start_portal(make_portal([]))
    assert served.post("/sandbox/validation-rules", {"rules": [rule]}).status_code == 400
