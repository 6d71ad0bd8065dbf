"""Run worker commands in measured processes, against a portal in another process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from tests.system.subprocesses import PROGRAM, ROOT, Workspace


@dataclass(frozen=True, kw_only=True)
class CommandResult:
    """The report of a command, its processor time in seconds and its peak memory in MB."""

    report: Any
    cpu_seconds: float
    peak_mb: float


@dataclass(frozen=True, kw_only=True)
class BenchmarkEnvironment:
    """A portal and the folder of a worker."""

    workspace: Workspace
    base_url: str
    token: str

    def run(self, *command: str, **environment: str) -> CommandResult:
        out = Path(self.workspace.folder) / "out.json"
        with out.open("w") as stdout, Path(os.devnull).open("w") as devnull:
            process = subprocess.Popen(
                [*PROGRAM, *command],
                cwd=self.workspace.folder,
                env=self.workspace.build_environment(**environment),
                stdout=stdout,
                stderr=devnull,
            )
            _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0, (command, process.returncode)
        text = out.read_text()
        return CommandResult(
            report=json.loads(text) if text.startswith("{") else None,
            cpu_seconds=usage.ru_utime + usage.ru_stime,
            peak_mb=usage.ru_maxrss / 1024,
        )

    def get(self, path: str, **query: str) -> Any:
        return self._read(requests.get(f"{self.base_url}{path}", query, headers=self._headers, timeout=60))

    def post(self, path: str, body: object) -> Any:
        return self._read(requests.post(f"{self.base_url}{path}", json=body, headers=self._headers, timeout=60))

    @property
    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    @staticmethod
    def _read(response: requests.Response) -> Any:
        response.raise_for_status()
        return response.json()

    def wait_for_window(self, seconds: float = 10) -> None:
        """Wait until earlier requests no longer count, so that a measurement starts with the whole budget."""
        time.sleep(seconds)


@contextmanager
def serve_benchmark(
    contacts: int, *, latency_ms: int = 150, rate: int = 190, everything: bool = False, companies: bool = False, pinned: bool = False
) -> Iterator[BenchmarkEnvironment]:
    """Serve a portal after setup: contacts only, with their companies, or with everything.

    With `pinned`, the portal runs on one processor and this process on the others, if there are several.
    """
    extra = [*(["everything"] if everything else []), *(["companies"] if companies else [])]
    command = [sys.executable, "-m", "tests.benchmarks.portal_server", str(contacts), str(latency_ms), str(rate), *extra]
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process,
        ExitStack() as stack,
    ):
        try:
            stack.enter_context(_pin_cpus(process.pid) if pinned else nullcontext())
            address = json.loads(process.stdout.readline() if process.stdout else "{}")
            variables = {"HUBSPOT_BASE_URL": address["base_url"], "HUBSPOT_ACCESS_TOKEN": address["token"], "TMPDIR": folder}
            environment = BenchmarkEnvironment(
                workspace=Workspace(folder=Path(folder), environment=variables), base_url=address["base_url"], token=address["token"]
            )
            environment.run("setup", "--json")
            environment.wait_for_window()
            yield environment
        finally:
            process.terminate()


@contextmanager
def _pin_cpus(pid: int) -> Iterator[None]:
    processors = os.sched_getaffinity(0)
    server_cpu = {min(processors)}
    if len(processors) == 1:
        yield
        return
    os.sched_setaffinity(pid, server_cpu)
    os.sched_setaffinity(0, processors - server_cpu)
    try:
        yield
    finally:
        os.sched_setaffinity(0, processors)
