"""Column store of the records of one object type; compact, and a page of records is a slice."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from itertools import count, islice

from sync_worker.sandbox.base.object_types import ObjectType

Column = list[str | None]
Columns = dict[str, Column]


class RecordStore:
    """Records in ascending order of their ids.

    A row is the position of a record and never changes. Records keep their row when they are archived, permanently deleted
    (`deleted`) or merged (`merged_into`: old id → id of the surviving record).
    """

    def __init__(self, object_type: ObjectType) -> None:
        self.object_type = object_type
        self.ids = array("q")
        self.created = array("q")  # epoch milliseconds
        self.modified = array("q")  # epoch milliseconds
        self.columns: Columns = {name: [] for name in object_type.mandatory_properties}
        self.archived: dict[int, int] = {}  # row → epoch milliseconds
        self.deleted: set[int] = set()
        self.merged_into: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self.ids)

    def find_row(self, record_id: int) -> int | None:
        """Return the row of an id; includes archived, deleted and merged records."""
        at = bisect_left(self.ids, record_id)
        return at if at < len(self.ids) and self.ids[at] == record_id else None

    def find_live_row(self, record_id: int) -> int | None:
        """Return the row of a visible record; merged-away ids are not resolved."""
        row = self.find_row(record_id)
        return row if row is not None and self.is_live(row) else None

    def find_surviving_row(self, record_id: int) -> int | None:
        """Return the row of a visible record; merged-away ids are resolved."""
        while record_id in self.merged_into:
            record_id = self.merged_into[record_id]
        return self.find_live_row(record_id)

    def is_live(self, row: int) -> bool:
        """Return whether a record is visible: not archived, not deleted."""
        return row not in self.archived and row not in self.deleted

    def iter_live_rows(self, *, first_id: int = 0) -> Iterator[int]:
        """Yield the rows of visible records from `first_id` on, ascending."""
        start = bisect_left(self.ids, first_id)
        if not self.archived and not self.deleted:
            return iter(range(start, len(self.ids)))
        return (row for row in range(start, len(self.ids)) if self.is_live(row))

    def iter_archived_rows(self, *, first_id: int = 0, since: int = 0) -> Iterator[int]:
        """Yield the rows of records archived since a time (epoch milliseconds), from `first_id` on, ascending."""
        return (row for row in sorted(self.archived) if self.ids[row] >= first_id and self.archived[row] >= since)

    def page_rows(self, *, first_id: int, limit: int, archived_since: int | None = None) -> tuple[list[int], int | None]:
        """Return the rows of one page and the first id of the next page; with `archived_since`, of archived records."""
        archive = archived_since is not None
        rows = self.iter_archived_rows(first_id=first_id, since=archived_since or 0) if archive else self.iter_live_rows(first_id=first_id)
        page = list(islice(rows, limit + 1))
        return page[:limit], self.ids[page[limit]] if len(page) > limit else None

    def value(self, row: int, name: str) -> str | None:
        """Return one value; None if it is not set."""
        column = self.columns.get(name)
        return column[row] if column is not None else None

    def values(self, row: int) -> dict[str, str]:
        """Return all values that are set."""
        return {name: value for name, column in self.columns.items() if (value := column[row]) is not None}

    def set_value(self, row: int, name: str, value: str | None) -> None:
        """Set or clear one value."""
        column = self.columns.get(name)
        if column is None:
            column = self.columns[name] = [None] * len(self.ids)
        column[row] = value

    def append(self, record_id: int, values: Mapping[str, str | None], *, created: int, modified: int) -> int:
        """Append a record and return its row; the id must be higher than all others."""
        self.ids.append(record_id)
        self.created.append(created)
        self.modified.append(modified)
        for column in self.columns.values():
            column.append(None)
        row = len(self.ids) - 1
        for name, value in values.items():
            self.set_value(row, name, value)
        return row

    def next_id(self) -> int:
        """Return the next unused id."""
        return self.ids[-1] + 1 if self.ids else next(count(1))
