"""Every fault on every endpoint of `backfill --via bulk`: the run retries, falls back or leaves the rest to the next run."""

from __future__ import annotations

from pathlib import Path

import pytest

from sync_worker.errors import SyncWorkerError
from sync_worker.hubspot.rest.transport import Timeouts
from tests.reliability.fault_matrix import EXIT_CODES, FAULTS
from tests.sync.bulk_fakes import bulk_harness, set_on_wait

STATUS_ENDPOINT = "GET /crm/imports/2026-09/?"
ENDPOINTS = {
    "POST /crm/exports/*/async": "crm.export",
    "GET /crm/exports/*/status": "crm.export",
    "POST /crm/imports/2026-09": "crm.import",
    STATUS_ENDPOINT: "crm.import",
    "GET /crm/imports/*/errors": "crm.import",
}
CELLS = [(fault, endpoint) for fault in FAULTS if fault != "property deleted" for endpoint in ENDPOINTS]
SAMPLE = CELLS[:: len(ENDPOINTS) + 2]  # each fault with another endpoint


@pytest.fixture(scope="module")
def api_digest(tmp_path_factory: pytest.TempPathFactory) -> str:
    with bulk_harness(tmp_path_factory.mktemp("expected")) as harness:
        harness.backfill()
        return harness.digest()


def run_with_fault(folder: Path, fault: str, endpoint: str, api_digest: str) -> None:
    with bulk_harness(folder) as harness:
        set_on_wait(harness, None, timeouts=Timeouts(connect=2.0, read=1.0, total=3.0))
        how = {**FAULTS[fault], **({"name": ENDPOINTS[endpoint]} if fault == "scope withdrawn" else {})}
        harness.inject_fault(endpoint, **how)
        code, message = 0, ""
        try:
            code = int(harness.backfill(bulk=True).exit_code)
        except SyncWorkerError as error:
            code, message = int(error.exit_code), str(error)
        # A missing scope stops the run only if it can no longer see whether HubSpot has finished.
        harmless = fault == "scope withdrawn" and endpoint != STATUS_ENDPOINT
        assert code == (0 if harmless else EXIT_CODES.get(fault, 0)), message
        assert code == 0 or message.count(".") >= 2
        harness.clear_faults()
        if fault != "token revoked":
            harness.advance(25 * 60 if fault == "429 daily" else 5)
            harness.backfill(bulk=True)
            assert harness.digest() == api_digest


@pytest.mark.parametrize(("fault", "endpoint"), SAMPLE)
def test_a_fault_in_a_bulk_run_is_recovered(tmp_path: Path, api_digest: str, fault: str, endpoint: str) -> None:
    run_with_fault(tmp_path, fault, endpoint, api_digest)


@pytest.mark.soak
@pytest.mark.parametrize(("fault", "endpoint"), CELLS)
def test_every_fault_on_every_bulk_endpoint(tmp_path: Path, api_digest: str, fault: str, endpoint: str) -> None:
    run_with_fault(tmp_path, fault, endpoint, api_digest)
