"""Lists ("segments") and their members."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from sync_worker.sandbox.base.object_types import CONTACTS
from sync_worker.sandbox.base.portal_data import Row
from sync_worker.sandbox.base.timestamps import parse_ms

ProcessingType = Literal["MANUAL", "SNAPSHOT", "DYNAMIC"]


@dataclass(slots=True, kw_only=True)
class RecordList:
    """A list with its members and their times of joining."""

    id: int
    name: str
    object_type_id: str
    processing: ProcessingType
    created: int  # epoch milliseconds
    updated: int
    created_by: str
    filter_branch: dict[str, Any] | None = None
    version: int = 1
    deleted_at: int | None = None
    joined_at: dict[int, int] = field(default_factory=dict)  # record id → epoch milliseconds
    _sorted_ids: list[int] | None = None

    def __len__(self) -> int:
        return len(self.joined_at)

    def add(self, record_ids: Iterable[int], *, now: int) -> list[int]:
        """Add members and return the new ones."""
        new = [record_id for record_id in dict.fromkeys(record_ids) if record_id not in self.joined_at]
        self.joined_at.update(dict.fromkeys(new, now))
        if new:
            self._sorted_ids = None
        return new

    def remove(self, record_ids: Iterable[int]) -> list[int]:
        """Remove members and return the removed ones."""
        old = [record_id for record_id in dict.fromkeys(record_ids) if record_id in self.joined_at]
        for record_id in old:
            del self.joined_at[record_id]
            self._sorted_ids = None
        return old

    def member_ids(self) -> list[int]:
        """Return the ids of the members, ascending."""
        if self._sorted_ids is None:
            self._sorted_ids = sorted(self.joined_at)
        return self._sorted_ids

    def member_ids_from(self, first_id: int, limit: int) -> list[int]:
        """Return up to `limit` member ids from `first_id` on, ascending."""
        members = self.member_ids()
        start = bisect_left(members, first_id)
        return members[start : start + limit]


def parse_lists(rows: Iterable[Row], *, now: int) -> Iterator[RecordList]:
    """Yield the lists of contacts of a portal folder; `now` (epoch milliseconds) is the time of joining without `createdAt`."""
    for row in rows:
        created = parse_ms(str(row.get("createdAt") or "")) or now
        yield RecordList(
            id=int(row["listId"]),
            name=row["name"],
            object_type_id=CONTACTS.type_id,
            processing=row.get("processingType") or "MANUAL",
            created=created,
            updated=created,
            created_by="",
            joined_at=dict.fromkeys(map(int, row["contactIds"]), created),
        )


class ListRegistry:
    """All lists of the portal."""

    def __init__(self, lists: Iterable[RecordList] = ()) -> None:
        self._by_id = {item.id: item for item in lists}

    def __iter__(self) -> Iterator[RecordList]:
        return (item for item in self._by_id.values() if item.deleted_at is None)

    def get(self, list_id: int, *, include_deleted: bool = False) -> RecordList | None:
        """Return a list by id; a deleted one only with `include_deleted`."""
        found = self._by_id.get(list_id)
        return found if found is not None and (include_deleted or found.deleted_at is None) else None

    def find_by_name(self, name: str, object_type_id: str) -> RecordList | None:
        """Return the list with a name, ignoring case."""
        folded = name.casefold()
        return next((item for item in self if item.name.casefold() == folded and item.object_type_id == object_type_id), None)

    def create(
        self,
        name: str,
        object_type_id: str,
        processing_type: ProcessingType,
        *,
        now: int,
        created_by: str,
        filter_branch: dict[str, Any] | None = None,
    ) -> RecordList:
        """Create an empty list."""
        created = RecordList(
            id=max(self._by_id, default=0) + 1,
            name=name,
            object_type_id=object_type_id,
            processing=processing_type,
            created=now,
            updated=now,
            created_by=created_by,
            filter_branch=filter_branch,
        )
        self._by_id[created.id] = created
        return created

    def find_by_member(self, record_id: int) -> list[RecordList]:
        """Return the lists that contain a record."""
        return [item for item in self if record_id in item.joined_at]

    def remove_from_all(self, record_id: int) -> None:
        """Remove a record from all lists."""
        for item in self:
            item.remove([record_id])
