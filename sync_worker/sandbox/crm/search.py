"""Searches records like HubSpot's search index: changes appear late, archived records never."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sync_worker.sandbox.crm.filters import SearchFilter, ValuePredicate, compile_filter, sort_key_for
from sync_worker.sandbox.crm.object_store import ObjectTable
from sync_worker.sandbox.crm.search_lag import StaleRecord

RowSequence = list[int] | range
SEARCHABLE_PROPERTIES = {
    "contacts": ("firstname", "lastname", "email", "phone", "company", "hs_additional_emails"),
    "companies": ("name", "domain", "website", "phone"),
    "deals": ("dealname", "description", "dealtype", "pipeline"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SortOrder:
    """Sort order of a search; HubSpot allows one."""

    property_name: str
    descending: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchQuery:
    """A search: filters are joined by AND within a group, groups by OR; without groups, every record matches."""

    groups: tuple[tuple[SearchFilter, ...], ...] = ()
    text: str = ""
    sort: SortOrder | None = None


class RecordSearch:
    """Search of one table at one point in time (epoch milliseconds)."""

    def __init__(self, table: ObjectTable, *, now: float, association_ids: Callable[[int, str], str | None]) -> None:
        """Create a search; `association_ids` maps (row, `associations.company` ...) to the associated ids, joined by `;`."""
        self._table = table
        self._records = table.records
        self._stale_records = {row: item for row, item in table.search_lag.stale_records(now).items() if table.records.is_live(row)}
        self._association_ids = association_ids
        self._integer_columns = {"hs_object_id": self._records.ids, "createdate": self._records.created}
        self._integer_columns |= dict.fromkeys(table.object_type.timestamp_properties, self._records.modified)

    def find_rows(self, query: SearchQuery) -> list[int]:
        """Return the matching rows in the sort order of the query."""
        groups = query.groups or ((),)
        found = set(self._filter_group(groups[0])) if len(groups) > 1 else None
        rows: Iterable[int]
        if found is None:
            rows = self._filter_group(groups[0])
        else:
            for group in groups[1:]:
                found.update(self._filter_group(group))
            rows = sorted(found)
        if query.text:
            rows = self._filter_text(rows, query.text.lower().split())
        return self._sort_rows(rows, query.sort)

    def value(self, row: int, name: str) -> str | None:
        """Return a value from the index."""
        if name.startswith("associations."):
            return self._association_ids(row, name)
        stale = self._stale_records.get(row)
        if stale is not None and stale.old_values is not None and name in stale.old_values:
            return stale.old_values[name]
        return self._records.value(row, name)

    def stale_record(self, row: int) -> StaleRecord | None:
        """Return the outdated index entry of a row; None if the index is up to date."""
        return self._stale_records.get(row)

    def _filter_group(self, group: tuple[SearchFilter, ...]) -> RowSequence:
        rows: RowSequence = range(len(self._records))
        exact = [
            condition for condition in group if condition.property_name in self._integer_columns and condition.integer_bounds() is not None
        ]
        for condition in sorted(exact, key=lambda condition: condition.property_name != "hs_object_id"):
            rows = self._filter_range(rows, condition)
        for condition in group:
            if condition not in exact:
                rows = self._filter_column(rows, condition.property_name, self._predicate_for(condition))
        return self._filter_visible(rows, group)

    def _filter_range(self, rows: RowSequence, condition: SearchFilter) -> RowSequence:
        low, high = condition.integer_bounds() or (0, 0)
        stamps: array[int] = self._integer_columns[condition.property_name]
        if condition.property_name == "hs_object_id" and isinstance(rows, range):
            return range(max(rows.start, bisect_left(stamps, low)), min(rows.stop, bisect_right(stamps, high)))
        return [row for row in rows if low <= stamps[row] <= high]

    def _filter_column(self, rows: RowSequence, name: str, predicate: ValuePredicate) -> RowSequence:
        column = self._records.columns.get(name)
        if column is None:
            return [row for row in rows if predicate(self.value(row, name))]
        return [row for row in rows if predicate(column[row])]

    def _filter_visible(self, rows: RowSequence, group: tuple[SearchFilter, ...]) -> RowSequence:
        records, stale = self._records, self._stale_records
        if records.archived or records.deleted:
            rows = [row for row in rows if row not in records.archived and row not in records.deleted]
        if not stale:
            return rows
        tests = [(condition.property_name, self._predicate_for(condition)) for condition in group]
        stale_matches = [
            row for row, item in stale.items() if item.old_values is not None and all(test(self.value(row, name)) for name, test in tests)
        ]
        return sorted([*(row for row in rows if row not in stale), *stale_matches])

    def _predicate_for(self, condition: SearchFilter) -> ValuePredicate:
        return compile_filter(condition, self._property_type(condition.property_name))

    def _property_type(self, name: str) -> str:
        definition = self._table.catalog.get(name)
        return "enumeration" if definition is None else definition.type

    def _filter_text(self, rows: Iterable[int], words: list[str]) -> list[int]:
        names = SEARCHABLE_PROPERTIES[self._table.object_type.name]
        columns = [self._records.columns[name] for name in names if name in self._records.columns]
        found = []
        for row in rows:
            is_stale = row in self._stale_records
            values = (self.value(row, name) for name in names) if is_stale else (column[row] for column in columns)
            text = " ".join(filter(None, values)).lower()
            if all(word in text for word in words):
                found.append(row)
        return found

    def _sort_rows(self, rows: Iterable[int], sort: SortOrder | None) -> list[int]:
        if sort is None:
            return sorted(rows, key=self._records.created.__getitem__)
        if sort.property_name == "hs_object_id":
            return sorted(rows, reverse=sort.descending)
        order = sort_key_for(self._property_type(sort.property_name))
        keyed = [
            (key, row) for row in rows if (value := self.value(row, sort.property_name)) is not None and (key := order(value)) is not None
        ]
        first = [row for _, row in sorted(keyed, reverse=sort.descending)]
        if len(first) == len(keyed) and (missing := sorted(set(rows) - set(first))):
            first.extend(missing)
        return first
