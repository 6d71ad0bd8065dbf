"""What search does not know yet: it lags behind the records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random


@dataclass(slots=True)
class Unindexed:
    """A record as search still sees it: the old values of what changed, None when the record is new to search."""

    until: float  # epoch milliseconds
    before: dict[str, str | None] | None


class IndexLag:
    """The records of one object type that search does not see as they are.

    Each change is found after a random time of at most `longest` milliseconds. A record that goes on changing stays as search last
    saw it, so that it may take longer under load.
    """

    def __init__(self, *, longest: float, random: Random) -> None:
        self._longest = longest
        self._random = random
        self._waiting: dict[int, Unindexed] = {}

    def changed(self, row: int, before: Mapping[str, str | None] | None, *, now: float) -> None:
        """Note that a record changes, with the values before; None when it is new."""
        if not self._longest:
            return
        until = now + self._random.uniform(0, self._longest)
        known = self._waiting.get(row)
        if known is None or known.until <= now:
            self._waiting[row] = Unindexed(until, None if before is None else dict(before))
            return
        known.until = max(known.until, until)
        if known.before is not None and before is not None:
            known.before = {**before, **known.before}

    def waiting(self, now: float) -> Mapping[int, Unindexed]:
        """Return what search does not know yet, by row, and forget the rest."""
        if self._waiting:
            self._waiting = {row: item for row, item in self._waiting.items() if item.until > now}
        return self._waiting
