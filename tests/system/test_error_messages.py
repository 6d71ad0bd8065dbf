"""Error messages: the cause, a hint, the exit code, and no traceback."""

from __future__ import annotations

import json
import re
import signal
import socket
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
import typer

from sync_worker.cli.demo import run_command
from tests.system.subprocesses import ROOT, SandboxProcess, Workspace, start_sandbox


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    with start_sandbox(tmp_path_factory.mktemp("portal"), "--contacts", "120", "--rate", "100000") as running:
        yield running


@pytest.fixture
def desk(portal: SandboxProcess, tmp_path: Path) -> Workspace:
    return Workspace(folder=tmp_path, environment=portal.environment)


def test_no_token(desk: Workspace) -> None:
    result = desk.run_in_new_python("sync", HUBSPOT_ACCESS_TOKEN="")
    assert result.code == 2
    assert "HUBSPOT_ACCESS_TOKEN is not set" in result.err


def test_a_wrong_token_is_refused_without_being_shown(desk: Workspace) -> None:
    result = desk.run("check", HUBSPOT_ACCESS_TOKEN="pat-na1-not-this-one")
    assert result.code == 3
    assert "HUBSPOT_ACCESS_TOKEN" in result.err
    assert "not-this-one" not in result.err + result.out


def test_an_argument_that_is_no_text(desk: Workspace) -> None:
    result = desk.run("explain", "\udcff")
    assert (result.code, "Argument 2 is not valid UTF-8" in result.err) == (2, True)


def test_an_unreachable_host(desk: Workspace) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound but not listening, so connections are refused
        result = desk.run("check", HUBSPOT_BASE_URL=f"http://127.0.0.1:{closed.getsockname()[1]}")
    assert result.code == 4
    assert "cannot be reached" in result.err


def test_an_unknown_setting_with_the_closest_valid_name(desk: Workspace) -> None:
    result = desk.run("status", SYNC_WORKER_MODLE="x")
    assert result.code == 2
    assert "SYNC_WORKER_MODEL" in result.err


def test_an_unknown_key_of_the_settings_file_with_its_line(desk: Workspace) -> None:
    (desk.folder / "config").mkdir()
    (desk.folder / "config" / "worker.yaml").write_text("overlap_minutes: 5\nsync_evry_minutes: 3\n", encoding="utf-8")
    result = desk.run("status")
    assert result.code == 2
    assert "worker.yaml:2: sync_evry_minutes" in result.err
    assert "sync_every_minutes" in result.err


@pytest.mark.parametrize("command", ["check", "setup", "backfill", "sync", "serve", "report", "status", "explain 1", "model check", "demo"])
def test_without_a_model_every_command_names_the_missing_file_and_the_setting(desk: Workspace, command: str) -> None:
    result = desk.run(*command.split(), SYNC_WORKER_MODEL="")
    assert (result.code, result.out) == (2, "")
    assert "config/model.yaml: cannot be read: No such file or directory." in result.err
    assert "SYNC_WORKER_MODEL" in result.err


