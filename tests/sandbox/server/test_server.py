"""The sandbox over real HTTP."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys

import httpx
import pytest

from sync_worker.sandbox.base.errors import PortUnavailableError
from sync_worker.sandbox.server import server
from sync_worker.sandbox.server.server import SandboxConfig
from tests.sandbox.portal_factories import CONTACTS, make_contacts, make_portal, result_ids

SCRIPT = """
from tests.sandbox.portal_factories import make_contacts, make_portal
from sync_worker.sandbox.server.server import SandboxConfig, serve
serve(make_portal(make_contacts(2)), SandboxConfig())
"""


def test_a_running_portal_serves_several_requests() -> None:
    with (
        server.run_in_thread(make_portal(make_contacts(3)), SandboxConfig(latency_ms=1)) as portal,
        httpx.Client(base_url=portal.base_url) as http,
    ):
        http.headers["Authorization"] = f"Bearer {portal.token}"
        assert result_ids(http.get(CONTACTS).json()) == ["1", "2", "3"]
        assert http.patch(f"{CONTACTS}/1", json={"properties": {"city": "Bonn"}}).status_code == 200
        assert portal.portal.contacts.records.value(0, "city") == "Bonn"
        assert http.get(CONTACTS, params={"properties": "x" * 17_000}).status_code == 414


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_the_server_prints_its_address_in_one_line_and_stops_without_an_error(stop: signal.Signals) -> None:
    command = [sys.executable, "-c", SCRIPT]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = json.loads(process.stdout.readline())
        assert set(address) == {"base_url", "token"}
        reply = httpx.get(address["base_url"] + CONTACTS, headers={"Authorization": f"Bearer {address['token']}"})
        assert result_ids(reply.json()) == ["1", "2"]
        process.send_signal(stop)
        rest, errors = process.communicate(timeout=30)
    assert (process.returncode, rest, errors) == (0, "", "")


def test_a_used_port_is_an_error() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(PortUnavailableError, match="cannot be used"):
            server.serve(make_portal(), SandboxConfig(), port=other.getsockname()[1])
