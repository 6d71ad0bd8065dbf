"""Portal folders: HubSpot's JSON shapes on disk, one object per line."""

from __future__ import annotations

from sync_worker.sandbox.folder.reader import read, read_chunks
from sync_worker.sandbox.folder.snapshot import find_frozen, take_snapshot
from sync_worker.sandbox.folder.time_shift import shift_times
from sync_worker.sandbox.folder.writer import write

__all__ = ["find_frozen", "read", "read_chunks", "shift_times", "take_snapshot", "write"]
