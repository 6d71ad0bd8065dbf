"""The program, started as often as it is killed: forked from a server that has imported it, so that a start costs next to nothing."""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["sync_worker.app", "sync_worker.cli.main", "sync_worker.service"])
SIGKILLED = -9


@dataclass(frozen=True, kw_only=True)
class Program:
    """`sync-worker` with an environment; what it says goes to a file."""

    environment: Mapping[str, str]
    said: Path

    def run(self, *command: str) -> int:
        """Run a command to its end; return its exit code."""
        process = FORKS.Process(target=_main, args=(command, dict(self.environment), str(self.said)))
        process.start()
        process.join()
        assert process.exitcode is not None
        return process.exitcode

    def kill(self, *command: str, after: float) -> bool:
        """Start a command and kill it some seconds later; False where it was done by then."""
        process = FORKS.Process(target=_main, args=(command, dict(self.environment), str(self.said)))
        process.start()
        process.join(after)
        process.kill()
        process.join()
        return process.exitcode == SIGKILLED

    def duration(self, *command: str) -> float:
        """Run a command to its end; return the seconds that it took."""
        began = time.monotonic()
        assert self.run(*command) == 0, self.said.read_text(encoding="utf-8")[-3_000:]
        return time.monotonic() - began

    def kill_often(self, *command: str, times: int, within: float, random: Random) -> None:
        """Kill a command so many times at moments by chance; a run that was quicker does not count, and shortens the next."""
        killed = 0
        while killed < times:
            if self.kill(*command, after=random.uniform(0.02, within)):
                killed += 1
            else:
                within *= 0.8


def _main(command: tuple[str, ...], environment: dict[str, str], said: str) -> None:
    from sync_worker.cli.main import main  # noqa: PLC0415 -- in the child, from the server's memory

    for name in [name for name in os.environ if name.startswith(("HUBSPOT_", "SYNC_WORKER_"))]:
        del os.environ[name]
    os.environ |= environment
    out = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(out, 1)
    os.dup2(out, 2)
    sys.argv = ["sync-worker", *command]
    main()
