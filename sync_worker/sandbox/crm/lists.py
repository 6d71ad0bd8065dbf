"""Lists ("segments") of contacts and their members."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

Processing = Literal["MANUAL", "SNAPSHOT", "DYNAMIC"]


@dataclass(slots=True, kw_only=True)
class RecordList:
    """One list: who is in it since when."""

    id: int
    name: str
    object_type_id: str
    processing: Processing
    created: int  # epoch milliseconds
    updated: int
    created_by: str
    filter_branch: dict[str, Any] | None = None
    version: int = 1
    deleted_at: int | None = None
    joined: dict[int, int] = field(default_factory=dict)  # record id → epoch milliseconds
    _ordered: list[int] | None = None

    def __len__(self) -> int:
        return len(self.joined)

    def add(self, record_ids: Iterable[int], *, now: int) -> list[int]:
        """Put records in and return those that were not in."""
        new = [record_id for record_id in dict.fromkeys(record_ids) if record_id not in self.joined]
        self.joined.update(dict.fromkeys(new, now))
        if new:
            self._ordered = None
        return new

    def remove(self, record_ids: Iterable[int]) -> list[int]:
        """Take records out and return those that were in."""
        old = [record_id for record_id in dict.fromkeys(record_ids) if record_id in self.joined]
        for record_id in old:
            del self.joined[record_id]
            self._ordered = None
        return old

    def members(self) -> list[int]:
        """Return the ids of the members, ascending."""
        if self._ordered is None:
            self._ordered = sorted(self.joined)
        return self._ordered

    def members_from(self, first: int, limit: int) -> list[int]:
        """Return the ids of `limit` members from an id on, ascending."""
        members = self.members()
        start = bisect_left(members, first)
        return members[start : start + limit]


class Lists:
    """Every list of the portal."""

    def __init__(self) -> None:
        self._by_id: dict[int, RecordList] = {}

    def __iter__(self) -> Iterator[RecordList]:
        return (item for item in self._by_id.values() if item.deleted_at is None)

    def get(self, list_id: int, *, deleted: bool = False) -> RecordList | None:
        """Return a list; a deleted one only when asked for."""
        found = self._by_id.get(list_id)
        return found if found is not None and (deleted or found.deleted_at is None) else None

    def named(self, name: str, object_type_id: str) -> RecordList | None:
        """Return the list with a name; case does not matter."""
        wanted = name.casefold()
        return next((item for item in self if item.name.casefold() == wanted and item.object_type_id == object_type_id), None)

    def create(
        self,
        name: str,
        object_type_id: str,
        processing: Processing,
        *,
        now: int,
        created_by: str,
        filter_branch: dict[str, Any] | None = None,
    ) -> RecordList:
        """Add an empty list."""
        created = RecordList(
            id=max(self._by_id, default=0) + 1,
            name=name,
            object_type_id=object_type_id,
            processing=processing,
            created=now,
            updated=now,
            created_by=created_by,
            filter_branch=filter_branch,
        )
        self._by_id[created.id] = created
        return created

    def of_record(self, record_id: int) -> list[RecordList]:
        """Return the lists that a record is in."""
        return [item for item in self if record_id in item.joined]

    def forget(self, record_id: int) -> None:
        """Take a record out of every list."""
        for item in self:
            item.remove([record_id])
