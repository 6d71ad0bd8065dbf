"""`serve` writes nothing but lines of the log to standard error, also when it cannot start; Ctrl-C says how to resume."""

from __future__ import annotations

import json
import logging
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
import structlog
from typer.testing import CliRunner

from sync_worker.cli.commands import app
from sync_worker.cli.interruption import print_interruption
from tests.system.subprocesses import Workspace

BROKEN = {"SYNC_WORKER_SYNC_EVERY_MINUTES": "often", "HUBSPOT_ACCESS_TOKEN": "pat-na1-x"}


@pytest.fixture(autouse=True)
def restore_logging() -> Iterator[None]:
    handlers, hook = [*logging.getLogger().handlers], threading.excepthook
    yield
    logging.captureWarnings(capture=False)
    logging.getLogger().handlers, threading.excepthook = handlers, hook
    structlog.reset_defaults()


def test_a_setting_that_prevents_the_start_is_a_line_of_the_log() -> None:
    result = CliRunner().invoke(app, ["serve"], env=BROKEN)
    assert result.exit_code == 2
    (line,) = map(json.loads, result.stderr.splitlines())
    assert (line["event"], line["level"], line["exit_code"]) == ("service.failed", "error", 2)
    assert "SYNC_WORKER_SYNC_EVERY_MINUTES" in line["error"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT between processes")
def test_two_ctrl_c_end_a_backfill_that_waits_for_replies_and_say_how_to_resume(tmp_path: Path) -> None:
    server = Workspace(folder=tmp_path).start("sandbox", "--contacts", "50", "--rate", "100000")
    try:
        assert server.stdout is not None
        address = json.loads(server.stdout.readline())
        desk = Workspace(folder=tmp_path, environment={"HUBSPOT_BASE_URL": address["base_url"], "HUBSPOT_ACCESS_TOKEN": address["token"]})
        assert desk.run("setup").code == 0
        faults = f"{address['base_url']}/sandbox/faults"
        rules = [{"endpoint": "POST */search", "fault": "hang", "seconds": 120}]
        requests.post(faults, json={"rules": rules}, timeout=10).raise_for_status()
        process = desk.start("backfill")
        while not requests.get(faults, timeout=10).json()["rules"][0]["struck"]:
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        while "Ctrl-C again stops at once" not in process.stderr.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
        requests.delete(faults, timeout=10).raise_for_status()
        assert desk.run("backfill").code == 0
    finally:
        server.kill()  # its hanging requests would delay a regular end
        server.communicate()
    assert process.returncode == 130
    assert "what was read and written is saved. `sync-worker backfill` resumes there." in err
    assert "Traceback" not in err


def test_ctrl_c_in_an_apply_names_the_same_plan(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["sync-worker", "apply", "my plan.json"])
    print_interruption()
    assert "saved. `sync-worker apply 'my plan.json'` resumes there." in " ".join(capsys.readouterr().err.split())
