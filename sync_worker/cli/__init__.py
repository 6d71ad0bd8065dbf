"""The command line: what was asked for, done by the worker, shown to a person or a program."""

from __future__ import annotations

from sync_worker.cli.main import main

__all__ = ["main"]
