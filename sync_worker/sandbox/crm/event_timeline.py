"""Rows in the order of time, ready to be sent."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice

import orjson

from sync_worker.sandbox.base.portal_data import Row
from sync_worker.sandbox.base.spool_file import RowFile


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """What a timeline knows of a row: when it was (epoch milliseconds), of what kind it is, and who it belongs to."""

    at: Callable[[Row], int]
    kind: Callable[[Row], str]
    who: Callable[[Row], str]


class Timeline:
    """Rows of one sort, oldest first.

    A position stays valid as long as rows are added at the end.
    """

    def __init__(self, rows: Iterable[Row], key: Key) -> None:
        self._key = key
        self._rows = RowFile()
        self._at, self._number = array("q"), array("q")
        self._kind, self._who = list[str](), list[str]()
        shared: dict[str, str] = {}
        for row in rows:
            kind, who = key.kind(row), key.who(row)
            self._note(len(self._at), key.at(row), shared.setdefault(kind, kind), shared.setdefault(who, who), self._rows.add(row))
        self._sort()

    def __len__(self) -> int:
        return len(self._at)

    def __iter__(self) -> Iterator[Row]:
        """Yield every row, in the order in which they were added."""
        return iter(self._rows)

    def add(self, row: Row) -> None:
        """Put a row in its place, behind those of the same time."""
        at = self._key.at(row)
        self._note(bisect_right(self._at, at), at, self._key.kind(row), self._key.who(row), self._rows.add(row))

    def give(self, old: str, new: str) -> None:
        """Let what belongs to one belong to another."""
        self._who = [new if who == old else who for who in self._who]

    def row(self, position: int) -> Row:
        """Return the row at a position."""
        found: Row = orjson.loads(self._rows.raw(self._number[position]))
        return found

    def raw(self, position: int) -> orjson.Fragment:
        """Return the row at a position, to be put into a reply as it is."""
        return orjson.Fragment(self._rows.raw(self._number[position]))

    def at(self, position: int) -> int:
        """Return the time of a row in epoch milliseconds."""
        return self._at[position]

    def who(self, position: int) -> str:
        """Return who a row belongs to."""
        return self._who[position]

    def kind(self, position: int) -> str:
        """Return the kind of a row."""
        return self._kind[position]

    def kinds(self) -> list[str]:
        """Return the kinds that occur."""
        return sorted(set(self._kind))

    def between(self, start: int | None, end: int | None) -> range:
        """Return the positions from `start` to `end` in epoch milliseconds, both inclusive."""
        first = 0 if start is None else bisect_left(self._at, start)
        last = len(self._at) if end is None else bisect_right(self._at, end)
        return range(first, max(first, last))

    def of(self, positions: range, *, kind: str | None = None, who: str | None = None) -> Iterator[int]:
        """Yield those of the positions that are of a kind and belong to somebody, in the order of `positions`."""
        kinds, chosen = self._kind, positions if who is None else self._owned(positions, who)
        return (at for at in chosen if kind is None or kinds[at] == kind)

    def newest_first(self, *, kind: str | None = None, who: str | None = None) -> Iterator[int]:
        """Yield the positions of a kind or of somebody from the end."""
        return self.of(range(len(self) - 1, -1, -1), kind=kind, who=who)

    def rows_of(self, who: str) -> list[Row]:
        """Return every row that belongs to somebody, oldest first."""
        return [self.row(at) for at in self.of(range(len(self)), who=who)]

    def newest(self, who: str, limit: int) -> list[tuple[int, str, Row]]:
        """Return time, kind and row of the last that belong to somebody, newest first."""
        return [(self._at[at], self._kind[at], self.row(at)) for at in islice(self.newest_first(who=who), limit)]

    def _owned(self, positions: range, who: str) -> list[int]:
        """Return those of the positions that belong to somebody; the list finds them many times faster than a loop would."""
        ends = (positions[0], positions[-1]) if positions else (0, -1)
        found, at, end = list[int](), min(ends), max(ends) + 1
        with suppress(ValueError):
            while True:
                at = self._who.index(who, at, end) + 1
                found.append(at - 1)
        return found if positions.step > 0 else found[::-1]

    def _note(self, place: int, at: int, kind: str, who: str, number: int) -> None:
        self._at.insert(place, at)
        self._number.insert(place, number)
        self._kind.insert(place, kind)
        self._who.insert(place, who)

    def _sort(self) -> None:
        order = sorted(range(len(self._at)), key=self._at.__getitem__)
        self._at, self._number = (array("q", [values[place] for place in order]) for values in (self._at, self._number))
        self._kind, self._who = ([values[place] for place in order] for values in (self._kind, self._who))
