"""The worker as a process that is measured, and a portal for it in another process."""

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

from tests.system.subprocesses import PROGRAM, ROOT, Workspace


@dataclass(frozen=True, kw_only=True)
class CommandResult:
    """What a command said and took: seconds of processor time, peak of memory in MB."""

    report: Any
    cpu_seconds: float
    peak_mb: float


@dataclass(frozen=True, kw_only=True)
class BenchmarkEnvironment:
    """One portal and the folder of one worker."""

    workspace: Workspace
    base_url: str
    token: str

    def run(self, *command: str, **environment: str) -> CommandResult:
        out = Path(self.workspace.folder) / "out.json"
        with out.open("w") as said, Path(os.devnull).open("w") as nothing:
            process = subprocess.Popen(
                [*PROGRAM, *command],
                cwd=self.workspace.folder,
                env=self.workspace.build_environment(**environment),
                stdout=said,
                stderr=nothing,
            )
            _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0, (command, process.returncode)
        text = out.read_text()
        return CommandResult(
            report=json.loads(text) if text.startswith("{") else None,
            cpu_seconds=used.ru_utime + used.ru_stime,
            peak_mb=used.ru_maxrss / 1024,
        )

    def wait_for_window(self, seconds: float = 10) -> None:
        """Wait until the window holds nothing of what went before: a measurement starts with the whole budget."""
        time.sleep(seconds)


@contextmanager
def serve_benchmark(
    contacts: int, *, latency_ms: int = 150, rate: int = 190, everything: bool = False, companies: bool = False, apart: bool = False
) -> Iterator[BenchmarkEnvironment]:
    """Serve a portal that is set up: contacts alone, or with their companies, or with everything.

    `apart`: it keeps to one processor, and this process to the others, where there are several.
    """
    more = [*(["everything"] if everything else []), *(["companies"] if companies else [])]
    command = [sys.executable, "-m", "tests.benchmarks.portal_server", str(contacts), str(latency_ms), str(rate), *more]
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process,
        ExitStack() as stack,
    ):
        try:
            stack.enter_context(_pin_cpus(process.pid) if apart else nullcontext())
            place = json.loads(process.stdout.readline() if process.stdout else "{}")
            environment = {"HUBSPOT_BASE_URL": place["base_url"], "HUBSPOT_ACCESS_TOKEN": place["token"], "TMPDIR": folder}
            one = BenchmarkEnvironment(
                workspace=Workspace(folder=Path(folder), environment=environment), base_url=place["base_url"], token=place["token"]
            )
            one.run("setup", "--json")
            one.wait_for_window()
            yield one
        finally:
            process.terminate()


@contextmanager
def _pin_cpus(pid: int) -> Iterator[None]:
    processors = os.sched_getaffinity(0)
    theirs = {min(processors)}
    if len(processors) == 1:
        yield
        return
    os.sched_setaffinity(pid, theirs)
    os.sched_setaffinity(0, processors - theirs)
    try:
        yield
    finally:
        os.sched_setaffinity(0, processors)
