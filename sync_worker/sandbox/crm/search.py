"""Finds records as HubSpot's search index sees them: a little late, never the archived ones."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sync_worker.sandbox.crm.filters import Filter, Test, order_of, test_of
from sync_worker.sandbox.crm.object_store import Table
from sync_worker.sandbox.crm.search_lag import Unindexed

Rows = list[int] | range
SEARCHABLE = {
    "contacts": ("firstname", "lastname", "email", "phone", "company", "hs_additional_emails"),
    "companies": ("name", "domain", "website", "phone"),
    "deals": ("dealname", "description", "dealtype", "pipeline"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sort:
    """The one order that a search can ask for."""

    name: str
    descending: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchQuery:
    """Groups of filters, of which one must pass as a whole; none finds every record."""

    groups: tuple[tuple[Filter, ...], ...] = ()
    text: str = ""
    sort: Sort | None = None


class Search:
    """Searches one table at one moment, in epoch milliseconds."""

    def __init__(self, table: Table, *, now: float, linked: Callable[[int, str], str | None]) -> None:
        """Take `linked`: (row, `associations.company` ...) → the ids of the linked records, joined by `;`."""
        self._table = table
        self._records = table.records
        self._waiting = {row: item for row, item in table.lag.waiting(now).items() if table.records.is_live(row)}
        self._linked = linked
        self._stamps = {"hs_object_id": self._records.ids, "createdate": self._records.created}
        self._stamps |= dict.fromkeys(table.kind.stamps, self._records.modified)

    def rows(self, query: SearchQuery) -> list[int]:
        """Return the rows that match, in the order that was asked for."""
        groups = query.groups or ((),)
        found = set(self._group(groups[0])) if len(groups) > 1 else None
        rows: Iterable[int]
        if found is None:
            rows = self._group(groups[0])
        else:
            for group in groups[1:]:
                found.update(self._group(group))
            rows = sorted(found)
        if query.text:
            rows = self._mentioning(rows, query.text.lower().split())
        return self._sorted(rows, query.sort)

    def value(self, row: int, name: str) -> str | None:
        """Return a value as the index has it."""
        if name.startswith("associations."):
            return self._linked(row, name)
        waiting = self._waiting.get(row)
        if waiting is not None and waiting.before is not None and name in waiting.before:
            return waiting.before[name]
        return self._records.value(row, name)

    def late(self, row: int) -> Unindexed | None:
        """Return what the index still has of a row that has changed since."""
        return self._waiting.get(row)

    def _group(self, group: tuple[Filter, ...]) -> Rows:
        rows: Rows = range(len(self._records))
        exact = [condition for condition in group if condition.name in self._stamps and condition.bounds() is not None]
        for condition in sorted(exact, key=lambda condition: condition.name != "hs_object_id"):
            rows = self._within(rows, condition)
        for condition in group:
            if condition not in exact:
                rows = self._passing(rows, condition.name, self._test(condition))
        return self._visible(rows, group)

    def _within(self, rows: Rows, condition: Filter) -> Rows:
        low, high = condition.bounds() or (0, 0)
        stamps: array[int] = self._stamps[condition.name]
        if condition.name == "hs_object_id" and isinstance(rows, range):
            return range(max(rows.start, bisect_left(stamps, low)), min(rows.stop, bisect_right(stamps, high)))
        return [row for row in rows if low <= stamps[row] <= high]

    def _passing(self, rows: Rows, name: str, test: Test) -> Rows:
        column = self._records.columns.get(name)
        if column is None:
            return [row for row in rows if test(self.value(row, name))]
        return [row for row in rows if test(column[row])]

    def _visible(self, rows: Rows, group: tuple[Filter, ...]) -> Rows:
        records, waiting = self._records, self._waiting
        if records.archived or records.gone:
            rows = [row for row in rows if row not in records.archived and row not in records.gone]
        if not waiting:
            return rows
        tests = [(condition.name, self._test(condition)) for condition in group]
        late = [
            row for row, item in waiting.items() if item.before is not None and all(test(self.value(row, name)) for name, test in tests)
        ]
        return sorted([*(row for row in rows if row not in waiting), *late])

    def _test(self, condition: Filter) -> Test:
        return test_of(condition, self._type(condition.name))

    def _type(self, name: str) -> str:
        definition = self._table.catalog.get(name)
        return "enumeration" if definition is None else definition.type

    def _mentioning(self, rows: Iterable[int], words: list[str]) -> list[int]:
        names = SEARCHABLE[self._table.kind.name]
        columns = [self._records.columns[name] for name in names if name in self._records.columns]
        found = []
        for row in rows:
            late = row in self._waiting
            values = (self.value(row, name) for name in names) if late else (column[row] for column in columns)
            text = " ".join(filter(None, values)).lower()
            if all(word in text for word in words):
                found.append(row)
        return found

    def _sorted(self, rows: Iterable[int], sort: Sort | None) -> list[int]:
        if sort is None:
            return sorted(rows, key=self._records.created.__getitem__)
        if sort.name == "hs_object_id":
            return sorted(rows, reverse=sort.descending)
        order = order_of(self._type(sort.name))
        keyed = [(held, row) for row in rows if (value := self.value(row, sort.name)) is not None and (held := order(value)) is not None]
        first = [row for _, row in sorted(keyed, reverse=sort.descending)]
        if len(first) == len(keyed) and (missing := sorted(set(rows) - set(first))):
            first.extend(missing)
        return first
