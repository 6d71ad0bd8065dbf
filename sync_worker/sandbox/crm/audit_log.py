"""Who changed which property when, since the portal was loaded."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

KEPT = 200_000  # changes; older ones are forgotten


@dataclass(frozen=True, slots=True)
class Source:
    """Who wrote a value, in HubSpot's words."""

    type: str  # INTEGRATION, CRM_UI, IMPORT, MERGE_OBJECTS, CALCULATED ...
    id: str | None = None
    label: str | None = None


CRM_UI = Source("CRM_UI", "userId:1", "Somebody else")
CALCULATED = Source("CALCULATED")


@dataclass(frozen=True, slots=True)
class Change:
    """One value that was written; None cleared it."""

    kind: str
    record_id: int
    property: str
    before: str | None
    after: str | None
    at: int  # epoch milliseconds
    source: Source


class History:
    """The last changes, in the order they were made."""

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._all: deque[Change] = deque()
        self._by_record: dict[tuple[str, int], deque[Change]] = defaultdict(deque)

    def add(self, change: Change) -> None:
        """Remember a change and forget the oldest one when there are too many."""
        self._all.append(change)
        self._by_record[change.kind, change.record_id].append(change)
        if len(self._all) > self._kept:
            self._forget_oldest()

    def recent(self, limit: int, *, kind: str | None = None, properties: frozenset[str] | None = None) -> list[Change]:
        """Return the last changes, newest first, of one object type or of some properties only."""
        fits = (
            change
            for change in reversed(self._all)
            if (kind is None or change.kind == kind) and (properties is None or change.property in properties)
        )
        return list(islice(fits, limit))

    def of(self, kind: str, record_id: int, name: str | None = None) -> Iterator[Change]:
        """Yield the changes of one record, newest first."""
        changes = self._by_record.get((kind, record_id), ())
        return (change for change in reversed(changes) if name is None or change.property == name)

    def _forget_oldest(self) -> None:
        oldest = self._all.popleft()
        key = (oldest.kind, oldest.record_id)
        self._by_record[key].popleft()
        if not self._by_record[key]:
            del self._by_record[key]
