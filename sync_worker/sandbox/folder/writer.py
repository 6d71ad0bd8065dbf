"""Writes a portal folder."""

from __future__ import annotations

from pathlib import Path

import orjson

from sync_worker.sandbox.base.portal_data import PortalData
from sync_worker.sandbox.folder.reader import PORTAL_FILE
from sync_worker.sandbox.folder.time_shift import format_iso
from sync_worker.sandbox.folder.validators import ROW_VALIDATORS


def write(data: PortalData, path: Path) -> None:
    """Write a portal folder that `read` returns unchanged; existing files are replaced."""
    path.mkdir(parents=True, exist_ok=True)
    header = {"portalId": data.portal_id, "tier": data.tier, "timeZone": data.time_zone, "now": format_iso(data.now)}
    (path / PORTAL_FILE).write_bytes(orjson.dumps(header, option=orjson.OPT_APPEND_NEWLINE))
    for kind in ROW_VALIDATORS:
        with (path / f"{kind}.jsonl").open("wb") as lines:
            lines.writelines(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in getattr(data, kind))
