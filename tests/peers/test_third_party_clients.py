"""Unmodified third-party clients read a sandbox; `make peers` installs them."""

from __future__ import annotations

import json
import os
import subprocess
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from sync_worker.sandbox.base.config import SandboxConfig, Switches
from sync_worker.sandbox.generator import generate
from sync_worker.sandbox.server import server, user_actions

ROOT, HERE = Path(__file__).parents[2], Path(__file__).parent
BIN = ROOT / ".venv-peers" / "bin"
CONTACTS = 1_500
FAST_OPTIONS = SandboxConfig(
    index_lag_s=0, rate=10**6, search_rate=10**6, switches=Switches(search_body="conditions"), hosts=frozenset({"api.hubapi.com"})
)
STREAMS = ("contacts", "companies", "deals")
OFFICIAL_TAP = BIN.parent / "tap_hubspot" / "bin" / "tap-hubspot"
WHOLE_PERIOD_MS = "1000000000000"
OAUTH_CONFIG = {
    "client_id": "sandbox-client",
    "client_secret": "sandbox-secret",
    "refresh_token": "sandbox-refresh",
    "redirect_uri": "https://example.com",
    "email_chunk_size": WHOLE_PERIOD_MS,
    "subscription_chunk_size": WHOLE_PERIOD_MS,
}

pytestmark = pytest.mark.skipif(not (BIN.parent / ".ready").exists(), reason="run `make peers` to install the clients")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[server.RunningServer]:
    with server.run_in_thread(generate(contacts=CONTACTS, seed=3, now=datetime.now(UTC)), FAST_OPTIONS) as running:
        yield running


@pytest.fixture(scope="module")
def proxy(sandbox: server.RunningServer) -> Iterator[str]:
    with start_proxy(sandbox) as address:
        yield address


@contextmanager
def start_proxy(sandbox: server.RunningServer) -> Iterator[str]:
    """Yield the URL of a proxy to the sandbox, for clients without a setting for the host."""
    command = [BIN / "python", HERE / "https_proxy.py", sandbox.base_url.rpartition(":")[2]]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.terminate()


@dataclass(frozen=True, kw_only=True)
class Tap:
    """A Singer extractor with its own folder."""

    folder: Path
    proxy: str
    program: Path = BIN / "tap-hubspot"

    def run(self, *arguments: str) -> list[Any]:
        """Run the extractor; return the messages that it wrote."""
        environment_without_proxy = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
        command = [self.program, "--config", "config.json", *arguments]
        environment = {**environment_without_proxy, "HTTPS_PROXY": self.proxy, "REQUESTS_CA_BUNDLE": str(BIN.parent / "authority.crt")}
        result = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=120, check=False)
        assert result.returncode == 0, result.stderr[-2_000:]
        return [json.loads(result.stdout)] if "--discover" in arguments else [json.loads(line) for line in result.stdout.splitlines()]

    def discover(self, streams: Collection[str] = ()) -> list[str]:
        """Write a catalog that selects some streams, or all; return the streams that the extractor found."""
        [catalog] = self.run("--discover")
        for stream in catalog["streams"]:
            for entry in stream["metadata"]:
                if not entry["breadcrumb"]:
                    entry["metadata"]["selected"] = not streams or stream["tap_stream_id"] in streams
        self.write("catalog.json", catalog)
        return [stream["tap_stream_id"] for stream in catalog["streams"]]

    def write(self, name: str, content: object) -> None:
        (self.folder / name).write_text(json.dumps(content), encoding="utf-8")


@pytest.fixture
def tap(tmp_path: Path, proxy: str, sandbox: server.RunningServer) -> Tap:
    tap = Tap(folder=tmp_path, proxy=proxy)
    tap.write("config.json", {"access_token": sandbox.token})
    tap.discover(STREAMS)
    return tap


