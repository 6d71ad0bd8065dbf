"""The service continues after PostgreSQL has ended its connections at any moment of a cycle, as a restart does."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import text

from sync_worker.errors import StateBusy
from sync_worker.progress import Progress
from sync_worker.service.cycle_runner import CycleRunner
from sync_worker.service.cycle_schedule import CycleSchedule
from sync_worker.service.dead_man import DeadManSwitch
from sync_worker.service.degraded_state import DegradedState
from sync_worker.service.health import Health
from sync_worker.service.metrics import ServiceMetrics
from sync_worker.store.database import open_store
from sync_worker.worker import Worker
from tests.harness import Harness
from tests.store.database_factories import POSTGRES_URL

pytestmark = pytest.mark.skipif(POSTGRES_URL is None, reason="SQLite has no connections that can be ended")

CYCLE = timedelta(minutes=5)


def end_connections(state_url: str) -> None:
    """End all connections to the database of a state but the one that does it."""
    store = open_store(state_url)
    with store.transaction() as tx:
        query = (
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        tx.execute(text(query))
    store.close()


class Restart(Progress):
    """Ends all connections at a chosen call of `advance`."""

    def __init__(self, state_url: str) -> None:
        self.state_url = state_url
        self.calls_left = 0

    def advance(self, what: str, number: int) -> None:
        del what, number
        self.calls_left -= 1
        if self.calls_left == 0:
            end_connections(self.state_url)


def make_runner(worker: Worker) -> CycleRunner:
    return CycleRunner(
        worker=worker,
        degradation=DegradedState(patience=timedelta(minutes=15), uptime=worker.uptime),
        health=Health(clock=worker.clock, uptime=worker.uptime, cycle=CYCLE),
        metrics=ServiceMetrics(worker.clock),
        dead_man=DeadManSwitch(None),
        schedule=CycleSchedule(clock=worker.clock, fixed=CYCLE, max_daily_share=0.1),
    )


def test_a_restart_at_each_step_of_a_cycle_ends_only_that_cycle(harness: Harness) -> None:
    harness.backfill()
    restart = Restart(harness.state_url)
    with harness.worker(restart) as worker, worker.hold_service() as lease:
        runner = make_runner(worker)
        for step in range(1, 100):
            title = f"CTO {step}"
            harness.edit_contact(3, jobtitle=title)
            harness.add_click(f"restart-{step}", "p2@example.com")
            harness.advance()
            restart.calls_left = step
            first = runner.run("sync", Worker.sync)
            if restart.calls_left > 0:  # the cycle has fewer steps
                break
            assert isinstance(first.error, StateBusy), step
            assert first.final is None, step
            harness.advance()
            assert runner.run("sync", Worker.sync).done, step
            renew_twice(lease.renew)
    assert step > 3
    assert harness.sync().written == 0


def test_a_restart_between_two_cycles_is_survived(harness: Harness) -> None:
    harness.backfill()
    with harness.worker() as worker:
        runner = make_runner(worker)
        assert runner.run("sync", Worker.sync).done
        end_connections(harness.state_url)
        harness.edit_contact(6, jobtitle="CTO")
        harness.advance()
        results = [runner.run("sync", Worker.sync) for _ in range(2)]
    assert results[0].final is None
    assert results[1].done


def renew_twice(renew: Callable[[], None]) -> None:
    """Renew the lease of the service; its connection may be one of those that ended."""
    try:
        renew()
    except StateBusy:
        renew()
