"""Exports of records into files; hubspot-api.md section 8."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from sync_worker.sandbox.base.responses import Json
from sync_worker.sandbox.base.timestamps import format_iso

MAX_EXPORTS_PER_DAY = 30
DAY_MS = 86_400_000
EXPORT_DURATION_MS = 2_000  # of one export; the next one waits for it
LINK_LIFETIME_MS = 300_000  # for which a link works
TaskState = Literal["PENDING", "PROCESSING", "COMPLETE"]
_EXPORT_STATES: dict[TaskState, str] = {"PENDING": "ENQUEUED", "PROCESSING": "PROCESSING", "COMPLETE": "DONE"}


@dataclass(slots=True, kw_only=True)
class ExportTask:
    """One export: what was asked, by whom, and when it runs; times in epoch milliseconds."""

    id: int
    app_id: str
    request: Json
    created_at: int
    starts_at: int
    file: bytes | None = None
    row_count: int = 0
    link_expiries: dict[str, int] = field(default_factory=dict)  # secret of a link → until when it works

    @property
    def completes_at(self) -> int:
        """When the file is there."""
        return self.starts_at + EXPORT_DURATION_MS

    def state(self, now: int) -> TaskState:
        """Return how far it is."""
        if now < self.starts_at:
            return "PENDING"
        return "PROCESSING" if now < self.completes_at else "COMPLETE"

    def create_link(self, secret: str, now: int) -> str:
        """Return the secret of a link that works from now on for five minutes."""
        self.link_expiries[secret] = now + LINK_LIFETIME_MS
        return secret

    def to_json(self, now: int) -> Json:
        """Return the export as HubSpot shows it."""
        request, state = self.request, self.state(now)
        shown: Json = {
            "id": str(self.id),
            "exportName": request.get("exportName"),
            "exportType": request.get("exportType"),
            "objectType": request.get("objectType"),
            "objectProperties": request.get("objectProperties"),
            "createdAt": format_iso(self.created_at),
            "updatedAt": format_iso(min(now, self.completes_at)),
            "exportState": _EXPORT_STATES[state],
        }
        return {**shown, "recordCount": self.row_count} if state == "COMPLETE" else shown


class ExportQueue:
    """Every export of the portal: thirty in any day, one at a time."""

    def __init__(self) -> None:
        self._all: dict[int, ExportTask] = {}

    def get(self, export_id: int) -> ExportTask | None:
        """Return an export."""
        return self._all.get(export_id)

    def is_limit_reached(self, now: int) -> bool:
        """Tell whether no more exports may begin for a while."""
        return sum(export.created_at > now - DAY_MS for export in self._all.values()) >= MAX_EXPORTS_PER_DAY

    def start(self, request: Json, *, app_id: str, now: int) -> ExportTask:
        """Begin an export, as soon as the one before is done."""
        before = max((export.completes_at for export in self._all.values()), default=now)
        export = ExportTask(id=len(self._all) + 1, app_id=app_id, request=request, created_at=now, starts_at=max(now, before))
        self._all[export.id] = export
        return export

    def find_by_link(self, secret: str, now: int) -> ExportTask | None:
        """Return the export that the secret of a link opens, if the link still works."""
        return next((export for export in self._all.values() if export.link_expiries.get(secret, 0) > now), None)
