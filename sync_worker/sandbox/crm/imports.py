"""Imports of files into records; hubspot-api.md section 8."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from sync_worker.sandbox.base.responses import Json
from sync_worker.sandbox.base.timestamps import iso

MOST_RUNNING = 3
MOST_ROWS, MOST_ROWS_A_DAY = 1_048_576, 80_000_000
DAY_MS = 86_400_000
STARTING_MS, ROW_MS, LEAST_MS = 500, 0.05, 1_500  # how long an import seems to take
ImportState = Literal["STARTED", "PROCESSING", "DONE", "FAILED", "CANCELED", "DEFERRED"]


@dataclass(slots=True, kw_only=True)
class Import:
    """One import: what was asked, by whom, when it runs and what became of its rows; times in epoch milliseconds."""

    id: int
    app: str
    request: Json
    created: int
    starts: int
    rows: int
    take: Callable[[int], None]  # writes the row of that number, from 0
    taken: int = 0
    canceled: int | None = None
    counters: Counter[str] = field(default_factory=Counter)
    errors: list[Json] = field(default_factory=list)

    @property
    def ends(self) -> int:
        """When the last row is done."""
        return self.starts + max(LEAST_MS, int(self.rows * ROW_MS))

    def state(self, now: int) -> ImportState:
        """Return how far it is."""
        if self.canceled is not None:
            return "CANCELED"
        if now < self.starts:
            return "DEFERRED"
        if now < self.starts + STARTING_MS:
            return "STARTED"
        return "DONE" if now >= self.ends and self.taken == self.rows else "PROCESSING"

    def work(self, now: int) -> None:
        """Write the rows that are due by now."""
        if self.canceled is None and self.taken < self.rows and now >= self.starts + STARTING_MS:
            share = (now - self.starts - STARTING_MS) / (self.ends - self.starts - STARTING_MS)
            due = self.rows if now >= self.ends else int(share * self.rows)
            while self.taken < due:
                self.taken += 1
                self.take(self.taken - 1)
            if self.taken == self.rows:
                self.take = _nothing  # the file is not needed any more

    def shown(self, now: int) -> Json:
        """Return the import as HubSpot shows it; the counters are there when it is done."""
        state = self.state(now)
        metadata: Json = {"counters": dict(self.counters) if state == "DONE" else {}, "fileIds": [str(self.id)], "objectLists": []}
        return {
            "id": str(self.id),
            "importName": self.request.get("name"),
            "state": state,
            "createdAt": iso(self.created),
            "updatedAt": iso(min(now, self.ends)),
            "metadata": metadata,
            "importRequestJson": self.request,
            "optOutImport": False,
        }


def _nothing(_: int) -> None:
    return


class Imports:
    """Every import of the portal: three at a time, eighty million rows in any day."""

    def __init__(self) -> None:
        self._all: dict[int, Import] = {}

    def get(self, import_id: int, app: str) -> Import | None:
        """Return an import of an app."""
        found = self._all.get(import_id)
        return found if found is not None and found.app == app else None

    def of_app(self, app: str) -> list[Import]:
        """Return the imports of an app."""
        return [item for item in self._all.values() if item.app == app]

    def has_room(self, rows: int, now: int) -> bool:
        """Tell whether so many rows more can be taken today."""
        return rows + sum(item.rows for item in self._all.values() if item.created > now - DAY_MS) <= MOST_ROWS_A_DAY

    def work(self, now: int) -> None:
        """Go on with every import, as far as it would have come by now."""
        for item in self._all.values():
            item.work(now)

    def add(self, request: Json, *, app: str, rows: int, now: int, take: Callable[[Import, int], None]) -> Import:
        """Begin an import, as soon as fewer than three others run."""
        ends = sorted((item.ends for item in self._all.values() if item.state(now) not in {"DONE", "CANCELED"}), reverse=True)
        starts = ends[MOST_RUNNING - 1] if len(ends) >= MOST_RUNNING else now
        item = Import(
            id=len(self._all) + 1, app=app, request=request, created=now, starts=starts, rows=rows, take=lambda number: take(item, number)
        )
        self._all[item.id] = item
        return item
