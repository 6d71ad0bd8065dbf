"""`sync-worker backfill --via bulk`: the result equals that of the regular API with few calls, also after a fallback or a kill."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from sync_worker.sandbox.base.config import SandboxConfig
from sync_worker.sandbox.base.portal_data import PortalData
from sync_worker.sandbox.generator import generate
from sync_worker.sandbox.server.portal_fingerprint import compute_fingerprint
from sync_worker.sandbox.server.server import RunningServer, run_in_thread
from tests.system.subprocesses import Workspace

CONTACTS = 520
PORTAL_SPEED = 6  # an export and an import take the portal 2 s, and the worker asks after 2 s, then after 6 s


@pytest.fixture(scope="module")
def data() -> PortalData:
    """The same contacts for every portal, with the same timestamps."""
    generated = generate(contacts=CONTACTS, seed=5, now=datetime.now(UTC))
    return replace(generated, events=(), deals=(), forms=(), submissions=(), companies=())


class FastClock:
    """A clock that runs faster than that of the machine."""

    def __init__(self) -> None:
        self.start = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.start + PORTAL_SPEED * (datetime.now(UTC) - self.start)


@contextmanager
def start_workspace(folder: Path, data: PortalData) -> Iterator[tuple[Workspace, RunningServer]]:
    with run_in_thread(data, SandboxConfig(tier="starter", rate=10**6, search_rate=10**6, index_lag_s=0), clock=FastClock()) as portal:
        desk = Workspace(folder=folder, environment={"HUBSPOT_BASE_URL": portal.base_url, "HUBSPOT_ACCESS_TOKEN": portal.token})
        assert desk.run("setup", "--json").code == 0
        yield desk, portal


@pytest.fixture(scope="module")
def api_digest(tmp_path_factory: pytest.TempPathFactory, data: PortalData) -> str:
    with start_workspace(tmp_path_factory.mktemp("api"), data) as (desk, portal):
        assert desk.run("backfill", "--json").code == 0
        return compute_fingerprint(portal.portal)


def read_request_counts(portal: RunningServer) -> Any:
    return httpx.get(f"{portal.base_url}/sandbox/requests").json()


def test_the_result_is_identical_to_that_of_the_regular_api(tmp_path: Path, data: PortalData, api_digest: str) -> None:
    with start_workspace(tmp_path, data) as (desk, portal):
        httpx.delete(f"{portal.base_url}/sandbox/requests")
        report = desk.run("backfill", "--via", "bulk", "--no-names", "--json").json
        assert compute_fingerprint(portal.portal) == api_digest
        assert (report["written"], report["notes"], report["exit_code"]) == (CONTACTS, [], 0)
        # The portal counts the same requests as the worker, except for the file, which has another address.
        assert read_request_counts(portal)["total"] == report["requests_in_all"] - report["requests"]["GET (file of an export)"]
        events = report["requests"]["GET /email/public/v1/events"]  # events cannot be exported
        assert report["requests_in_all"] - events <= 26


def test_without_the_scopes_the_run_falls_back_with_a_message(tmp_path: Path, data: PortalData, api_digest: str) -> None:
    with start_workspace(tmp_path, data) as (desk, portal):
        rules = [
            {"endpoint": endpoint, "fault": "withdraw_scope", "name": scope, "times": 1}
            for endpoint, scope in (("GET /account-info/*", "crm.export"), ("GET /crm/properties/*", "crm.import"))
        ]
        httpx.post(f"{portal.base_url}/sandbox/faults", json={"rules": rules}).raise_for_status()
        result = desk.run("backfill", "--via", "bulk")
        assert (result.code, compute_fingerprint(portal.portal)) == (0, api_digest)
        for what, scope in (("read", "crm.export"), ("written", "crm.import")):
            assert f"Contacts are {what} in the usual way, not in bulk: The token lacks the scope {scope}." in result.out
        assert result.err.count("bulk.fell_back") == 2
        checked = desk.run("check")
        assert (checked.code, checked.out.count("not bulk")) == (0, 2)


def test_after_a_kill_during_the_import_the_next_run_reaches_the_same_state(tmp_path: Path, data: PortalData, api_digest: str) -> None:
    with start_workspace(tmp_path, data) as (desk, portal):
        process = desk.start("backfill", "--via", "bulk", "--json")
        while not has_import_started(portal):
            assert process.poll() is None
            time.sleep(0.02)
        process.kill()
        process.communicate()
        result = desk.run("sync", "--json")
        assert (result.code, "import.awaited" in result.err) == (0, True)
        assert compute_fingerprint(portal.portal) == api_digest
        assert desk.run("sync", "--json").json["written"] == 0


def has_import_started(portal: RunningServer) -> bool:
    return any(endpoint.startswith("POST /crm/imports") for endpoint in read_request_counts(portal)["byEndpoint"])
