"""The benchmark of the fleet: 60 portals, three worker processes, one of them killed, one portal with a hundred times the contacts."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from operator import itemgetter
from pathlib import Path
from statistics import median, quantiles
from threading import Timer

import requests

from sync_worker.fleet.database import FleetDatabase
from sync_worker.fleet.fleet_portal import FleetPortal
from sync_worker.fleet.registry import Registry
from sync_worker.settings import Settings
from sync_worker.worker import build_worker, utc_now
from tests.benchmarks.fleet_portals import SEEDS
from tests.postgres import serve_postgres
from tests.system.subprocesses import PROGRAM, ROOT, Workspace

SMALL, SMALL_CONTACTS, FACTOR = 59, 60, 100
HUGE = "huge"
ROUND_SECONDS = 59  # in which each small portal is due once
MAX_RATIO = 1.5
KILL_AFTER_SECONDS = 15
DEADLINE_SECONDS = 600


@dataclass(kw_only=True)
class Fleet:
    """The portals, their table and the worker processes."""

    folder: Path
    portals: Mapping[str, Mapping[str, str]]
    registry: Registry
    url: str
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def small(self) -> list[str]:
        return [name for name in self.portals if name != HUGE]

    def add(self, name: str) -> None:
        path = self.folder / f"{name}.token"
        path.write_text(self.portals[name]["token"])
        settings = {"base_url": self.portals[name]["base_url"], "judged_from_contacts": 10**6, "sync_every_minutes": 1_440}
        model = str(ROOT / "config" / "model.yaml")
        entry = FleetPortal(name=name, token=f"file:{path}", model=model, settings=settings, next_run_at=utc_now())
        self.registry.add(entry)
        self.registry.database.create_state_schema(name)

    def start_process(self) -> None:
        log = self.folder / f"serve-{len(self.processes)}.log"
        environment = Workspace(folder=self.folder, environment={"SYNC_WORKER_FLEET_URL": self.url}).build_environment()
        with log.open("w") as stream:
            self.processes.append(subprocess.Popen([*PROGRAM, "fleet", "serve"], cwd=self.folder, env=environment, stderr=stream))
        wait_until(lambda: "fleet.started" in log.read_text())

    def read_runs(self) -> dict[str, list[float]]:
        """The seconds from the due time to the end of each run, by portal."""
        lines = (line for path in self.folder.glob("serve-*.log") for line in path.read_text().splitlines() if '"fleet.run_ended"' in line)
        found: dict[str, list[float]] = {}
        for run in sorted(map(json.loads, lines), key=itemgetter("timestamp")):  # a portal runs in any of the processes
            found.setdefault(run["portal"], []).append(run["waited"] + run["seconds"])
        return found

    def count_rescued(self) -> int:
        return sum(path.read_text().count('"fleet.run_rescued"') for path in self.folder.glob("serve-*.log"))

    def count_runs(self) -> dict[str, int]:
        runs = self.read_runs()
        return {name: len(runs.get(name, ())) for name in self.small}

    def time_round(self) -> float:
        """Let all small portals run at once; return the seconds until the last run has ended."""
        before, started = self.count_runs(), time.monotonic()
        self.registry.resume(self.small, utc_now())
        self.wait_for_runs(before)
        return time.monotonic() - started

    def measure_round(self) -> list[float]:
        """Let the small portals run one after the other, as their cycles do; return the seconds of each from its due time to its end."""
        before = self.count_runs()
        for number, name in enumerate(self.small):
            self.registry.resume([name], utc_now() + timedelta(seconds=ROUND_SECONDS * number / len(self.small)))
        runs = self.wait_for_runs(before)
        return [seconds for name in self.small for seconds in runs[name][before[name] :]]

    def wait_for_runs(self, before: Mapping[str, int]) -> dict[str, list[float]]:
        """Wait until each small portal has one more run; return all runs."""
        wait_until(lambda: all(number > before.get(name, 0) for name, number in self.count_runs().items()))
        return self.read_runs()

    def kill_process_of(self, name: str) -> None:
        place = self.registry.load(name).last.started_on
        pid = int(str(place).rpartition(":")[2])
        os.kill(pid, signal.SIGKILL)


def fleet() -> None:
    with start_fleet(SMALL) as desk:
        for name in desk.small:
            desk.add(name)
        desk.start_process()
        desk.wait_for_runs({})
        for number in (1, 2, 3):
            seconds = desk.time_round()
            print(f"fleet: {number} processes: {SMALL} syncs in {seconds:.1f} s, {SMALL / seconds:.1f} a second", flush=True)
            if number < 3:
                desk.start_process()
        alone = desk.measure_round()
        desk.add(HUGE)
        wait_until(lambda: desk.registry.load(HUGE).is_running)
        killer = Timer(KILL_AFTER_SECONDS, desk.kill_process_of, [HUGE])
        killer.start()
        together = desk.measure_round()
        wait_until(lambda: bool(desk.registry.load(HUGE).last.done_at))
        for label, times in (("alone", alone), ("next to the huge one, one process killed", together)):
            print(f"fleet: small portals {label}: median {median(times):.2f} s, p95 {_p95(times):.2f} s, most {max(times):.2f} s")
        ratio = _p95(together) / _p95(alone)
        print(f"fleet: p95 of the small portals next to the huge one: {ratio:.2f} x their time alone (at most {MAX_RATIO})")
        wrong = find_wrong_portals(desk)
        print(f"fleet: {len(desk.portals) - len(wrong)} of {len(desk.portals)} portals are as after a single run; {wrong or 'none'} differ")


def _p95(times: list[float]) -> float:
    return quantiles(times, n=20)[-1]


def find_wrong_portals(fleet: Fleet) -> list[str]:
    """Return the portals that differ from one of the same content that a single run has evaluated."""
    with serve_portals(900, [SMALL_CONTACTS] * SEEDS + [SMALL_CONTACTS * FACTOR]) as references:
        expected = {}
        for number, reference in enumerate(references.values()):
            state = f"sqlite:///{fleet.folder}/single-{number}.db"
            settings = Settings(
                access_token=reference["token"],
                base_url=reference["base_url"],
                state_url=state,
                model=ROOT / "config" / "model.yaml",
                judged_from_contacts=10**6,
            )
            with build_worker(settings) as worker:
                worker.backfill()
            expected[HUGE if number == SEEDS else number] = _read_digest(reference)
    keys = {name: HUGE if name == HUGE else number % SEEDS for number, name in enumerate(fleet.portals)}
    return [name for name, key in keys.items() if _read_digest(fleet.portals[name]) != expected[key]]


def _read_digest(portal: Mapping[str, str]) -> str:
    return str(requests.get(f"{portal['base_url']}/sandbox/digest", timeout=60).json()["digest"])


@contextmanager
def start_fleet(small_portals: int) -> Iterator[Fleet]:
    with tempfile.TemporaryDirectory(prefix="fleet-", ignore_cleanup_errors=True) as folder, ExitStack() as stack:
        server = stack.enter_context(serve_postgres())
        small = stack.enter_context(serve_portals(100, [SMALL_CONTACTS] * small_portals))
        huge = stack.enter_context(serve_portals(906, [SMALL_CONTACTS * FACTOR]))
        portals = {f"portal-{id_}": address for id_, address in small.items()} | {HUGE: next(iter(huge.values()))}
        database = stack.enter_context(closing(FleetDatabase.connect(server.get_uri())))
        database.create_tables()
        fleet = Fleet(folder=Path(folder), portals=portals, registry=Registry(database=database), url=server.get_uri())
        try:
            yield fleet
        finally:
            for process in fleet.processes:
                process.kill()
                process.wait()


@contextmanager
def serve_portals(first_id: int, sizes: list[int]) -> Iterator[Mapping[str, Mapping[str, str]]]:
    command = [sys.executable, "-m", "tests.benchmarks.fleet_portals", str(first_id), *map(str, sizes)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            yield json.loads(process.stdout.readline() if process.stdout else "{}")
        finally:
            process.terminate()


def wait_until(is_reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not is_reached():
        assert time.monotonic() < deadline
        time.sleep(0.2)
