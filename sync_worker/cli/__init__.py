"""The command line: commands, their text output, the demo."""

from __future__ import annotations

import gc
import sys
from typing import Final, NoReturn

from sync_worker.errors import ExitCode
from sync_worker.resource_errors import find_exhaustion

GC_THRESHOLD_OBJECTS: Final = 50_000  # new objects between two garbage collections


def main() -> NoReturn:
    """Run the command line."""
    # Imported modules live until the end; collecting garbage among them would take a sixth of the startup time.
    gc.disable()
    try:
        from sync_worker.cli.commands import main as run  # noqa: PLC0415 -- after the line above
    except KeyboardInterrupt:
        sys.stderr.write("sync-worker: interrupted before the command began.\n")
        sys.exit(int(ExitCode.INTERRUPTED))
    except (MemoryError, OSError) as error:
        exhausted = find_exhaustion(error)
        if exhausted is None:
            raise
        sys.stderr.write(f"sync-worker: {exhausted}\n")
        sys.exit(int(exhausted.exit_code))

    gc.freeze()
    gc.enable()
    # Pages of contacts are thousands of live objects. Collections at Python's default of 700 would find nothing and take 7 % of a backfill.
    gc.set_threshold(GC_THRESHOLD_OBJECTS)
    run()
