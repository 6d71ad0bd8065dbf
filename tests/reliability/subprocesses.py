"""The program as a process that a test can kill."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from random import Random

from tests.system.forkserver import start_forked

SIGKILLED = -9


@dataclass(frozen=True, kw_only=True)
class KillableWorker:
    """`sync-worker` with an environment; its output is appended to a file."""

    environment: Mapping[str, str]
    output: Path

    def run(self, *command: str) -> int:
        """Run a command to its end; return its exit code."""
        process = self._start(command)
        process.join()
        assert process.exitcode is not None
        return process.exitcode

    def kill(self, *command: str, after: float) -> bool:
        """Start a command and kill it after some seconds; return False if it had finished before."""
        process = self._start(command)
        process.join(after)
        process.kill()
        process.join()
        return process.exitcode == SIGKILLED

    def time(self, *command: str) -> float:
        """Run a command to its end; return its duration in seconds."""
        start = time.monotonic()
        assert self.run(*command) == 0, self.output.read_text(encoding="utf-8")[-3_000:]
        return time.monotonic() - start

    def kill_repeatedly(self, *command: str, kills: int, max_seconds: float, random: Random) -> None:
        """Kill a command several times at random moments. A run that finishes first does not count and shortens the next delay."""
        killed = 0
        while killed < kills:
            if self.kill(*command, after=random.uniform(0.02, max_seconds)):
                killed += 1
            else:
                max_seconds *= 0.8

    def _start(self, command: tuple[str, ...]) -> BaseProcess:
        plain = {name: value for name, value in os.environ.items() if not name.startswith(("HUBSPOT_", "SYNC_WORKER_"))}
        return start_forked(command, environment={**plain, **self.environment}, folder=Path.cwd(), out=self.output, err=self.output)
