"""`serve` on a state of a million contacts of which none changes: processor time, memory and the time of `/metrics`."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

import requests
from sqlalchemy import Connection

from sync_worker.store.database import open_store
from tests.benchmarks.worker_process import BenchmarkEnvironment, serve_benchmark
from tests.system.subprocesses import PROGRAM

CONTACTS: Final = 1_000_000
MQL_EVERY: Final = 50
CYCLES: Final = 5
#: Table → its key. The copies of a contact have other ids and emails, and have not changed for a day.
COPIED_TABLES: Final = {"contacts": "id", "verdicts": "contact_id", "memberships": "contact_id", "mql_starts": "contact_id"}


@dataclass(frozen=True, kw_only=True)
class ServiceProcess:
    """A running service; its log has one line for each cycle."""

    process: subprocess.Popen[bytes]
    base_url: str
    log: Path

    def count_cycles(self) -> int:
        return self.log.read_text().count('"run.finished"')

    def wait_for_cycles(self, number: int) -> None:
        while self.count_cycles() < number:
            assert self.process.poll() is None, self.log.read_text()[-2_000:]
            time.sleep(0.2)

    @property
    def cpu_seconds(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    @property
    def resident_mb(self) -> float:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.findall(r"VmRSS:\s+(\d+)", status)[0]) / 1024

    def time_metrics(self) -> float:
        started = time.perf_counter()
        requests.get(f"{self.base_url}/metrics", timeout=20).raise_for_status()
        return time.perf_counter() - started


def main() -> None:
    """Print the figures of five idle minutes."""
    with serve_benchmark(300, latency_ms=0, rate=100_000, everything=True) as environment:
        for command in (("backfill",), ("report",), ("approve", "--note", "benchmark")):
            environment.run(*command, "--json")
        environment.wait_for_window(6)
        environment.run("sync", "--json")
        store = open_store(f"sqlite:///{environment.workspace.folder}/state.db")
        with store.transaction() as tx:
            multiply_contacts(tx, CONTACTS)
        store.close()
        with start_service(environment) as service:
            service.wait_for_cycles(2)  # the first one makes a plan
            time.sleep(5)
            cpu, started = service.cpu_seconds, time.monotonic()
            first = service.count_cycles()
            service.wait_for_cycles(first + CYCLES)
            time.sleep(max(0.0, CYCLES * 60 - (time.monotonic() - started)))
            spent, seconds = service.cpu_seconds - cpu, time.monotonic() - started
            metrics = median(service.time_metrics() for _ in range(50))
            print(
                f"idle service, {CONTACTS:,} contacts: {spent:.2f} s of CPU in {seconds:.0f} s = {spent / seconds:.2%} of a core "
                f"(aim 0.5%), {service.resident_mb:.0f} MB (aim 150), /metrics {metrics * 1000:.1f} ms (aim 20)",
                flush=True,
            )
            for line in service.log.read_text().splitlines():
                if '"run.finished"' in line:
                    report = json.loads(line)
                    print("  cycle:", {name: report[name] for name in ("seconds", "seconds_by_step", "evaluated", "requests_in_all")})


def multiply_contacts(tx: Connection, number: int) -> None:
    """Copy two contacts of the state, one of them an MQL, until there are so many more."""
    find = "SELECT contact_id FROM verdicts LEFT JOIN mql_starts USING (contact_id) WHERE {} ORDER BY length(desired) DESC LIMIT 1"
    mql, other = (tx.exec_driver_sql(find.format(where)).scalar_one() for where in ("mql AND since IS NOT NULL", "NOT mql"))
    last = tx.exec_driver_sql("SELECT max(id) FROM contacts").scalar_one()
    for table, key in COPIED_TABLES.items():
        columns = [row[1] for row in tx.exec_driver_sql(f"PRAGMA table_info({table})")]
        other_values = {key: f"{last} + n.i", "email": "'copy' || n.i || '@example.com'", "updated_at": "t.updated_at - 86400000 - n.i"}
        tx.exec_driver_sql(
            f"INSERT INTO {table} ({', '.join(columns)}) "  # noqa: S608 -- names of the schema and numbers
            f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {number}) "
            f"SELECT {', '.join(other_values.get(column, f't.{column}') for column in columns)} "
            f"FROM n JOIN {table} t ON t.{key} = CASE WHEN n.i % {MQL_EVERY} = 0 THEN {mql} ELSE {other} END"
        )


@contextmanager
def start_service(environment: BenchmarkEnvironment) -> Iterator[ServiceProcess]:
    """Run `serve` with a cycle each minute."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = Path(environment.workspace.folder) / "serve.log"
    variables = environment.workspace.build_environment(SYNC_WORKER_HTTP_PORT=str(port), SYNC_WORKER_SYNC_EVERY_MINUTES="1")
    with log.open("w") as errors:
        process = subprocess.Popen([*PROGRAM, "serve"], cwd=environment.workspace.folder, env=variables, stderr=errors)
    try:
        yield ServiceProcess(process=process, base_url=f"http://127.0.0.1:{port}", log=log)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(15)
