"""Who may open the console, and which forms it accepts."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_worker.console.access import SECURITY_HEADERS, FormTokens
from sync_worker.console.app import build_console
from tests.console.conftest import FACTS, Browser, Desk


@pytest.mark.parametrize("host", ["127.0.0.1:9736", "localhost", "LOCALHOST:1", "[::1]:9736"])
def test_requests_of_this_machine_are_answered(desk: Desk, host: str) -> None:
    reply = replace(desk.browser, host=host).get("/runs")
    assert reply.status_code == 200
    assert reply.headers.items() >= {name.lower(): value for name, value in SECURITY_HEADERS.items()}.items()


@pytest.mark.parametrize(
    ("address", "host", "headers"),
    [
        ("127.0.0.1", "attacker.example", {}),  # a name that resolves to this machine: DNS rebinding
        ("127.0.0.1", "localhost.attacker.example", {}),
        ("127.0.0.1", "", {}),
        ("127.0.0.1", "[::1", {}),
        ("192.0.2.7", "127.0.0.1:9736", {}),  # another machine that sends this name
        ("127.0.0.1", "127.0.0.1", {"x-forwarded-for": "192.0.2.7"}),  # a proxy on this machine
        ("127.0.0.1", "127.0.0.1", {"forwarded": "for=192.0.2.7"}),
        ("127.0.0.1", "127.0.0.1", {"via": "1.1 proxy"}),
        ("127.0.0.1", "127.0.0.1", {"x-real-ip": "192.0.2.7"}),
    ],
)
def test_other_requests_are_refused_with_a_sentence(desk: Desk, address: str, host: str, headers: dict[str, str]) -> None:
    reply = replace(desk.browser, address=address, host=host).get("/", **headers)
    assert reply.status_code == 403
    assert "SYNC_WORKER_UI_HOSTS" in reply.text
    assert "Overview" not in reply.text
    assert reply.headers["x-frame-options"] == "DENY"


def test_a_client_with_ipv4_on_a_socket_for_ipv6_is_of_this_machine(desk: Desk) -> None:
    assert replace(desk.browser, address="::ffff:127.0.0.1").get("/runs").status_code == 200
    assert replace(desk.browser, address="::ffff:192.0.2.7").get("/runs").status_code == 403


def test_a_name_of_the_settings_opens_the_console_for_other_machines(desk: Desk) -> None:
    console = build_console(desk.worker.copy, lambda: FACTS, ["Console.example.com"])
    there = Browser(console, address="192.0.2.7", host="console.example.com")
    assert there.get("/runs", **{"x-forwarded-for": "198.51.100.1"}).status_code == 200
    assert replace(there, host="console.example.com.attacker.example").get("/runs").status_code == 403
    assert replace(there, host="127.0.0.1").get("/runs").status_code == 403


@given(session=st.text(max_size=20), other=st.text(max_size=20))
def test_a_token_belongs_to_one_session_and_one_process(session: str, other: str) -> None:
    tokens = FormTokens()
    token = tokens.issue(session)
    assert tokens.verify(session, token) == bool(session)
    assert tokens.verify(other, token) == (bool(other) and other == session)
    assert not FormTokens().verify(session, token)
    assert not tokens.verify(session, other)
