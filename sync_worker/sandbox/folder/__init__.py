"""A portal folder: HubSpot's own shapes on disk, one JSON object a line."""

from __future__ import annotations

from sync_worker.sandbox.folder.reading import read
from sync_worker.sandbox.folder.shifting import shifted
from sync_worker.sandbox.folder.writing import write

__all__ = ["read", "shifted", "write"]