def records_by_id(messages: list[Any], stream: str, key: str = "id") -> dict[str, Any]:
    """Return the records of a stream by id; assert that no record occurs twice."""
    records = [message["record"] for message in messages if message["type"] == "RECORD" and message["stream"] == stream]
    assert set(Counter(record[key] for record in records).values()) <= {1}
    return {str(record[key]): record for record in records}


def test_an_extractor_reads_every_record_once_and_then_only_changes(tap: Tap, sandbox: server.RunningServer) -> None:
    first = tap.run("--catalog", "catalog.json")
    for stream in STREAMS:
        table = sandbox.portal.tables[stream].records
        extracted = records_by_id(first, stream)
        assert set(extracted) == {str(table.ids[row]) for row in table.iter_live_rows()}
        assert all(
            extracted[str(table.ids[row])]["properties"]["createdate"] == table.value(row, "createdate") for row in table.iter_live_rows()
        )
    assert len(records_by_id(first, "contacts")) == CONTACTS
    tap.write("state.json", next(message["value"] for message in reversed(first) if message["type"] == "STATE"))
    edited = sorted(records_by_id(first, "contacts"))[:120]
    for id_ in edited:
        user_actions.edit_contact(sandbox.portal, {"id": id_, "properties": {"jobtitle": "Head of Docks"}})
    second = records_by_id(tap.run("--catalog", "catalog.json", "--state", "state.json"), "contacts")
    assert {id_ for id_, record in second.items() if record["properties"]["jobtitle"] == "Head of Docks"} == set(edited)


@pytest.mark.skipif(not OFFICIAL_TAP.exists(), reason="run `make peers` to install the client")
def test_the_official_extractor_reads_every_stream(tmp_path: Path) -> None:
    data = generate(contacts=120, seed=3, now=datetime.now(UTC))
    members = {"listId": "7", "name": "Customers", "contactIds": [row["id"] for row in islice(data.contacts, 5)]}
    with server.run_in_thread(replace(data, lists=[members]), FAST_OPTIONS) as sandbox, start_proxy(sandbox) as proxy:
        tap = Tap(folder=tmp_path, proxy=proxy, program=OFFICIAL_TAP)
        tap.write("config.json", {**OAUTH_CONFIG, "start_date": "2015-01-01T00:00:00Z"})
        assert "contacts" in tap.discover()  # asks for the schemas of custom objects last
        messages = tap.run("--properties", "catalog.json")
        portal, engagement = sandbox.portal, sandbox.portal.engagement
        for stream, key in (("contacts", "id"), ("companies", "companyId"), ("deals", "dealId")):
            records = portal.tables[stream].records
            assert set(records_by_id(messages, stream, key)) == {str(records.ids[row]) for row in records.iter_live_rows()}
        assert set(records_by_id(messages, "email_events")) == {row["id"] for row in engagement.email_events}
        assert set(records_by_id(messages, "form_submissions", "conversionId")) == {row["conversionId"] for row in engagement.submissions}
        assert set(records_by_id(messages, "forms", "guid")) == set(engagement.forms.by_id)
        # The extractor reads the lists in both orders, so it writes a membership twice.
        memberships = {
            message["record"]["recordId"] for message in messages if message["type"] == "RECORD" and message["stream"] == "list_memberships"
        }
        assert memberships == set(members["contactIds"])
        assert set(records_by_id(messages, "owners")) == {str(owner.id) for owner in portal.owners}


def test_hubspots_next_sdk_reads_updates_and_searches_dated_paths(sandbox: server.RunningServer) -> None:
    environment = {**os.environ, "HUBSPOT_BASE_URL": sandbox.base_url, "HUBSPOT_ACCESS_TOKEN": sandbox.token}
    result = subprocess.run(
        [BIN / "python", HERE / "dated_sdk.py"], env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert result.returncode == 0, result.stderr[-2_000:]
    answer, table = json.loads(result.stdout), sandbox.portal.contacts.records
    assert answer["listed"] == [str(table.ids[row]) for row in table.iter_live_rows()]
    assert answer["written"] == answer["found"] == sorted(answer["listed"][:3])
