"""The command line: what was asked for, done by the worker, shown to a person or a program."""

from __future__ import annotations

import gc
from typing import NoReturn


def main() -> NoReturn:
    """Run the command line."""
    # What importing makes stays to the end: looking through it for garbage again and again would be a sixth of the start.
    gc.disable()
    from sync_worker.cli.main import main as run  # noqa: PLC0415 -- after the line above

    gc.freeze()
    gc.enable()
    run()
