"""Event rows in chronological order, filtered by time, kind and contact."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice

import orjson

from sync_worker.sandbox.base.portal_data import Row
from sync_worker.sandbox.base.spool_file import SpoolFile


@dataclass(frozen=True, slots=True, kw_only=True)
class RowKey:
    """Functions that return the timestamp (epoch milliseconds), the kind and the contact of a row."""

    timestamp: Callable[[Row], int]
    kind: Callable[[Row], str]
    contact_key: Callable[[Row], str]


class EventTimeline:
    """Event rows, oldest first.

    A position stays valid as long as new rows are the newest; a cursor stays valid always.
    """

    def __init__(self, rows: Iterable[Row], key: RowKey) -> None:
        self._key = key
        self._rows = SpoolFile()
        self._edits: dict[int, int] = {}  # number of a row → number of its current content
        self._timestamps, self._row_numbers = array("q"), array("q")
        self._kinds, self._contact_keys = list[str](), list[str]()
        shared: dict[str, str] = {}
        for row in rows:
            kind, contact_key = key.kind(row), key.contact_key(row)
            self._insert(
                len(self._timestamps),
                key.timestamp(row),
                shared.setdefault(kind, kind),
                shared.setdefault(contact_key, contact_key),
                self._rows.add(row),
            )
        self._sort()

    def __len__(self) -> int:
        return len(self._timestamps)

    def __iter__(self) -> Iterator[Row]:
        """Yield every row in insertion order."""
        return map(self._content, sorted(self._row_numbers))

    def add(self, row: Row) -> None:
        """Insert a row after the rows with the same timestamp."""
        at = self._key.timestamp(row)
        self._insert(bisect_right(self._timestamps, at), at, self._key.kind(row), self._key.contact_key(row), self._rows.add(row))

    def find(self, row_id: str) -> Row | None:
        """Return the row with an id; None for an unknown id."""
        number = self._find_number(row_id)
        return None if number is None else self._content(number)

    def edit(self, row_id: str, changes: Row) -> None:
        """Change fields of a row, except its time, kind and contact."""
        number = self._find_number(row_id)
        if number is not None:
            self._edits[number] = self._rows.add({**self._content(number), **changes})

    def cursor(self, position: int) -> str:
        """Return the cursor of a row; later rows do not change it."""
        return f"{self._timestamps[position]:x}.{self._row_numbers[position]:x}"

    def find_cursor(self, cursor: str) -> int:
        """Return the position of the first row at or after a cursor.

        Raises:
            ValueError: the text is not a cursor.
        """
        timestamp, _, number = cursor.partition(".")
        wanted = (int(timestamp, 16), int(number, 16))
        return bisect_left(range(len(self)), wanted, key=lambda at: (self._timestamps[at], self._row_numbers[at]))

    def reassign(self, old_key: str, new_key: str) -> None:
        """Move the rows of one contact to another."""
        self._contact_keys = [new_key if key == old_key else key for key in self._contact_keys]

    def row(self, position: int) -> Row:
        """Return the row at a position."""
        return self._content(self._row_numbers[position])

    def raw_row(self, position: int) -> orjson.Fragment:
        """Return the JSON of the row at a position, for a response."""
        number = self._row_numbers[position]
        return orjson.Fragment(self._rows.read_raw(self._edits.get(number, number)))

    def timestamp(self, position: int) -> int:
        """Return the timestamp of a row in epoch milliseconds."""
        return self._timestamps[position]

    def contact_key(self, position: int) -> str:
        """Return the contact key of a row: an email address or a contact id."""
        return self._contact_keys[position]

    def kind(self, position: int) -> str:
        """Return the kind of a row."""
        return self._kinds[position]

    def kinds(self) -> list[str]:
        """Return all kinds, sorted."""
        return sorted(set(self._kinds))

    def positions_between(self, start: int | None, end: int | None) -> range:
        """Return the positions between two timestamps in epoch milliseconds, both inclusive."""
        first = 0 if start is None else bisect_left(self._timestamps, start)
        last = len(self._timestamps) if end is None else bisect_right(self._timestamps, end)
        return range(first, max(first, last))

    def select(self, positions: range, *, kind: str | None = None, contact_key: str | None = None) -> Iterator[int]:
        """Yield the positions with this kind and contact, in the order of `positions`."""
        kinds, candidates = self._kinds, positions if contact_key is None else self._contact_positions(positions, contact_key)
        return (at for at in candidates if kind is None or kinds[at] == kind)

    def select_newest_first(self, *, kind: str | None = None, contact_key: str | None = None) -> Iterator[int]:
        """Yield the positions with this kind and contact, newest first."""
        return self.select(range(len(self) - 1, -1, -1), kind=kind, contact_key=contact_key)

    def contact_rows(self, contact_key: str) -> list[Row]:
        """Return all rows of a contact, oldest first."""
        return [self.row(at) for at in self.select(range(len(self)), contact_key=contact_key)]

    def newest_rows(self, contact_key: str, limit: int) -> list[tuple[int, str, Row]]:
        """Return the newest rows of a contact as (timestamp, kind, row), newest first."""
        return [
            (self._timestamps[at], self._kinds[at], self.row(at)) for at in islice(self.select_newest_first(contact_key=contact_key), limit)
        ]

    def _find_number(self, row_id: str) -> int | None:
        return next((number for number in self._row_numbers if str(self._content(number)["id"]) == row_id), None)

    def _content(self, number: int) -> Row:
        found: Row = orjson.loads(self._rows.read_raw(self._edits.get(number, number)))
        return found

    def _contact_positions(self, positions: range, contact_key: str) -> list[int]:
        """Return the positions of a contact; `list.index` is many times faster than a loop."""
        ends = (positions[0], positions[-1]) if positions else (0, -1)
        found, at, end = list[int](), min(ends), max(ends) + 1
        with suppress(ValueError):
            while True:
                at = self._contact_keys.index(contact_key, at, end) + 1
                found.append(at - 1)
        return found if positions.step > 0 else found[::-1]

    def _insert(self, position: int, timestamp: int, kind: str, contact_key: str, row_number: int) -> None:
        self._timestamps.insert(position, timestamp)
        self._row_numbers.insert(position, row_number)
        self._kinds.insert(position, kind)
        self._contact_keys.insert(position, contact_key)

    def _sort(self) -> None:
        order = sorted(range(len(self._timestamps)), key=self._timestamps.__getitem__)
        self._timestamps, self._row_numbers = (
            array("q", [values[position] for position in order]) for values in (self._timestamps, self._row_numbers)
        )
        self._kinds, self._contact_keys = ([values[position] for position in order] for values in (self._kinds, self._contact_keys))
