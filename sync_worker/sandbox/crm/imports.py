"""Asynchronous imports of files into records, served by sandbox/api/crm/imports.py; hubspot-api.md section 8."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from sync_worker.sandbox.base.responses import Json
from sync_worker.sandbox.base.timestamps import format_iso

MAX_RUNNING_IMPORTS = 3
MAX_ROWS_PER_FILE, MAX_ROWS_PER_DAY = 1_048_576, 80_000_000
DAY_MS = 86_400_000
STARTUP_MS, MS_PER_ROW, MIN_DURATION_MS = 500, 0.05, 1_500  # simulated duration of an import
ImportState = Literal["STARTED", "PROCESSING", "DONE", "FAILED", "CANCELED", "DEFERRED"]


@dataclass(slots=True, kw_only=True)
class ImportTask:
    """One import: its request, app, schedule, row counts and errors; times in epoch milliseconds."""

    id: int
    app_id: str
    request: Json
    created_at: int
    starts_at: int
    row_count: int
    write_row: Callable[[int], None]  # writes the row with this number, from 0
    rows_done: int = 0
    canceled_at: int | None = None
    counters: Counter[str] = field(default_factory=Counter)
    errors: list[Json] = field(default_factory=list)

    @property
    def ends_at(self) -> int:
        """Time at which the last row is written."""
        return self.starts_at + max(MIN_DURATION_MS, int(self.row_count * MS_PER_ROW))

    def state(self, now: int) -> ImportState:
        """Return the state of the import."""
        if self.canceled_at is not None:
            return "CANCELED"
        if now < self.starts_at:
            return "DEFERRED"
        if now < self.starts_at + STARTUP_MS:
            return "STARTED"
        return "DONE" if now >= self.ends_at and self.rows_done == self.row_count else "PROCESSING"

    def advance(self, now: int) -> None:
        """Write the rows that are due by now."""
        if self.canceled_at is None and self.rows_done < self.row_count and now >= self.starts_at + STARTUP_MS:
            share = (now - self.starts_at - STARTUP_MS) / (self.ends_at - self.starts_at - STARTUP_MS)
            due = self.row_count if now >= self.ends_at else int(share * self.row_count)
            while self.rows_done < due:
                self.rows_done += 1
                self.write_row(self.rows_done - 1)
            if self.rows_done == self.row_count:
                self.write_row = _do_nothing  # releases the file

    def to_json(self, now: int) -> Json:
        """Return the import in HubSpot's JSON; a finished import has counters."""
        state = self.state(now)
        metadata: Json = {"counters": dict(self.counters) if state == "DONE" else {}, "fileIds": [str(self.id)], "objectLists": []}
        return {
            "id": str(self.id),
            "importName": self.request.get("name"),
            "state": state,
            "createdAt": format_iso(self.created_at),
            "updatedAt": format_iso(min(now, self.ends_at)),
            "metadata": metadata,
            "importRequestJson": self.request,
            "optOutImport": False,
        }


def _do_nothing(_: int) -> None:
    return


class ImportQueue:
    """All imports of the portal: 3 at a time, at most 80 million rows in 24 hours."""

    def __init__(self) -> None:
        self._all: dict[int, ImportTask] = {}

    def get(self, import_id: int, app_id: str) -> ImportTask | None:
        """Return an import of an app by id."""
        found = self._all.get(import_id)
        return found if found is not None and found.app_id == app_id else None

    def list_for_app(self, app_id: str) -> list[ImportTask]:
        """Return all imports of an app."""
        return [item for item in self._all.values() if item.app_id == app_id]

    def has_room(self, row_count: int, now: int) -> bool:
        """Return whether the 24-hour limit allows this many more rows."""
        return row_count + sum(item.row_count for item in self._all.values() if item.created_at > now - DAY_MS) <= MAX_ROWS_PER_DAY

    def advance(self, now: int) -> None:
        """Write the rows of all imports that are due by now."""
        for item in self._all.values():
            item.advance(now)

    def start(self, request: Json, *, app_id: str, row_count: int, now: int, write_row: Callable[[ImportTask, int], None]) -> ImportTask:
        """Queue an import; it starts when fewer than 3 others run."""
        ends = sorted((item.ends_at for item in self._all.values() if item.state(now) not in {"DONE", "CANCELED"}), reverse=True)
        starts = ends[MAX_RUNNING_IMPORTS - 1] if len(ends) >= MAX_RUNNING_IMPORTS else now
        item = ImportTask(
            id=len(self._all) + 1,
            app_id=app_id,
            request=request,
            created_at=now,
            starts_at=starts,
            row_count=row_count,
            write_row=lambda number: write_row(item, number),
        )
        self._all[item.id] = item
        return item
