"""Imports the command line and does once what every command repeats, without a terminal: the consoles detect it when they are imported."""

from __future__ import annotations

from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
    import sync_worker.cli.commands
    import sync_worker.service.scheduler  # noqa: F401 -- imported for the children
    from sync_worker.model.compiled.loader import load
    from sync_worker.store.database import open_store

# Neither starts a thread: a fork would lose it.
load(Path(__file__).parents[2] / "config" / "model.yaml")
open_store("sqlite://").close()
