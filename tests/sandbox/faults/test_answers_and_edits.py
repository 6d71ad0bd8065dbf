"""Faults that change what HubSpot answers: prepared answers, edited responses and requests, stale responses."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sync_worker.sandbox.base.errors import FaultConfigError
from sync_worker.sandbox.faults import fault_config
from sync_worker.sandbox.faults.json_path import JsonPath
from tests.sandbox.portal_factories import CONTACTS, PortalClient, make_contacts, make_portal, result_ids, start_portal


def start_faulty_portal(*rules: dict[str, object], contacts: int = 3) -> PortalClient:
    served = start_portal(make_portal(make_contacts(contacts)))
    assert served.post("/sandbox/faults", {"rules": list(rules)}).json() == {"rules": len(rules)}
    return served


def test_an_answer_has_the_status_headers_and_json_of_its_rule() -> None:
    body = {"status": "error", "category": "RATE_LIMITS"}
    served = start_faulty_portal({"fault": "answer", "status": 403, "headers": {"Retry-After": "9"}, "body": body, "nth": 2})
    assert served.get(CONTACTS).status_code == 200
    reply = served.get(CONTACTS)
    assert (reply.status_code, reply.headers["Retry-After"], reply.json()) == (403, "9", body)


@pytest.mark.parametrize(("body", "media_type"), [("<html>not found</html>", "text/html"), ("[1,", "application/json")])
def test_an_answer_can_be_any_text(body: str, media_type: str) -> None:
    reply = start_faulty_portal({"fault": "answer", "body": body}).get(CONTACTS)
    assert (reply.status_code, reply.text, reply.headers["content-type"].partition(";")[0]) == (200, body, media_type)


@pytest.mark.parametrize(("when", "city"), [("before", None), ("after", "Bonn")])
def test_an_answer_can_hide_an_executed_write(when: str, city: str | None) -> None:
    served = start_faulty_portal({"fault": "answer", "when": when, "endpoint": "PATCH *", "body": {"id": "1"}})
    assert served.patch(f"{CONTACTS}/1", {"properties": {"city": "Bonn"}}).json() == {"id": "1"}
    assert served.value(1, "city") == city


def test_an_edit_changes_one_path_of_the_response() -> None:
    served = start_faulty_portal({"fault": "edit", "path": "results[0].properties.email", "value": 7, "nth": 1})
    assert [item["properties"]["email"] for item in served.get(CONTACTS).json()["results"]] == [
        7,
        "person-2@example.com",
        "person-3@example.com",
    ]
    assert served.get(CONTACTS).json()["results"][0]["properties"]["email"] == "person-1@example.com"


def test_an_empty_page_can_carry_a_cursor() -> None:
    served = start_faulty_portal({"fault": "edit", "path": "results", "value": []})
    reply = served.get(CONTACTS, limit=2).json()
    assert (reply["results"], reply["paging"]["next"]["after"]) == ([], "3")


def test_an_edit_can_change_the_status_too() -> None:
    rule = {"fault": "edit", "path": "numErrors", "value": 1, "status": 207, "endpoint": "POST */batch/read"}
    reply = start_faulty_portal(rule).post(f"{CONTACTS}/batch/read", {"inputs": [{"id": "1"}]})
    assert (reply.status_code, reply.json()["numErrors"], result_ids(reply.json())) == (207, 1, ["1"])


def test_an_edit_of_the_request_loses_a_write_silently() -> None:
    served = start_faulty_portal({"fault": "edit", "part": "request", "path": "inputs[0]", "remove": True, "contains": '"id":"2"'})
    inputs = [{"id": str(number), "properties": {"city": "Bonn"}} for number in (2, 1)]
    reply = served.post(f"{CONTACTS}/batch/update", {"inputs": inputs})
    assert (reply.status_code, result_ids(reply.json())) == (200, ["1"])
    assert [served.value(number, "city") for number in (1, 2)] == ["Bonn", None]


@pytest.mark.parametrize("category", ["INTERNAL_ERROR", "RATE_LIMITS"])
def test_a_partial_batch_names_the_record_that_was_not_written(category: str) -> None:
    name = {} if category == "INTERNAL_ERROR" else {"name": category}
    served = start_faulty_portal({"fault": "partial", "endpoint": "POST */batch/update", **name})
    inputs = [{"id": str(number), "properties": {"city": "Bonn"}} for number in (2, 1)]
    reply = served.post(f"{CONTACTS}/batch/update", {"inputs": inputs})
    [error] = reply.json()["errors"]
    assert (reply.status_code, reply.json()["numErrors"], result_ids(reply.json())) == (207, 1, ["1"])
    assert (error["category"], error["context"]["ids"]) == (category, ["2"])
    assert [served.value(number, "city") for number in (1, 2)] == ["Bonn", None]
    assert served.post(f"{CONTACTS}/batch/update", {"inputs": []}).json()["results"] == []


def test_a_rule_can_select_calls_by_a_text_in_their_query() -> None:
    served = start_faulty_portal({"fault": "answer", "status": 500, "contains": "after=2"})
    assert [served.get(CONTACTS, after=start).status_code for start in (1, 2, 3)] == [200, 500, 200]


def test_a_stale_response_is_the_previous_one_to_the_same_request() -> None:
    served = start_faulty_portal({"fault": "stale", "endpoint": "GET *", "nth": 2})
    before = served.get(f"{CONTACTS}/1", properties="city").json()
    served.patch(f"{CONTACTS}/1", {"properties": {"city": "Bonn"}})
    assert served.get(f"{CONTACTS}/1", properties="city").json() == before
    assert served.value(1, "city") == "Bonn"


def test_a_body_that_is_not_json_is_not_edited() -> None:
    served = start_faulty_portal({"fault": "edit", "path": "id", "value": 1, "endpoint": "DELETE *"})
    assert served.delete(f"{CONTACTS}/1").status_code == 204


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a.b", {"a": {"b": 0}, "l": [1, 2, 3], "m": [{"k": 1}, {"k": 2}]}),
        ("a.new", {"a": {"b": 1, "new": 0}, "l": [1, 2, 3], "m": [{"k": 1}, {"k": 2}]}),
        ("a.*", {"a": {"b": 0}, "l": [1, 2, 3], "m": [{"k": 1}, {"k": 2}]}),
        ("l[0]", {"a": {"b": 1}, "l": [0, 2, 3], "m": [{"k": 1}, {"k": 2}]}),
        ("l[-1]", {"a": {"b": 1}, "l": [1, 2, 0], "m": [{"k": 1}, {"k": 2}]}),
        ("l[1:]", {"a": {"b": 1}, "l": [1, 0, 0], "m": [{"k": 1}, {"k": 2}]}),
        ("m[*].k", {"a": {"b": 1}, "l": [1, 2, 3], "m": [{"k": 0}, {"k": 0}]}),
        ("l[9]", {"a": {"b": 1}, "l": [1, 2, 3], "m": [{"k": 1}, {"k": 2}]}),
        ("l.name", {"a": {"b": 1}, "l": [1, 2, 3], "m": [{"k": 1}, {"k": 2}]}),
        ("none.b", {"a": {"b": 1}, "l": [1, 2, 3], "m": [{"k": 1}, {"k": 2}]}),
    ],
)
def test_a_path_sets_its_elements(path: str, expected: object) -> None:
    document = {"a": {"b": 1}, "l": [1, 2, 3], "m": [{"k": 1}, {"k": 2}]}
    JsonPath.parse(path).set(document, 0)
    assert document == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a", {"l": [1, 2, 3]}),
        ("a.*", {"a": {}, "l": [1, 2, 3]}),
        ("l[1:]", {"a": {"b": 1}, "l": [1]}),
        ("l[*]", {"a": {"b": 1}, "l": []}),
        ("l[-2]", {"a": {"b": 1}, "l": [1, 3]}),
        ("a.none", {"a": {"b": 1}, "l": [1, 2, 3]}),
    ],
)
def test_a_path_removes_its_elements(path: str, expected: object) -> None:
    document = {"a": {"b": 1}, "l": [1, 2, 3]}
    JsonPath.parse(path).remove(document)
    assert document == expected


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("{fault: edit, value: 1}", "path: a JSON path has at least one name or index"),
        ("{fault: edit, path: 'a[x]', value: 1}", "path: 'a[x]' is not a JSON path"),
        ("{fault: edit, path: a}", "an edit has either `value` or `remove: true`"),
        ("{fault: edit, path: a, value: 1, remove: true}", "an edit has either `value` or `remove: true`"),
        ("{fault: answer, headers: none}", "headers: 'none' has the wrong type"),
        ("{fault: error, body: {a: 1}}", "is not valid. It must be one of html, json"),
    ],
)
def test_an_invalid_rule_is_rejected_with_its_line(tmp_path: Path, rule: str, message: str) -> None:
    path = tmp_path / "faults.yaml"
    path.write_text(f"rules:\n  - {rule}\n")
    with pytest.raises(FaultConfigError, match=f":2: .*{re.escape(message)}"):
        fault_config.load(path)


def test_a_file_can_hold_an_answer(tmp_path: Path) -> None:
    path = tmp_path / "faults.yaml"
    path.write_text("rules:\n  - fault: answer\n    headers: {Retry-After: 9}\n    body: {results: [1.5, null], status: COMPLETE}\n")
    fault = fault_config.load(path).next_fault("GET", "/any")
    assert fault is not None
    assert (fault.body, fault.headers) == ({"results": [1.5, None], "status": "COMPLETE"}, {"Retry-After": "9"})
