"""Starts the program by a fork of a server that has already imported its modules, which saves a second per start."""

from __future__ import annotations

import multiprocessing
import os
import sys
import warnings
from collections.abc import Mapping
from multiprocessing.process import BaseProcess
from pathlib import Path

FORK_CONTEXT = multiprocessing.get_context("forkserver")
FORK_CONTEXT.set_forkserver_preload(["tests.system.preload"])


def start_forked(command: tuple[str, ...], *, environment: Mapping[str, str], folder: Path, out: Path, err: Path) -> BaseProcess:
    """Start a command with exactly this environment; its output is appended to two files."""
    process = FORK_CONTEXT.Process(target=_main, args=(command, dict(environment), str(folder), str(out), str(err)))
    process.start()
    return process


def _main(command: tuple[str, ...], environment: dict[str, str], folder: str, out: str, err: str) -> None:
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    for number, path in ((1, out), (2, err)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), number)
    warnings.simplefilter("error")
    sys.argv = ["sync-worker", *command]
    from sync_worker.cli import main  # noqa: PLC0415 -- the server has imported it, see preload.py

    main()
