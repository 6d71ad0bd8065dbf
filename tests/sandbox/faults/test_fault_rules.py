"""hubspot-api.md section 12, point 14: injected faults."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from sync_worker.sandbox.base.errors import FaultConfigError
from sync_worker.sandbox.faults import fault_config
from sync_worker.sandbox.faults.fault_rules import Fault, FaultPlan, FaultRule
from sync_worker.sandbox.server import server
from sync_worker.sandbox.server.server import SandboxConfig
from tests.sandbox.portal_factories import CONTACTS, PortalClient, make_contacts, make_portal, start_portal


def start_faulty_portal(*rules: dict[str, object], seed: int = 0) -> PortalClient:
    served = start_portal(make_portal(make_contacts(2)))
    assert served.post("/sandbox/faults", {"seed": seed, "rules": list(rules)}).json() == {"rules": len(rules)}
    return served


def statuses(served: PortalClient, calls: int) -> list[int]:
    return [served.get(CONTACTS).status_code for _ in range(calls)]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({}, [502] * 6),
        ({"nth": [2, 5]}, [200, 502, 200, 200, 502, 200]),
        ({"nth": 1}, [502, 200, 200, 200, 200, 200]),
        ({"every": 3}, [200, 200, 502, 200, 200, 502]),
        ({"times": 2}, [502, 502, 200, 200, 200, 200]),
        ({"endpoint": "POST *"}, [200] * 6),
        ({"endpoint": "GET /crm/v3/objects/*", "every": 2, "times": 1}, [200, 502, 200, 200, 200, 200]),
    ],
)
def test_a_rule_selects_the_calls_that_fail(rule: dict[str, object], expected: list[int]) -> None:
    assert statuses(start_faulty_portal({"fault": "error", **rule}), 6) == expected


def test_random_faults_are_the_same_for_the_same_seed() -> None:
    def fault_pattern(seed: int) -> list[bool]:
        plan = FaultPlan([FaultRule(fault=Fault(kind="error"), share=0.3)], seed=seed)
        return [plan.next_fault("GET", "/x") is not None for _ in range(200)]

    assert fault_pattern(1) == fault_pattern(1)
    assert fault_pattern(1) != fault_pattern(2)
    assert 30 < sum(fault_pattern(1)) < 90


@pytest.mark.parametrize(
    ("rule", "status", "part"),
    [
        ({"fault": "rate_limit", "policy": "DAILY"}, 429, "You have reached your daily limit."),
        ({"fault": "rate_limit"}, 429, "TEN_SECONDLY_ROLLING"),
        ({"fault": "locked"}, 423, "LOCKED"),
        ({"fault": "error", "status": 504}, 504, "<html>"),
        ({"fault": "error", "status": 500, "body": "json"}, 500, "internal error"),
    ],
)
def test_a_fault_returns_hubspots_message(rule: dict[str, object], status: int, part: str) -> None:
    reply = start_faulty_portal(rule).get(CONTACTS)
    assert (reply.status_code, part in reply.text) == (status, True)


def test_a_migration_sends_retry_after() -> None:
    reply = start_faulty_portal({"fault": "migrating", "retry_after": 5}).get(CONTACTS)
    assert (reply.status_code, reply.headers["Retry-After"]) == (477, "5")


@pytest.mark.parametrize(("when", "city"), [("before", None), ("after", "Bonn")])
def test_a_failed_write_may_have_been_executed(when: str, city: str | None) -> None:
    served = start_faulty_portal({"fault": "error", "when": when, "endpoint": "PATCH *"})
    assert served.patch(f"{CONTACTS}/1", {"properties": {"city": "Bonn"}}).status_code == 502
    assert served.value(1, "city") == city


def test_a_response_can_be_cut() -> None:
    reply = start_faulty_portal({"fault": "cut"}).get(CONTACTS)
    assert reply.status_code == 200
    with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
        reply.json()


def test_a_token_is_revoked_and_a_scope_removed_from_a_call_on() -> None:
    assert statuses(start_faulty_portal({"fault": "revoke_token", "nth": 2}), 3) == [200, 401, 401]
    withdrawn = start_faulty_portal({"fault": "withdraw_scope", "name": "crm.objects.contacts.read", "nth": 2})
    assert statuses(withdrawn, 3) == [200, 403, 403]
    assert withdrawn.get("/crm/v3/owners").status_code == 200


def test_a_property_disappears_just_before_the_write() -> None:
    served = start_portal(make_portal(make_contacts(1)))
    body = {"name": "lead_score", "label": "Score", "type": "number", "fieldType": "number", "groupName": "contactinformation"}
    served.post("/crm/v3/properties/contacts", body)
    served.post("/sandbox/faults", {"rules": [{"fault": "delete_property", "name": "lead_score", "endpoint": "PATCH *"}]})
    reply = served.patch(f"{CONTACTS}/1", {"properties": {"lead_score": "7"}})
    assert reply.json()["errors"][0]["code"] == "PROPERTY_DOESNT_EXIST"


def test_a_slow_response_arrives_in_pieces_and_complete() -> None:
    served = start_faulty_portal({"fault": "slow", "seconds": 20})
    assert len(served.get(CONTACTS).json()["results"]) == 2
    assert sum(served.sleeps) == pytest.approx(20, rel=0.15)


def test_faults_can_be_read_and_removed() -> None:
    served = start_faulty_portal({"fault": "error", "times": 1})
    statuses(served, 2)
    assert [rule["struck"] for rule in served.get("/sandbox/faults").json()["rules"]] == [1]
    served.delete("/sandbox/faults")
    assert statuses(served, 1) == [200]
    assert served.post("/sandbox/faults", {"rules": [{"fault": "quake"}]}).status_code == 400


@pytest.fixture
def client_with_reset(tmp_path: Path) -> Iterator[httpx.Client]:
    rules = tmp_path / "faults.yaml"
    rules.write_text(
        """
        rules:
          - {fault: reset, nth: 1}
          - {fault: hang, seconds: 0.01, nth: 2}
          - {fault: reset, when: after, endpoint: "PATCH *"}
        """
    )
    with (
        server.run_in_thread(make_portal(make_contacts(1)), SandboxConfig(faults=rules)) as portal,
        httpx.Client(base_url=portal.base_url) as http,
    ):
        http.headers["Authorization"] = f"Bearer {portal.token}"
        yield http


def test_a_connection_is_reset_over_real_http_and_the_next_call_succeeds(client_with_reset: httpx.Client) -> None:
    for _ in range(2):
        with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
            client_with_reset.get(CONTACTS)
    assert client_with_reset.get(CONTACTS).status_code == 200
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        client_with_reset.patch(f"{CONTACTS}/1", json={"properties": {"city": "Bonn"}})
    assert client_with_reset.get(f"{CONTACTS}/1?properties=city").json()["properties"]["city"] == "Bonn"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rules:\n  - fault: error\n    ntth: 1\n", r":3: unknown key 'ntth'\. Did you mean 'nth'\?"),
        ("rules:\n  - fault: quake\n", r":2: fault: 'quake' is not valid\. It must be one of rate_limit"),
        ("rules:\n  - endpoint: '*'\n", r":2: `fault` is missing\. It must be one of rate_limit"),
        ("rules:\n  - fault: error\n    status: many\n", r":3: status: 'many' has the wrong type\. docs/sandbox\.md"),
        ("seed: 1\n", r":1: `rules` must be a list of rules\. docs/sandbox\.md"),
        ("rules: [\n", r":\d: "),
        ("rules: " + "[" * 1_000, "nested too deeply"),
    ],
)
def test_an_invalid_file_is_rejected_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "faults.yaml"
    path.write_text(text)
    with pytest.raises(FaultConfigError, match=message):
        fault_config.load(path)


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FaultConfigError, match="No such file"):
        fault_config.load(tmp_path / "none.yaml")
