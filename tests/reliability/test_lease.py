"""One worker on a portal at a time."""

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
from tests.harness import NOW, UNLIMITED, World, small_portal
from tests.sandbox.portal_factories import Clock
from tests.store.database_factories import a_state_url

LASTS = timedelta(minutes=10)


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    with a_state_url(tmp_path) as url:
        yield url


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    store = open_store(url)
    yield store
    store.close()


@pytest.fixture
def other(store: Store, url: str) -> Iterator[Store]:
    assert store
    other = open_store(url)
    yield other
    other.close()


def test_the_second_is_told_who_is_at_work_and_comes_in_when_that_is_done(store: Store, other: Store) -> None:
    clock = Clock(NOW)
    with (
        acquire(store, "first", clock=clock, lasts=LASTS),
        pytest.raises(PortalBusy, match=rf":{os.getpid()}, run first\. .*12:10:00 UTC") as busy,
        acquire(other, "second", clock=clock, lasts=LASTS),
    ):
        pass
    assert busy.value.exit_code == ExitCode.TRY_AGAIN
    with acquire(other, "second", clock=clock, lasts=LASTS):
        pass


def test_whoever_makes_progress_keeps_the_lease_and_whoever_does_not_loses_it(store: Store, other: Store) -> None:
    clock = Clock(NOW)
    with acquire(store, "first", clock=clock, lasts=LASTS) as progress:
        for _ in range(5):
            clock.advance(360)
            progress.advance("contacts", 1)
        with pytest.raises(PortalBusy), acquire(other, "second", clock=clock, lasts=LASTS):
            pass
        clock.advance(601)
        with acquire(other, "second", clock=clock, lasts=LASTS), pytest.raises(PortalBusy, match="run second"):
            progress.advance("contacts", 1)


def test_progress_is_passed_on(store: Store) -> None:
    class Heard(Progress):
        said: list[object] = []  # noqa: RUF012 -- one test's own

        def expect(self, what: str, total: int) -> None:
            self.said.append((what, total))

        def advance(self, what: str, number: int) -> None:
            self.said.append((what, number))

    with acquire(store, "first", clock=Clock(NOW), lasts=LASTS, progress=Heard()) as progress:
        progress.expect("contacts", 7)
        progress.advance("contacts", 3)
    assert Heard.said == [("contacts", 7), ("contacts", 3)]


def left_behind(store: Store, process: Process) -> None:
    with store.transaction() as tx:
        leases.acquire(
            tx,
            "killed",
            holder=f"{process.host}:{process.pid}",
            process=process.text,
            now=to_ms(NOW),
            expires_at=to_ms(NOW + timedelta(days=1)),
        )


def test_what_a_process_of_this_machine_left_behind_when_it_died_is_taken_over_at_once(store: Store) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", "from sync_worker.sync.lease import Process; print(Process.own().text, flush=True); input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    process = Process.parse(child.stdout.readline().strip())
    left_behind(store, process)
    with pytest.raises(PortalBusy), acquire(store, "next", clock=Clock(NOW), lasts=LASTS):
        pass
    child.kill()
    child.communicate()
    with acquire(store, "next", clock=Clock(NOW), lasts=LASTS):
        pass


@pytest.mark.parametrize("host", ["elsewhere", ""])
def test_of_other_machines_nobody_knows_whether_they_are_alive(store: Store, host: str) -> None:
    own = Process.current()
    left_behind(store, Process(host=host or own.host, pid=1, start_id="another machine/12" if host == "" else own.start_id))
    with pytest.raises(PortalBusy), acquire(store, "next", clock=Clock(NOW), lasts=LASTS):
        pass


def test_no_run_begins_while_another_is_under_way(world: World) -> None:
    class Meddler(Progress):
        """Lets a second worker try its luck in the middle of a run."""

        refused: list[str] = []  # noqa: RUF012 -- one test's own

        def advance(self, what: str, number: int) -> None:
            del what, number
            with world.worker() as second, pytest.raises(PortalBusy) as busy:
                second.sync()
            self.refused.append(str(busy.value))

    assert world.backfill(progress=Meddler()).written == 6
    assert Meddler.refused
    assert world.sync().written == 0


def test_a_token_of_another_portal_is_refused_even_within_the_hour_in_which_nobody_asks(world: World) -> None:
    world.backfill()
    with run_in_thread(small_portal(portal_id=43), SandboxConfig(**UNLIMITED)) as another:
        world.served, own = another, world.served
        before = world.digest()
        for command in (world.sync, world.setup):
            with pytest.raises(ConfigurationError, match=r"belongs to portal 42, .* opens portal 43"):
                command()
        assert world.digest() == before
        world.served = own
    assert world.sync().written == 0
