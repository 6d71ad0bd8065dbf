"""The lease: one worker per portal at a time."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from sync_worker.errors import ConfigurationError, ExitCode, PortalBusy
from sync_worker.progress import Progress
from sync_worker.sandbox.base.config import SandboxConfig
from sync_worker.sandbox.server.server import run_in_thread
from sync_worker.store import leases
from sync_worker.store.database import Store, open_store
from sync_worker.sync.lease import Process, acquire
from sync_worker.timestamps import to_ms
from tests.harness import NOW, UNLIMITED, Harness, small_portal
from tests.sandbox.portal_factories import FakeClock
from tests.store.database_factories import temporary_state_url

LEASE_DURATION = timedelta(minutes=10)


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


def test_a_second_worker_is_refused_with_the_holder_and_starts_when_the_lease_is_free(store: Store, other_store: Store) -> None:
    clock = FakeClock(NOW)
    with (
        acquire(store, "first", clock=clock, duration=LEASE_DURATION),
        pytest.raises(PortalBusy, match=rf":{os.getpid()}, run first\. .*12:10:00 UTC") as busy,
        acquire(other_store, "second", clock=clock, duration=LEASE_DURATION),
    ):
        pass
    assert busy.value.exit_code == ExitCode.TRY_AGAIN
    with acquire(other_store, "second", clock=clock, duration=LEASE_DURATION):
        pass


def test_a_worker_with_progress_keeps_the_lease_and_one_without_loses_it(store: Store, other_store: Store) -> None:
    clock = FakeClock(NOW)
    with acquire(store, "first", clock=clock, duration=LEASE_DURATION) as progress:
        for _ in range(5):
            clock.advance(360)
            progress.advance("contacts", 1)
        with pytest.raises(PortalBusy), acquire(other_store, "second", clock=clock, duration=LEASE_DURATION):
            pass
        clock.advance(601)
        with acquire(other_store, "second", clock=clock, duration=LEASE_DURATION), pytest.raises(PortalBusy, match="run second"):
            progress.advance("contacts", 1)


def test_progress_is_forwarded(store: Store) -> None:
    class RecordingProgress(Progress):
        calls: list[object] = []  # noqa: RUF012 -- used by one test only

        def expect(self, what: str, total: int) -> None:
            self.calls.append((what, total))

        def advance(self, what: str, number: int) -> None:
            self.calls.append((what, number))

    with acquire(store, "first", clock=FakeClock(NOW), duration=LEASE_DURATION, progress=RecordingProgress()) as progress:
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
    with pytest.raises(PortalBusy), acquire(store, "next", clock=FakeClock(NOW), duration=LEASE_DURATION):
        pass
    child.kill()
    child.communicate()
    with acquire(store, "next", clock=FakeClock(NOW), duration=LEASE_DURATION):
        pass


@pytest.mark.parametrize("host", ["elsewhere", ""])
def test_leases_of_other_machines_are_never_taken_over_early(store: Store, host: str) -> None:
    own = Process.current()
    save_stale_lease(store, Process(host=host or own.host, pid=1, start_id="another machine/12" if host == "" else own.start_id))
    with pytest.raises(PortalBusy), acquire(store, "next", clock=FakeClock(NOW), duration=LEASE_DURATION):
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
