"""Asynchronous exports of records to files, served by sandbox/api/crm/exports.py; hubspot-api.md section 8."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from sync_worker.sandbox.base.responses import Json
from sync_worker.sandbox.base.timestamps import format_iso

MAX_EXPORTS_PER_DAY = 30
DAY_MS = 86_400_000
EXPORT_DURATION_MS = 2_000  # duration of an export; exports run one at a time
LINK_LIFETIME_MS = 300_000  # lifetime of a download link
TaskState = Literal["PENDING", "PROCESSING", "COMPLETE"]
_EXPORT_STATES: dict[TaskState, str] = {"PENDING": "ENQUEUED", "PROCESSING": "PROCESSING", "COMPLETE": "DONE"}


@dataclass(slots=True, kw_only=True)
class ExportTask:
    """One export: its request, app, schedule and file; times in epoch milliseconds."""

    id: int
    app_id: str
    request: Json
    created_at: int
    starts_at: int
    file: bytes | None = None
    row_count: int = 0
    link_expiries: dict[str, int] = field(default_factory=dict)  # secret of a download link → expiry

    @property
    def completes_at(self) -> int:
        """Time at which the file is ready."""
        return self.starts_at + EXPORT_DURATION_MS

    def state(self, now: int) -> TaskState:
        """Return the state of the export."""
        if now < self.starts_at:
            return "PENDING"
        return "PROCESSING" if now < self.completes_at else "COMPLETE"

    def create_link(self, secret: str, now: int) -> str:
        """Register a download link that is valid for five minutes, and return its secret."""
        self.link_expiries[secret] = now + LINK_LIFETIME_MS
        return secret

    def to_json(self, now: int) -> Json:
        """Return the export in HubSpot's JSON."""
        request, state = self.request, self.state(now)
        body: Json = {
            "id": str(self.id),
            "exportName": request.get("exportName"),
            "exportType": request.get("exportType"),
            "objectType": request.get("objectType"),
            "objectProperties": request.get("objectProperties"),
            "createdAt": format_iso(self.created_at),
            "updatedAt": format_iso(min(now, self.completes_at)),
            "exportState": _EXPORT_STATES[state],
        }
        return {**body, "recordCount": self.row_count} if state == "COMPLETE" else body


class ExportQueue:
    """All exports of the portal: at most 30 in 24 hours, one at a time."""

    def __init__(self) -> None:
        self._all: dict[int, ExportTask] = {}

    def get(self, export_id: int) -> ExportTask | None:
        """Return an export by id."""
        return self._all.get(export_id)

    def is_limit_reached(self, now: int) -> bool:
        """Return whether the limit of exports in 24 hours is reached."""
        return sum(export.created_at > now - DAY_MS for export in self._all.values()) >= MAX_EXPORTS_PER_DAY

    def start(self, request: Json, *, app_id: str, now: int) -> ExportTask:
        """Queue an export; it starts when the previous one is complete."""
        previous_end = max((export.completes_at for export in self._all.values()), default=now)
        export = ExportTask(id=len(self._all) + 1, app_id=app_id, request=request, created_at=now, starts_at=max(now, previous_end))
        self._all[export.id] = export
        return export

    def find_by_link(self, secret: str, now: int) -> ExportTask | None:
        """Return the export for the secret of a download link; None if the link is unknown or expired."""
        return next((export for export in self._all.values() if export.link_expiries.get(secret, 0) > now), None)
