"""Exports of records into files; hubspot-api.md section 8."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from sync_worker.sandbox.base.responses import Json
from sync_worker.sandbox.base.timestamps import iso

MOST_IN_A_DAY = 30
DAY_MS = 86_400_000
DURATION_MS = 2_000  # of one export; the next one waits for it
LINK_MS = 300_000  # for which a link works
TaskState = Literal["PENDING", "PROCESSING", "COMPLETE"]
_STATES: dict[TaskState, str] = {"PENDING": "ENQUEUED", "PROCESSING": "PROCESSING", "COMPLETE": "DONE"}


@dataclass(slots=True, kw_only=True)
class Export:
    """One export: what was asked, by whom, and when it runs; times in epoch milliseconds."""

    id: int
    app: str
    request: Json
    created: int
    starts: int
    file: bytes | None = None
    rows: int = 0
    links: dict[str, int] = field(default_factory=dict)  # secret of a link → until when it works

    @property
    def completes(self) -> int:
        """When the file is there."""
        return self.starts + DURATION_MS

    def state(self, now: int) -> TaskState:
        """Return how far it is."""
        if now < self.starts:
            return "PENDING"
        return "PROCESSING" if now < self.completes else "COMPLETE"

    def link(self, secret: str, now: int) -> str:
        """Return the secret of a link that works from now on for five minutes."""
        self.links[secret] = now + LINK_MS
        return secret

    def shown(self, now: int) -> Json:
        """Return the export as HubSpot shows it."""
        request, state = self.request, self.state(now)
        shown: Json = {
            "id": str(self.id),
            "exportName": request.get("exportName"),
            "exportType": request.get("exportType"),
            "objectType": request.get("objectType"),
            "objectProperties": request.get("objectProperties"),
            "createdAt": iso(self.created),
            "updatedAt": iso(min(now, self.completes)),
            "exportState": _STATES[state],
        }
        return {**shown, "recordCount": self.rows} if state == "COMPLETE" else shown


class Exports:
    """Every export of the portal: thirty in any day, one at a time."""

    def __init__(self) -> None:
        self._all: dict[int, Export] = {}

    def get(self, export_id: int) -> Export | None:
        """Return an export."""
        return self._all.get(export_id)

    def full(self, now: int) -> bool:
        """Tell whether no more exports may begin for a while."""
        return sum(export.created > now - DAY_MS for export in self._all.values()) >= MOST_IN_A_DAY

    def add(self, request: Json, *, app: str, now: int) -> Export:
        """Begin an export, as soon as the one before is done."""
        before = max((export.completes for export in self._all.values()), default=now)
        export = Export(id=len(self._all) + 1, app=app, request=request, created=now, starts=max(now, before))
        self._all[export.id] = export
        return export

    def opened_by(self, secret: str, now: int) -> Export | None:
        """Return the export that the secret of a link opens, if the link still works."""
        return next((export for export in self._all.values() if export.links.get(secret, 0) > now), None)
