"""A web page of another site reaches no route of the sandbox."""

from __future__ import annotations

import pytest

from sync_worker.sandbox.base.config import SandboxConfig
from tests.sandbox.portal_factories import CONTACTS, make_contacts, make_portal, start_portal

PATHS = (CONTACTS, "/sandbox/requests", "/", "/oauth/v1/access-tokens/x", "/no-such-path")


@pytest.mark.parametrize("host", ["hubspot.example.com", "127.0.0.1.example.com", "", "[x", "sandbox:80"])
def test_a_foreign_host_is_misdirected_on_every_route(host: str) -> None:
    served = start_portal(make_portal(make_contacts(1)))
    assert [served.http.get(path, headers={"Host": host}).status_code for path in PATHS] == [421] * len(PATHS)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8080", "localhost:1", "[::1]:8080", "LOCALHOST"])
def test_the_names_of_loopback_are_served(host: str) -> None:
    served = start_portal(make_portal(make_contacts(1)))
    assert served.http.get(CONTACTS, headers={"Host": host}).status_code == 200


def test_other_names_can_be_allowed() -> None:
    served = start_portal(make_portal(make_contacts(1)), hosts=frozenset({"api.hubapi.com"}))
    assert served.http.get(CONTACTS, headers={"Host": "api.hubapi.com"}).status_code == 200


@pytest.mark.parametrize("origin", ["https://example.com", "null", "http://127.0.0.1:9", "127.0.0.1"])
def test_a_write_from_a_foreign_origin_is_forbidden_on_every_route(origin: str) -> None:
    served = start_portal(make_portal(make_contacts(1)))
    for path in (*PATHS, "/sandbox/contacts/1"):
        assert served.http.post(path, json={"city": "Bonn"}, headers={"Origin": origin}).status_code == 403
    assert served.value(1, "city") is None


def test_a_write_from_the_page_itself_is_served() -> None:
    served = start_portal(make_portal(make_contacts(1)))
    same = {"Host": "127.0.0.1:8080", "Origin": "http://127.0.0.1:8080"}
    assert served.http.post("/sandbox/contacts/1", json={"city": "Bonn"}, headers=same).status_code == 200
    assert served.http.get(CONTACTS, headers={"Origin": "https://example.com"}).status_code == 200


def test_every_start_draws_another_token() -> None:
    tokens = {SandboxConfig().token for _ in range(3)}
    assert len(tokens) == 3
    assert all(token.startswith("pat-na1-") and len(token) > 40 for token in tokens)
    served = start_portal(make_portal())
    assert served.http.get(CONTACTS, headers={"Authorization": f"Bearer {tokens.pop()}"}).status_code == 401


def test_a_response_has_one_date() -> None:
    served = start_portal(make_portal())
    assert served.get(CONTACTS).headers["Date"].endswith("GMT")
    served.post("/sandbox/faults", {"rules": [{"fault": "answer", "headers": {"Date": "Fri, 31 Dec 9999 23:59:59 GMT"}}]})
    assert served.get(CONTACTS).headers.get_list("Date") == ["Fri, 31 Dec 9999 23:59:59 GMT"]
