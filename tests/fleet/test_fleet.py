"""Four portals on PostgreSQL, run by two worker processes."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from tests.fleet.fleet_factories import FleetDesk, make_portals, start_fleet
from tests.harness import small_portal, start_harness
from tests.store.database_factories import POSTGRES_URL

pytestmark = pytest.mark.skipif(POSTGRES_URL is None, reason="a fleet needs PostgreSQL: python -m tests.postgres tests/fleet")
NAMES = ("acme", "bolt", "cargo", "delta")


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FleetDesk]:
    with start_fleet(tmp_path_factory.mktemp("fleet"), make_portals(*NAMES)) as desk:
        yield desk


@pytest.fixture(scope="module")
def digest_of_a_single_run(tmp_path_factory: pytest.TempPathFactory) -> str:
    with start_harness(tmp_path_factory.mktemp("single"), small_portal(portal_id=1_000)) as harness:
        harness.backfill()
        return harness.digest()


def test_two_processes_run_four_portals_to_the_same_end_as_single_runs(desk: FleetDesk, digest_of_a_single_run: str) -> None:
    for name in NAMES:
        assert desk.add(name).code == 0
    processes = [desk.start(), desk.start()]
    desk.wait_until(lambda: all(portal.last.done_at for portal in desk.load().values()))
    assert {desk.digest(name) for name in NAMES} == {digest_of_a_single_run}
    status = desk.read_status()
    assert {(each["contacts"], each["condition"], each["next_run"]["kind"]) for each in status.values()} == {(6, "ok", "sync")}
    for process in processes:
        assert process.pid is not None
        os.kill(process.pid, signal.SIGTERM)
    for process in processes:
        process.join(20)
    assert [process.exitcode for process in processes] == [0, 0], desk.read_logs()
