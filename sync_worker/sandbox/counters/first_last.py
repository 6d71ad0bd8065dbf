"""First and last observation of a stream in any order."""

from __future__ import annotations

from sync_worker.sandbox.base.timestamps import format_iso

Observation = tuple[int, str]


class FirstLast:
    """The earliest and latest observation (epoch milliseconds, text); the text breaks ties."""

    __slots__ = ("first", "last")

    def __init__(self) -> None:
        self.first: Observation | None = None
        self.last: Observation | None = None

    def observe(self, ms: int, text: str = "") -> None:
        """Add an observation."""
        observation = (ms, text)
        if self.first is None or self.last is None:
            self.first = self.last = observation
        elif observation < self.first:
            self.first = observation
        elif observation > self.last:
            self.last = observation

    def time_properties(self, first: str, last: str) -> dict[str, str]:
        """Return both times as ISO text, keyed by property name; empty without observations."""
        if self.first is None or self.last is None:
            return {}
        return {first: format_iso(self.first[0]), last: format_iso(self.last[0])}

    def text_properties(self, first: str, last: str) -> dict[str, str]:
        """Return both texts, keyed by property name; empty without observations."""
        if self.first is None or self.last is None:
            return {}
        return {first: self.first[1], last: self.last[1]}
