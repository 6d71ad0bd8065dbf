"""The lease: one worker per portal at a time."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from sync_worker.errors import ConfigurationError, ExitCode, PortalBusy, StateBusy
from sync_worker.progress import Progress
from sync_worker.sandbox.base.config import SandboxConfig
from sync_worker.sandbox.server.server import run_in_thread
from sync_worker.store import leases
from sync_worker.store.database import Store, open_store
from sync_worker.store.saved_state import last_purge
from sync_worker.sync.lease import Heartbeat, Lease, Process, acquire
from sync_worker.timestamps import to_ms
from tests.harness import MODEL, NOW, UNLIMITED, Harness, small_portal
from tests.sandbox.portal_factories import FakeClock
from tests.store.database_factories import POSTGRES_URL, temporary_state_url

LEASE_DURATION = timedelta(minutes=10)

on_postgres = pytest.mark.skipif(POSTGRES_URL is None, reason="SQLite has no connections that can be lost")


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    with temporary_state_url(tmp_path) as url:
        yield url


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    store = open_store(url)
    yield store
    store.close()


@pytest.fixture
def other_store(store: Store, url: str) -> Iterator[Store]:
    assert store
    other_store = open_store(url)
    yield other_store
    other_store.close()


def hold(store: Store, run_id: str, clock: FakeClock, *, name: str = leases.PORTAL) -> AbstractContextManager[Lease]:
    return acquire(store, run_id, clock=clock, duration=LEASE_DURATION, uptime=lambda: clock().timestamp(), name=name)


def test_a_second_worker_is_refused_with_the_holder_and_starts_when_the_lease_is_free(store: Store, other_store: Store) -> None:
    clock = FakeClock(NOW)
    with (
        hold(store, "first", clock),
        pytest.raises(PortalBusy, match=rf":{os.getpid()}, run first\. .*12:10:00 UTC") as busy,
        hold(other_store, "second", clock),
    ):
        pass
    assert busy.value.exit_code == ExitCode.TRY_AGAIN
    with hold(other_store, "second", clock):
        pass


def test_a_run_and_a_service_have_leases_of_their_own_and_a_second_service_is_refused(store: Store, other_store: Store) -> None:
    clock = FakeClock(NOW)
    with hold(store, "service", clock, name=leases.SERVICE):
        with hold(other_store, "run", clock):
            pass
        with (
            pytest.raises(PortalBusy, match=rf"Another service is running on this state: .*:{os.getpid()}\. Stop it first"),
            hold(other_store, "other", clock, name=leases.SERVICE),
        ):
            pass


def test_a_worker_with_progress_keeps_the_lease_and_one_without_loses_it(store: Store, other_store: Store) -> None:
    clock = FakeClock(NOW)
    with hold(store, "first", clock) as lease:
        progress = Heartbeat(inner=Progress(), lease=lease)
        for _ in range(5):
            clock.advance(360)
            progress.advance("contacts", 1)
        with pytest.raises(PortalBusy), hold(other_store, "second", clock):
            pass
        clock.advance(601)
        with hold(other_store, "second", clock), pytest.raises(PortalBusy, match="run second"):
            progress.advance("contacts", 1)


def test_a_lease_without_progress_is_renewed_before_a_request_and_outlives_it(store: Store, other_store: Store) -> None:
    clock = FakeClock(NOW)
    with hold(store, "first", clock) as lease:
        assert lease.ensure() == 600
        clock.advance(290)
        assert lease.ensure() == 310
        clock.advance(20)
        assert lease.ensure() == 600
        clock.advance(590)
        with pytest.raises(PortalBusy), hold(other_store, "second", clock):
            pass


@pytest.mark.parametrize("is_active", [True, False])
def test_a_run_that_was_stopped_past_its_lease_sends_nothing_and_saves_nothing(
    store: Store,
    other_store: Store,
    is_active: bool,  # noqa: FBT001 -- whether the other run is still active
) -> None:
    clock = FakeClock(NOW)
    with hold(store, "first", clock) as lease:
        clock.advance(601)
        with hold(other_store, "second", clock):
            if is_active:
                assert_fenced(store, lease)
        assert_fenced(store, lease)


def assert_fenced(store: Store, lease: Lease) -> None:
    with pytest.raises(PortalBusy):
        lease.ensure()
    with pytest.raises(PortalBusy), store.transaction() as tx:
        last_purge.save(tx, 7)
    with store.separate_transaction() as tx:
        assert last_purge.load(tx) is None


def test_progress_is_forwarded(store: Store) -> None:
    class RecordingProgress(Progress):
        calls: list[object] = []  # noqa: RUF012 -- used by one test only

        def expect(self, what: str, total: int) -> None:
            self.calls.append((what, total))

        def advance(self, what: str, number: int) -> None:
            self.calls.append((what, number))

    with hold(store, "first", FakeClock(NOW)) as lease:
        progress = Heartbeat(inner=RecordingProgress(), lease=lease)
        progress.expect("contacts", 7)
        progress.advance("contacts", 3)
    assert RecordingProgress.calls == [("contacts", 7), ("contacts", 3)]


def save_stale_lease(store: Store, process: Process) -> None:
    with store.transaction() as tx:
        leases.acquire(
            tx,
            "killed",
            holder=f"{process.host}:{process.pid}",
            process=process.text,
            now=to_ms(NOW),
            expires_at=to_ms(NOW + timedelta(days=1)),
        )


def test_the_lease_of_a_dead_process_of_this_machine_is_taken_over_at_once(store: Store) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", "from sync_worker.sync.lease import Process; print(Process.current().text, flush=True); input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    process = Process.parse(child.stdout.readline().strip())
    save_stale_lease(store, process)
    with pytest.raises(PortalBusy), hold(store, "next", FakeClock(NOW)):
        pass
    child.kill()
    child.communicate()
    with hold(store, "next", FakeClock(NOW)):
        pass


@pytest.mark.parametrize("host", ["elsewhere", ""])
def test_leases_of_other_machines_are_never_taken_over_early(store: Store, host: str) -> None:
    own = Process.current()
    save_stale_lease(store, Process(host=host or own.host, pid=1, start_id="another machine/12" if host == "" else own.start_id))
    with pytest.raises(PortalBusy), hold(store, "next", FakeClock(NOW)):
        pass


def test_no_run_starts_while_another_is_active(harness: Harness) -> None:
    class CompetingRun(Progress):
        """Starts a second worker during a run."""

        rejections: list[str] = []  # noqa: RUF012 -- used by one test only

        def advance(self, what: str, number: int) -> None:
            del what, number
            with harness.worker() as second, pytest.raises(PortalBusy) as busy:
                second.sync()
            self.rejections.append(str(busy.value))

    assert harness.backfill(progress=CompetingRun()).written == 6
    assert CompetingRun.rejections
    assert harness.sync().written == 0


def test_a_token_of_another_portal_is_refused_even_while_portal_facts_are_cached(harness: Harness) -> None:
    harness.backfill()
    with run_in_thread(small_portal(portal_id=43), SandboxConfig(**UNLIMITED)) as another:
        harness.server, own = another, harness.server
        before = harness.digest()
        for command in (harness.sync, harness.setup):
            with pytest.raises(ConfigurationError, match=r"belongs to portal 42, .* opens portal 43"):
                command()
        assert harness.digest() == before
        harness.server = own
    assert harness.sync().written == 0


def test_a_process_that_continues_after_another_worker_ran_sends_no_further_request(harness: Harness) -> None:
    class Suspension(Progress):
        """Suspends the machine after the first progress, while another worker with another model runs on the same state."""

        happened = False

        def advance(self, what: str, number: int) -> None:
            del what, number
            if not self.happened:
                self.happened = True
                harness.clock.advance(3_600)
                harness.use_model(MODEL.replace("points: 10}", "points: 12}"))
                harness.backfill()
                self.digest = harness.digest()
                harness.uptime += 3_600

    suspension = Suspension()
    with pytest.raises(PortalBusy):
        harness.backfill(progress=suspension)
    assert harness.digest() == suspension.digest
    assert harness.score(2) == 12


@on_postgres
def test_a_run_that_has_lost_its_connection_is_replaced_before_its_lease_expires(store: Store, other_store: Store) -> None:
    clock = FakeClock(NOW)
    first = ExitStack()
    first.enter_context(hold(store, "first", clock))
    clock.advance(LEASE_DURATION.total_seconds() / 2)
    with pytest.raises(PortalBusy), hold(other_store, "second", clock):
        pass
    end_connections(other_store, of=store)
    with hold(other_store, "second", clock):
        with pytest.raises(StateBusy), store.transaction() as tx:
            last_purge.save(tx, NOW)
        with pytest.raises(PortalBusy), store.transaction() as tx:
            last_purge.save(tx, NOW)
        first.close()


@on_postgres
def test_a_run_that_has_just_renewed_its_lease_keeps_it_without_a_connection(store: Store, other_store: Store) -> None:
    with hold(store, "first", FakeClock(NOW)):
        end_connections(other_store, of=store)
        with pytest.raises(PortalBusy), hold(other_store, "second", FakeClock(NOW)):
            pass


@on_postgres
def test_a_run_that_has_ended_without_a_connection_is_replaced_at_once_by_its_process(store: Store, other_store: Store) -> None:
    with hold(store, "first", FakeClock(NOW)):
        end_connections(other_store, of=store)
    with other_store.transaction() as tx:
        assert leases.load(tx) is not None
    with hold(other_store, "second", FakeClock(NOW)) as lease:
        lease.renew()


def end_connections(store: Store, *, of: Store) -> None:
    """End the connection of another store, as a restart of the database does."""
    with of.transaction() as tx:
        pid = tx.execute(text("SELECT pg_backend_pid()")).scalar()
    with store.transaction() as tx:
        tx.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})


@pytest.mark.skipif(POSTGRES_URL is not None, reason="only a SQLite file can be replaced")
def test_a_state_in_use_is_not_replaced_by_a_backup(harness: Harness) -> None:
    backup = harness.folder / "backup.db"
    harness.backfill()
    with harness.worker() as worker:
        worker.back_up(backup)

    class Restoration(Progress):
        """Tries to restore the backup while the run works."""

        def __init__(self) -> None:
            self.refused = 0

        def advance(self, what: str, number: int) -> None:
            del what, number
            with harness.worker() as other, pytest.raises(PortalBusy, match="Another worker is running"):
                other.restore(backup)
            self.refused += 1

    restoration = Restoration()
    harness.backfill(progress=restoration)
    assert restoration.refused
    with harness.worker() as worker:
        assert worker.restore(backup).contacts == 6
    assert harness.sync().written == 0
