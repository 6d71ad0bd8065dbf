"""Every fault on every endpoint of `backfill --via bulk`: waited for, done the usual way, or left to the next run; nothing is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from sync_worker.errors import SyncWorkerError
from sync_worker.hubspot.rest.transport import Timeouts
from tests.reliability.fault_matrix import EXIT_CODES, FAULTS
from tests.sync.bulk_fakes import at_work, meanwhile

LOOK = "GET /crm/imports/2026-09/?"
ENDPOINTS = {
    "POST /crm/exports/*/async": "crm.export",
    "GET /crm/exports/*/status": "crm.export",
    "POST /crm/imports/2026-09": "crm.import",
    LOOK: "crm.import",
    "GET /crm/imports/*/errors": "crm.import",
}
CELLS = [(fault, endpoint) for fault in FAULTS if fault != "property deleted" for endpoint in ENDPOINTS]
SOME = CELLS[:: len(ENDPOINTS) + 2]  # each fault that it comes to meets another endpoint


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> str:
    with at_work(tmp_path_factory.mktemp("expected")) as world:
        world.backfill()
        return world.digest()


def strike(folder: Path, fault: str, endpoint: str, expected: str) -> None:
    with at_work(folder) as world:
        meanwhile(world, None, timeouts=Timeouts(connect=2.0, read=0.5, total=1.5))
        how = {**FAULTS[fault], **({"name": ENDPOINTS[endpoint]} if fault == "scope withdrawn" else {})}
        world.go_wrong(endpoint, **how)
        code, said = 0, ""
        try:
            code = int(world.backfill(bulk=True).exit_code)
        except SyncWorkerError as error:
            code, said = int(error.exit_code), str(error)
        # A scope that is missing is no reason to stop, but for who can't see any more whether HubSpot is done.
        harmless = fault == "scope withdrawn" and endpoint != LOOK
        assert code == (0 if harmless else EXIT_CODES.get(fault, 0)), said
        assert code == 0 or said.count(".") >= 2
        world.go_right()
        if fault != "token revoked":
            world.later(25 * 60 if fault == "429 daily" else 5)
            world.backfill(bulk=True)
            assert world.digest() == expected


@pytest.mark.parametrize(("fault", "endpoint"), SOME)
def test_a_fault_in_bulk_is_cured(tmp_path: Path, expected: str, fault: str, endpoint: str) -> None:
    strike(tmp_path, fault, endpoint, expected)


@pytest.mark.soak
@pytest.mark.parametrize(("fault", "endpoint"), CELLS)
def test_every_cell_in_bulk(tmp_path: Path, expected: str, fault: str, endpoint: str) -> None:
    strike(tmp_path, fault, endpoint, expected)
