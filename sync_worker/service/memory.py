"""Returns memory to the operating system between the cycles of the service."""

from __future__ import annotations

import ctypes
from contextlib import suppress

from sync_worker.errors import SyncWorkerError
from sync_worker.worker import Worker


def release_memory(worker: Worker) -> None:
    """Empty the page cache of the state, and return the free memory of the process; elsewhere than with glibc, it stays with the process.

    A plan for a million contacts would otherwise leave tens of megabytes behind until the next one.
    """
    with suppress(SyncWorkerError):  # the state cannot be opened; the cycle has reported it
        worker.store.shrink_cache()
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
