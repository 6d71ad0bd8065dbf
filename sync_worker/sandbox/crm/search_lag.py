"""What search does not know yet: it lags behind the records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random


@dataclass(slots=True)
class StaleRecord:
    """A record as search still sees it: the old values of what changed, None when the record is new to search."""

    visible_at: float  # epoch milliseconds
    old_values: dict[str, str | None] | None


class SearchLag:
    """The records of one object type that search does not see as they are.

    Each change is found after a random time of at most `longest` milliseconds. A record that goes on changing stays as search last
    saw it, so that it may take longer under load.
    """

    def __init__(self, *, max_lag_ms: float, random: Random) -> None:
        self._max_lag_ms = max_lag_ms
        self._random = random
        self._stale_records: dict[int, StaleRecord] = {}

    def record_change(self, row: int, old_values: Mapping[str, str | None] | None, *, now: float) -> None:
        """Note that a record changes, with the values before; None when it is new."""
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
        """Return what search does not know yet, by row, and forget the rest."""
        if self._stale_records:
            self._stale_records = {row: item for row, item in self._stale_records.items() if item.visible_at > now}
        return self._stale_records
