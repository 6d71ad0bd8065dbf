"""Delay of the search index behind the records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random


@dataclass(slots=True)
class StaleRecord:
    """An outdated entry of the search index; `old_values` are the indexed values of changed properties, None for a new record."""

    visible_at: float  # epoch milliseconds
    old_values: dict[str, str | None] | None


class SearchLag:
    """The records of one object type whose search index entry is outdated.

    Search finds a change after a random delay of at most `max_lag_ms` milliseconds. Further changes extend the delay, so it can be
    longer under load.
    """

    def __init__(self, *, max_lag_ms: float, random: Random) -> None:
        self._max_lag_ms = max_lag_ms
        self._random = random
        self._stale_records: dict[int, StaleRecord] = {}

    def record_change(self, row: int, old_values: Mapping[str, str | None] | None, *, now: float) -> None:
        """Register a change with the previous values; None for a new record."""
        if not self._max_lag_ms:
            return
        until = now + self._random.uniform(0, self._max_lag_ms)
        known = self._stale_records.get(row)
        if known is None or known.visible_at <= now:
            self._stale_records[row] = StaleRecord(until, None if old_values is None else dict(old_values))
            return
        known.visible_at = max(known.visible_at, until)
        if known.old_values is not None and old_values is not None:
            known.old_values = {**old_values, **known.old_values}

    def stale_records(self, now: float) -> Mapping[int, StaleRecord]:
        """Return the outdated entries by row, and drop the expired ones."""
        if self._stale_records:
            self._stale_records = {row: item for row, item in self._stale_records.items() if item.visible_at > now}
        return self._stale_records
