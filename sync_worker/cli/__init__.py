"""The command line: what was asked for, done by the worker, shown to a person or a program."""

from __future__ import annotations

import gc
from typing import Final, NoReturn

GC_THRESHOLD_OBJECTS: Final = 50_000  # objects between two looks for garbage


def main() -> NoReturn:
    """Run the command line."""
    # What importing makes stays to the end: looking through it for garbage again and again would be a sixth of the start.
    gc.disable()
    from sync_worker.cli.commands import main as run  # noqa: PLC0415 -- after the line above

    gc.freeze()
    gc.enable()
    # Pages of contacts are thousands of objects, all of them in use: Python's own 700 would look in vain, for 7 % of a backfill.
    gc.set_threshold(GC_THRESHOLD_OBJECTS)
    run()
