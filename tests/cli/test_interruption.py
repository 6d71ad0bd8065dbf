"""Ctrl-C stops a command that uses HubSpot in order; a second one, or a reply that does not arrive, ends the process."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

import pytest
from pydantic import SecretStr
from sqlalchemy import text

from sync_worker.cli.interruption import Interruption
from sync_worker.cli.output.console import TerminalProgress
from sync_worker.errors import ExitCode
from sync_worker.hubspot.rest.metrics import RequestMetrics
from sync_worker.settings import Settings
from sync_worker.store import leases
from sync_worker.sync.lease import acquire
from sync_worker.sync.run_record import record_run
from sync_worker.sync.run_report import RunReport
from sync_worker.worker import Worker, build_worker

NOW = datetime(2026, 6, 1, tzinfo=UTC)
TIMEOUT = 30.0


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Worker]:
    settings = Settings(state_url=f"sqlite:///{tmp_path / 'state.db'}", access_token=SecretStr("pat-na1-x"))
    with build_worker(settings, clock=lambda: NOW) as worker:
        yield worker


def handle(worker: Worker, *, stop_seconds: float = TIMEOUT, exit_process: Callable[[int], object] = pytest.fail) -> Interruption:
    return Interruption(worker=worker, progress=TerminalProgress(), stop_seconds=stop_seconds, exit_process=exit_process)


def press_ctrl_c() -> None:
    signal.raise_signal(signal.SIGINT)


def test_sigterm_stops_a_command_as_ctrl_c_does_and_its_run_is_interrupted(worker: Worker) -> None:
    def stop_and_wait() -> None:
        with record_run(report, worker.store, worker.clock, RequestMetrics()):
            signal.raise_signal(signal.SIGTERM)
            hubspot.pause(TIMEOUT)

    interruption, hubspot = handle(worker), worker.hubspot
    report = RunReport(run_id="run", command="backfill", dry_run=False, model="hash")
    with pytest.raises(KeyboardInterrupt), interruption.handle():
        stop_and_wait()
    assert interruption.exit_code == 128 + signal.SIGTERM
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    (run,) = worker.load_runs(1)
    assert (run.exit_code, run.done, run.is_interrupted) == (ExitCode.INTERRUPTED, False, True)


def test_ctrl_c_lets_a_transaction_end_and_stops_the_command_at_its_next_wait_for_hubspot(worker: Worker) -> None:
    def save_and_wait() -> None:
        with worker.store.transaction() as tx:
            tx.execute(text("CREATE TABLE saved (id INTEGER)"))
            press_ctrl_c()
        hubspot.pause(TIMEOUT)

    hubspot = worker.hubspot
    with pytest.raises(KeyboardInterrupt), handle(worker).handle():
        save_and_wait()
    with worker.store.transaction() as tx:
        assert tx.execute(text("SELECT count(*) FROM saved")).scalar() == 0
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_command_that_ctrl_c_finds_at_its_end_returns_its_result(worker: Worker) -> None:
    assert worker.hubspot
    with handle(worker).handle():
        press_ctrl_c()


def test_ctrl_c_before_the_connection_to_hubspot_ends_the_command_at_once(worker: Worker) -> None:
    with pytest.raises(KeyboardInterrupt), handle(worker).handle():
        press_ctrl_c()
    assert not worker.is_connected


@pytest.mark.parametrize(("presses", "stop_seconds"), [(1, 0.0), (2, TIMEOUT)])
def test_a_command_that_does_not_stop_ends_after_some_seconds_or_a_second_ctrl_c(
    worker: Worker, capsys: pytest.CaptureFixture[str], presses: int, stop_seconds: float
) -> None:
    codes: list[int] = []
    ended = Event()

    def exit_process(code: int) -> None:
        codes.append(code)
        ended.set()

    assert worker.hubspot
    with acquire(worker.store, "run", clock=worker.clock, duration=timedelta(hours=1)):
        with handle(worker, stop_seconds=stop_seconds, exit_process=exit_process).handle():
            for _ in range(presses):
                press_ctrl_c()
            assert ended.wait(TIMEOUT)
        with worker.store.separate_transaction() as tx:
            assert not leases.is_held(tx, "run")
    assert codes == [130]
    assert "resumes there." in capsys.readouterr().err


def test_a_process_that_ignores_ctrl_c_continues_to_do_so(worker: Worker) -> None:
    previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with handle(worker).handle():
            press_ctrl_c()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, previous)


def test_ctrl_c_during_the_start_of_the_program_is_no_traceback() -> None:
    program = """
import sys
from sync_worker.cli import main

class Interrupter:
    def find_spec(self, name, path=None, target=None):
        if name == "sync_worker.cli.commands":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interrupter())
main()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (130, "sync-worker: interrupted before the command began.\n")
