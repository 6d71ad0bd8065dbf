"""A worker process of the fleet while PostgreSQL is away in the middle of runs: it survives, reports it, and continues."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import pairwise
from operator import itemgetter
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlalchemy import Connection, create_engine, make_url, text

from tests.fleet.fleet_factories import FleetDesk, find_free_port, make_portals, start_fleet
from tests.harness import UNLIMITED
from tests.store.database_factories import POSTGRES_URL

pytestmark = pytest.mark.skipif(POSTGRES_URL is None, reason="a fleet needs PostgreSQL: python -m tests.postgres tests/fleet")
NAMES = ("acme", "bolt")
LATENCY_MS = 50  # so that the cut hits runs


@contextmanager
def cut_database(desk: FleetDesk) -> Iterator[None]:
    """End all connections to the database of the fleet, and accept none during the block."""
    name = make_url(str(desk.fleet.settings.fleet_url)).database
    engine = create_engine(str(POSTGRES_URL), isolation_level="AUTOCOMMIT")
    with engine.connect() as admin:
        _allow_connections(admin, name, allowed=False)
        admin.execute(text("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = :name"), {"name": name})
        desk.fleet.database.close()
        try:
            yield
        finally:
            _allow_connections(admin, name, allowed=True)
    engine.dispose()


def _allow_connections(admin: Connection, name: str | None, *, allowed: bool) -> None:
    admin.execute(text(f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS {str(allowed).lower()}"))


def read_runs(desk: FleetDesk) -> dict[str, list[tuple[datetime, datetime]]]:
    """Return start and end of the runs by portal, as the log has them."""
    found: dict[str, list[tuple[datetime, datetime]]] = {name: [] for name in NAMES}
    events = [json.loads(line) for line in desk.read_logs().splitlines()]
    for event in sorted(events, key=itemgetter("timestamp")):
        if event["event"] == "fleet.run_ended":
            end = datetime.fromisoformat(event["timestamp"])
            found[event["portal"]].append((end - timedelta(seconds=event["seconds"]), end))
    return found


def test_an_outage_in_the_middle_of_runs_is_reported_and_survived(tmp_path: Path, digest_of_a_single_run: str) -> None:
    with start_fleet(tmp_path, make_portals(*NAMES), config={**UNLIMITED, "latency_ms": LATENCY_MS}) as desk:
        port = find_free_port()
        process = desk.start([sys.executable, "-m", "tests.fleet.quick_process"], SYNC_WORKER_HTTP_PORT=str(port))

        def ask(page: str) -> requests.Response:
            return requests.get(f"http://127.0.0.1:{port}/{page}", timeout=5)

        def readiness() -> Any:
            return ask("readyz").json()

        desk.wait_until(lambda: "fleet.started" in desk.read_logs())
        desk.wait_until(lambda: readiness()["ready"])
        for name in NAMES:
            desk.add(name)
        desk.wait_until(lambda: all(portal.is_running for portal in desk.load().values()))
        assert ask("readyz").status_code == 200
        with cut_database(desk):
            desk.wait_until(lambda: "fleet.database_lost" in desk.read_logs())
            assert (process.poll(), ask("healthz").status_code, ask("readyz").status_code) == (None, 200, 503)
            assert "is not currently accepting connections" in str(readiness()["problems"])
            assert "sync_worker_fleet_database_up 0.0" in ask("metrics").text
        desk.wait_until(lambda: all(portal.last.exit_code in (0, 4) and not portal.is_running for portal in desk.load().values()))
        # A run that needed the database only before and after the outage has not noticed it.
        assert {portal.last.cause for portal in desk.load().values() if portal.last.exit_code} <= {"database"}
        desk.fleet.resume(NAMES)
        desk.wait_until(lambda: all(portal.last.done_at for portal in desk.load().values()))
        assert {desk.digest(name) for name in NAMES} == {digest_of_a_single_run}
        desk.wait_until(
            lambda: readiness() == {"ready": True, "portals": {"ok": 2}, "queued": {"short": 0, "long": 0}, "workers": 1, "problems": []}
        )
        logs = desk.read_logs()
        assert "fleet.database_back" in logs
        assert "Another worker is running" not in logs
        assert "Traceback" not in logs
        assert all(end <= start for runs in read_runs(desk).values() for (_, end), (start, _) in pairwise(runs))
        with cut_database(desk):
            process.terminate()
            assert process.wait(10) == 0