def test_the_demo_exits_like_the_failed_command_and_shows_its_message(desk: Workspace, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as ended:
        run_command("check", environment=desk.build_environment(HUBSPOT_ACCESS_TOKEN="pat-na1-not-this-one"))
    assert ended.value.exit_code == 3
    out, err = capfd.readouterr()
    assert "HUBSPOT_ACCESS_TOKEN" in out + err
    assert '{"' not in err


def test_a_misspelled_key_of_the_model_with_its_line_and_the_valid_name(desk: Workspace) -> None:
    text = (ROOT / "config" / "model.yaml").read_text(encoding="utf-8")
    broken = desk.folder / "model.yaml"
    broken.write_text(text.replace("  degradation:", "  degradtion:"), encoding="utf-8")
    line = text.splitlines().index("  degradation:") + 1
    result = desk.run("backfill", SYNC_WORKER_MODEL=str(broken))
    assert result.code == 2
    assert f"model.yaml:{line}" in result.err
    assert "degradation" in result.err


def test_a_misspelled_property_of_the_model_with_the_valid_name(desk: Workspace) -> None:
    text = (ROOT / "config" / "model.yaml").read_text(encoding="utf-8")
    broken = desk.folder / "model.yaml"
    broken.write_text(text.replace("hs_email_optout: true", "hs_email_optot: true", 1), encoding="utf-8")
    result = desk.run("model", "check", str(broken))
    assert result.code == 2
    assert "hs_email_optot" in result.err
    assert "hs_email_optout" in result.err


def test_a_database_of_another_program_is_not_changed(desk: Workspace) -> None:
    state = desk.folder / "state.db"
    with sqlite3.connect(state) as other:
        other.execute("CREATE TABLE invoices (id)")
    before = state.read_bytes()
    result = desk.run("sync")
    assert result.code == 2
    assert "invoices" in result.err
    assert state.read_bytes() == before


def test_an_invalid_line_of_a_portal_folder_with_its_number(desk: Workspace) -> None:
    portal = {"portalId": 1, "tier": "enterprise", "timeZone": "UTC", "now": "2026-11-01T00:00:00Z"}
    (desk.folder / "portal.json").write_text(json.dumps(portal), encoding="utf-8")
    good = {"id": "1", "properties": {}, "createdAt": "2026-10-01T00:00:00Z", "updatedAt": "2026-10-01T00:00:00Z", "archived": False}
    (desk.folder / "contacts.jsonl").write_text(f'{json.dumps(good)}\n{{"id": "2", "prop\n', encoding="utf-8")
    for command in (("model", "evaluate", "--portal", "."), ("sandbox", "--portal", ".")):
        result = desk.run(*command)
        assert result.code == 2
        assert "contacts.jsonl:2" in result.err


def test_the_token_of_another_portal_is_refused(desk: Workspace) -> None:
    desk.run("setup")
    with sqlite3.connect(desk.folder / "state.db") as state:
        row = json.loads(state.execute("SELECT value FROM meta WHERE key = 'portal'").fetchone()[0])
        state.execute("UPDATE meta SET value = ? WHERE key = 'portal'", (json.dumps({**row, "id": row["id"] + 1}),))
    for command in ("check", "backfill"):
        result = desk.run(command)
        assert result.code == 2
        assert "belongs to portal" in result.err


def test_the_service_stops_cleanly_on_sigterm(desk: Workspace) -> None:
    desk.run("setup")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = desk.start("serve", SYNC_WORKER_HTTP_PORT=str(port))
    assert process.stderr is not None
    lines = []
    while not any("run.finished" in line for line in lines):
        lines.append(process.stderr.readline())
        assert lines[-1], lines
    metrics = requests.get(f"http://127.0.0.1:{port}/metrics", timeout=10).text
    assert re.search(r'^sync_worker_requests_total\{endpoint="GET [^"]+",status="200"\} [1-9]', metrics, re.MULTILINE)
    assert "@" not in metrics
    process.send_signal(signal.SIGTERM)
    start = time.monotonic()
    _, rest = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "service.stopped" in rest
    assert "Traceback" not in rest
    assert time.monotonic() - start < 30
    assert desk.run("status", "--json").json["runs"][0]["exit_code"] == 0


@pytest.mark.soak
@pytest.mark.parametrize("endpoint", ["GET */details", "POST */search"])
def test_the_service_stops_within_ten_seconds_while_it_waits_for_a_reply(tmp_path: Path, endpoint: str) -> None:
    server = Workspace(folder=tmp_path).start("sandbox", "--contacts", "120", "--rate", "100000")
    try:
        assert server.stdout is not None
        address = json.loads(server.stdout.readline())
        desk = Workspace(folder=tmp_path, environment={"HUBSPOT_BASE_URL": address["base_url"], "HUBSPOT_ACCESS_TOKEN": address["token"]})
        desk.run("setup")
        desk.run("backfill")
        rules = [{"endpoint": endpoint, "fault": "hang", "seconds": 120}]
        requests.post(f"{address['base_url']}/sandbox/faults", json={"rules": rules}, timeout=10).raise_for_status()
        process = desk.start("serve")
        while not requests.get(f"{address['base_url']}/sandbox/faults", timeout=10).json()["rules"][0]["struck"]:
            assert process.poll() is None
            time.sleep(0.05)
        start = time.monotonic()
        process.send_signal(signal.SIGTERM)
        _, log_text = process.communicate(timeout=60)
        assert time.monotonic() - start < 10
        assert process.returncode == 0
        assert "abandoned" in log_text
        requests.delete(f"{address['base_url']}/sandbox/faults", timeout=10).raise_for_status()
        assert desk.run("sync").code == 0  # the lease was released
    finally:
        server.kill()  # its hanging requests would delay a regular end
        server.communicate()
