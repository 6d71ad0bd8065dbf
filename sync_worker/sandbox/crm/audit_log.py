"""Log of property changes since the portal was loaded."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

MAX_CHANGES = 200_000  # older changes are dropped


@dataclass(frozen=True, slots=True)
class ChangeSource:
    """The author of a value, in HubSpot's terms."""

    type: str  # INTEGRATION, CRM_UI, IMPORT, MERGE_OBJECTS, CALCULATED ...
    id: str | None = None
    label: str | None = None


CRM_UI_SOURCE = ChangeSource("CRM_UI", "userId:1", "Another user")
CALCULATED_SOURCE = ChangeSource("CALCULATED")


@dataclass(frozen=True, slots=True)
class PropertyChange:
    """One write of a value; None clears it."""

    object_type: str
    record_id: int
    property_name: str
    old_value: str | None
    new_value: str | None
    at: int  # epoch milliseconds
    source: ChangeSource


class AuditLog:
    """The most recent changes, in chronological order."""

    def __init__(self, max_changes: int = MAX_CHANGES) -> None:
        self._max_changes = max_changes
        self._changes: deque[PropertyChange] = deque()
        self._by_record: dict[tuple[str, int], deque[PropertyChange]] = defaultdict(deque)

    def add(self, change: PropertyChange) -> None:
        """Add a change; drop the oldest one above the maximum."""
        self._changes.append(change)
        self._by_record[change.object_type, change.record_id].append(change)
        if len(self._changes) > self._max_changes:
            self._drop_oldest()

    def recent_changes(
        self, limit: int, *, object_type: str | None = None, properties: frozenset[str] | None = None
    ) -> list[PropertyChange]:
        """Return the most recent changes, newest first, filtered by object type and properties."""
        matches = (
            change
            for change in reversed(self._changes)
            if (object_type is None or change.object_type == object_type) and (properties is None or change.property_name in properties)
        )
        return list(islice(matches, limit))

    def record_changes(self, object_type: str, record_id: int, property_name: str | None = None) -> Iterator[PropertyChange]:
        """Yield the changes of one record, newest first."""
        changes = self._by_record.get((object_type, record_id), ())
        return (change for change in reversed(changes) if property_name is None or change.property_name == property_name)

    def _drop_oldest(self) -> None:
        oldest = self._changes.popleft()
        key = (oldest.object_type, oldest.record_id)
        self._by_record[key].popleft()
        if not self._by_record[key]:
            del self._by_record[key]
