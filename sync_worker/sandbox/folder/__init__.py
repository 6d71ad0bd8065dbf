"""A portal folder: HubSpot's own shapes on disk, one JSON object a line."""

from __future__ import annotations

from sync_worker.sandbox.folder.reader import read
from sync_worker.sandbox.folder.time_shift import shift_times
from sync_worker.sandbox.folder.writer import write

__all__ = ["read", "shift_times", "write"]
