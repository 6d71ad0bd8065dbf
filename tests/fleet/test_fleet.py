"""A fleet on PostgreSQL: entries, errors, and two worker processes that run four portals."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from procrastinate import App, PsycopgConnector
from procrastinate.jobs import Status
from sqlalchemy import delete, insert, inspect, text, update

from sync_worker.errors import ConfigurationError, ModelError
from sync_worker.fleet.database import FleetDatabase
from sync_worker.fleet.fleet_portal import Lane, PortalCondition, RunKind
from sync_worker.fleet.job_queue import rescue_runs
from sync_worker.fleet.model_cache import ModelCache
from sync_worker.fleet.portal_run import PortalRunner, RunInterrupted
from sync_worker.fleet.portal_settings import build_portal_settings
from sync_worker.fleet.queue_connector import QueueConnector
from sync_worker.fleet.schema import SCHEMA, migrations, portals
from sync_worker.model.compiled.loader import load
from sync_worker.model.compiled.model import Model
from sync_worker.service.cycle_schedule import SHORT
from sync_worker.worker import build_worker
from tests.acceptance.test_json_output import documented_keys
from tests.fleet.fleet_factories import FleetDesk, make_portals, start_fleet
from tests.harness import MODEL, small_portal
from tests.store.database_factories import POSTGRES_URL

pytestmark = pytest.mark.skipif(POSTGRES_URL is None, reason="a fleet needs PostgreSQL: python -m tests.postgres tests/fleet")
DEAD_AFTER = 30.0  # seconds
NAMES = ("acme", "bolt", "cargo", "delta")
DIGEST_KEYS = ("list", "status")


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FleetDesk]:
    with start_fleet(tmp_path_factory.mktemp("fleet"), make_portals(*NAMES)) as desk:
        yield desk


@pytest.fixture(autouse=True)
def empty_fleet(desk: FleetDesk) -> Iterator[None]:
    yield
    desk.fleet.database.create_tables()
    for name in desk.load():
        desk.fleet.remove(name, drop_state=True)


def test_a_database_without_a_fleet_is_named(desk: FleetDesk) -> None:
    result = desk.run("status")
    assert (result.code, "has no fleet yet" in result.err, "fleet add" in result.err) == (2, True, True)
    assert ":@" not in result.err


def test_two_processes_run_four_portals_to_the_same_end_as_single_runs(desk: FleetDesk, digest_of_a_single_run: str) -> None:
    for name in NAMES:
        assert desk.add(name).portal_id == 1_000 + NAMES.index(name)
    processes = [desk.start(), desk.start()]
    desk.wait_until(lambda: all(portal.last.done_at for portal in desk.load().values()))
    assert {desk.digest(name) for name in NAMES} == {digest_of_a_single_run}
    shown = {words: json.loads(desk.run(words, "--json").out) for words in DIGEST_KEYS}
    for words, content in shown.items():
        assert content.keys() - {"json_version"} == documented_keys()[f"fleet {words}"]
    status = shown["status"]["portals"]
    assert {(each["contacts"], each["condition"], each["next_run"]["kind"]) for each in status} == {(6, "ok", "sync")}
    for process in processes:
        process.terminate()
    codes = [process.wait(20) for process in processes]
    logs = desk.read_logs()
    assert codes == [0, 0], logs
    assert {json.loads(line)["event"] for line in logs.splitlines()} >= {"fleet.started", "fleet.run_ended", "fleet.stopped"}
    secrets = {server.token for server in desk.portals.values()}
    assert [secret for secret in secrets if secret in logs + json.dumps(shown)] == []
    assert re.findall(r"[\w.+-]+@example\.com", logs + json.dumps(shown)) == []


def test_a_portal_is_in_the_fleet_once(desk: FleetDesk) -> None:
    desk.add("acme")
    with pytest.raises(ConfigurationError, match="has a portal acme already"):
        desk.add("acme")
    with pytest.raises(ConfigurationError, match="opens portal 1000, which is acme"):
        desk.add("other", of="acme")
    desk.add("other", of="acme", is_checked=False)
    desk.build_runner().run("other")
    refused = desk.load()["other"]
    assert refused.condition is PortalCondition.PAUSED
    assert "opens portal 1000, which is acme" in str(refused.pause_reason)
    assert refused.last.exit_code == 2


def test_an_entry_that_cannot_work_is_refused_with_the_reason(desk: FleetDesk, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="env:NOWHERE cannot be read: the variable is not set"):
        desk.add("acme", token="env:NOWHERE")
    with pytest.raises(ModelError, match=r"nowhere\.yaml"):
        desk.add("acme", model="nowhere.yaml")
    with pytest.raises(ConfigurationError, match="without a password"):
        desk.add("acme", state_url="postgresql://ada:secret@host/acme")
    (tmp_path / "own.yaml").write_text("http_port: 1\n")
    with pytest.raises(ConfigurationError, match="http_port cannot differ by portal"):
        desk.add("acme", settings_file=tmp_path / "own.yaml")
    (tmp_path / "own.yaml").write_text("reserv: 0.1\n")
    with pytest.raises(ConfigurationError, match=r"own\.yaml:1: reserv is not a setting"):
        desk.add("acme", settings_file=tmp_path / "own.yaml")
    with pytest.raises(ConfigurationError, match="The fleet has no portal nowhere"):
        desk.fleet.pause(["nowhere"], "")
    assert desk.load() == {}


def test_a_missing_secret_pauses_a_new_portal_and_a_resume_runs_it(desk: FleetDesk) -> None:
    desk.add("bolt")
    secret = desk.workspace.folder / "bolt.token"
    token = secret.read_text()
    secret.unlink()
    desk.build_runner().run("bolt")
    paused = desk.load()["bolt"]
    assert "bolt.token cannot be read" in str(paused.pause_reason)
    secret.write_text(token)
    desk.build_runner().run("bolt")
    assert desk.load()["bolt"] == paused  # a paused portal does not run
    desk.fleet.resume(["bolt"])
    desk.build_runner().run("bolt")
    done = desk.load()["bolt"]
    assert (done.condition, done.last.exit_code, done.next_run, done.last.contacts) == (PortalCondition.OK, 0, RunKind.SYNC, 6)
    assert done.next_run_at > datetime.now(UTC)


def test_a_portal_whose_secret_or_model_cannot_be_read_says_so_and_the_others_continue(desk: FleetDesk) -> None:
    model, names = desk.workspace.folder / "own.yaml", ("acme", "bolt", "cargo", "delta")
    model.write_text(MODEL)
    runner = desk.build_runner()
    for name in names:
        desk.add(name, is_checked=False, **({"model": str(model)} if name == "bolt" else {}))
    for name in ("acme", "bolt"):
        runner.run(name)
    model.write_text("name: [")
    (desk.workspace.folder / "cargo.token").unlink()
    (desk.workspace.folder / "delta.token").write_text("pat-na1-secret\nand a second line")
    desk.fleet.resume(names)
    for name in reversed(names):
        runner.run(name)
    after = desk.load()
    # A portal that never had a good run is paused at once.
    assert [after[name].condition.value for name in names] == ["ok", "failing", "paused", "paused"]
    assert re.search(r"own\.yaml:1", str(after["bolt"].last.error))
    assert "cargo.token cannot be read: No such file or directory." in str(after["cargo"].last.error)
    assert "Portal delta: access_token: the token contains spaces or line breaks" in str(after["delta"].last.error)
    assert "pat-na1-secret" not in str(after["delta"])


def test_tables_of_an_earlier_version_are_upgraded_and_those_of_a_later_one_refused(desk: FleetDesk) -> None:
    desk.add("acme", is_checked=False)
    database, table = desk.fleet.database, f"{SCHEMA}.portals"
    with database.transaction() as tx:
        tx.execute(text(f"DROP TABLE {SCHEMA}.workers"))
        tx.execute(text(f"ALTER TABLE {table} DROP COLUMN cause"))
        tx.execute(delete(migrations).where(migrations.c.name == "portals-2"))
    (portal,) = desk.fleet.status().portals
    assert (portal.name, portal.condition, portal.last.cause) == ("acme", PortalCondition.NEW, None)
    with database.transaction() as tx:
        found, current = inspect(tx).get_columns("portals", schema=SCHEMA), portals.columns
        assert {column["name"] for column in found} == {column.name for column in current}
        tx.execute(insert(migrations).values(name="portals-9"))
    for use in (desk.fleet.load_list, database.create_tables):
        with pytest.raises(ConfigurationError, match=r"a later version of sync-worker has changed the fleet \(portals-9\)"):
            use()
    with database.transaction() as tx:
        tx.execute(delete(migrations).where(migrations.c.name == "portals-9"))


def test_cycles_are_short_by_day_and_their_calls_are_counted_across_processes(tmp_path: Path) -> None:
    to_noon = 12 - datetime.now(UTC).hour
    noon = replace(small_portal(portal_id=1_000), time_zone=f"Etc/GMT{-to_noon:+d}")  # POSIX counts from the other side
    with start_fleet(tmp_path, {"acme": noon}) as desk:
        desk.add("acme")
        settings = build_portal_settings(desk.fleet.settings, desk.load()["acme"], desk.fleet.database)
        calls = []
        for _ in range(3):
            desk.build_runner().run("acme")
            done = desk.load()["acme"]
            assert done.last.started_at
            assert abs(done.next_run_at - done.last.started_at - SHORT) < timedelta(seconds=1)
            with build_worker(settings) as worker:
                calls.append(worker.load_cycle_usage().calls)
            desk.fleet.resume(["acme"])
        assert calls[0] == 0 < calls[1] < calls[2]
        with build_worker(settings) as worker:
            worker.pause_service()
            desk.build_runner().run("acme")
            assert worker.load_cycle_usage().calls == calls[2]


def test_a_stop_leaves_a_run_as_it_was(desk: FleetDesk) -> None:
    before = desk.add("cargo")
    runner = desk.build_runner()
    runner.interrupt()
    with pytest.raises(RunInterrupted):
        runner.run("cargo")
    after = desk.load()["cargo"]
    assert (after.next_run_at, after.failures, after.paused_at) == (before.next_run_at, before.failures, None)


@dataclass(frozen=True, kw_only=True)
class StopAtRead(ModelCache):
    """Stops a runner while its run reads the model."""

    runner: PortalRunner

    def load(self, path: Path) -> Model:
        self.runner.interrupt()
        return load(path)


def test_a_stop_ends_a_run_in_progress_and_another_process_continues_it(desk: FleetDesk) -> None:
    desk.add("cargo")
    runner = desk.build_runner()
    runner.models = StopAtRead(runner=runner)
    with pytest.raises(RunInterrupted):
        runner.run("cargo")
    assert desk.load()["cargo"].condition is PortalCondition.NEW
    desk.build_runner().run("cargo")
    assert desk.load()["cargo"].condition is PortalCondition.OK


def test_the_run_of_a_dead_process_is_queued_again(desk: FleetDesk) -> None:
    desk.add("delta")
    queued = asyncio.run(_die_and_rescue(desk.fleet.database))
    assert queued == [("todo", "delta")]
    assert not desk.load()["delta"].is_running


async def _die_and_rescue(database: FleetDatabase) -> list[tuple[str, str]]:
    app = App(connector=PsycopgConnector(conninfo=database.connection_string, min_size=1, max_size=2))

    @app.task(name="run_portal")
    def run_portal(name: str) -> None:
        raise AssertionError(name)

    async with app.open_async():
        worker = await app.job_manager.register_worker()
        await run_portal.configure(queue="long", lock="delta", queueing_lock="delta").defer_async(name="delta")
        assert await app.job_manager.fetch_job(queues=["long"], worker_id=worker)
        await rescue_runs(app, DEAD_AFTER)
        with database.transaction() as tx:  # as if the process had died a minute ago
            assert tx.execute(text("SELECT status FROM procrastinate_jobs")).scalar() == "doing"
            tx.execute(text("UPDATE procrastinate_workers SET last_heartbeat = now() - interval '1 minute'"))
        await rescue_runs(app, DEAD_AFTER)
    with database.transaction() as tx:
        return [(status, lock) for status, lock in tx.execute(text("SELECT status::text, lock FROM procrastinate_jobs"))]


def test_the_end_of_a_job_is_saved_although_its_connection_ends(desk: FleetDesk) -> None:
    desk.add("delta")
    asyncio.run(_finish_without_connection(desk.fleet.database))
    assert not desk.load()["delta"].is_running


async def _finish_without_connection(database: FleetDatabase) -> None:
    app = App(connector=QueueConnector(conninfo=database.connection_string, connections=2))
    async with app.open_async():
        worker = await app.job_manager.register_worker()
        await app.configure_task("run_portal", queue="long", lock="delta").defer_async(name="delta")
        job = await app.job_manager.fetch_job(queues=["long"], worker_id=worker)
        assert job
        with database.transaction() as tx:
            tx.execute(text("SELECT id FROM procrastinate_jobs FOR UPDATE"))  # the end of the job waits for this transaction
            end = asyncio.create_task(app.job_manager.finish_job(job, Status.SUCCEEDED, delete_job=True))
            waiting = text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
            while tx.execute(waiting).first() is None:
                tx.execute(text("SELECT pg_stat_clear_snapshot()"))
                await asyncio.sleep(0.01)
        await end


@pytest.mark.parametrize(
    ("values", "lane"),
    [
        ({}, Lane.LONG),
        ({"next_run": "sync"}, Lane.SHORT),
        ({"next_run": "rescan"}, Lane.LONG),
        ({"next_run": "re-evaluation", "contacts": 100}, Lane.SHORT),
        ({"next_run": "re-evaluation", "contacts": 400_000}, Lane.LONG),
        ({"next_run": "sync", "seconds": 120.0}, Lane.LONG),
    ],
)
def test_full_scans_and_portals_that_need_long_have_a_lane_of_their_own(desk: FleetDesk, values: dict[str, object], lane: Lane) -> None:
    desk.add("acme", is_checked=False)
    with desk.fleet.database.transaction() as tx:
        tx.execute(update(portals).values(values or {"priority": 0}))
    assert desk.load()["acme"].lane is lane


def test_a_full_lane_delays_neither_the_other_one_nor_a_more_urgent_portal(desk: FleetDesk) -> None:
    for name, priority in (("acme", 0), ("bolt", 0), ("cargo", 1)):
        desk.add(name, priority=priority, is_checked=False)
    with desk.fleet.database.transaction() as tx:
        tx.execute(update(portals).where(portals.c.name == "bolt").values(next_run="sync"))
    assert [portal.name for portal in desk.registry.load_due(datetime.now(UTC), 1)] == ["bolt", "cargo"]


def test_the_most_urgent_portals_are_due_first_and_none_twice(desk: FleetDesk) -> None:
    now = datetime.now(UTC)
    for name, priority in (("acme", 0), ("bolt", 5), ("cargo", 0)):
        desk.add(name, priority=priority)
    desk.fleet.pause(["cargo"], "a trial")
    assert [portal.name for portal in desk.registry.load_due(datetime.now(UTC), 10)] == ["bolt", "acme"]
    assert desk.registry.load_due(now, 10) == []
    waiting = replace(desk.load()["cargo"], next_run_at=now)
    assert (waiting.condition, waiting.pause_reason) == (PortalCondition.PAUSED, "a trial")
