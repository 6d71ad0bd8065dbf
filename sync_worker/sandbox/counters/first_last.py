"""The first and the last of things that come in any order."""

from __future__ import annotations

from sync_worker.sandbox.base.timestamps import format_iso

Observation = tuple[int, str]


class FirstLast:
    """The earliest and the latest mark seen: epoch milliseconds and a text; of equal times, the texts decide."""

    __slots__ = ("first", "last")

    def __init__(self) -> None:
        self.first: Observation | None = None
        self.last: Observation | None = None

    def observe(self, ms: int, text: str = "") -> None:
        """Take one more mark into account."""
        mark = (ms, text)
        if self.first is None or self.last is None:
            self.first = self.last = mark
        elif mark < self.first:
            self.first = mark
        elif mark > self.last:
            self.last = mark

    def time_properties(self, first: str, last: str) -> dict[str, str]:
        """Return both times as ISO texts under the names of their properties, nothing when nothing was seen."""
        if self.first is None or self.last is None:
            return {}
        return {first: format_iso(self.first[0]), last: format_iso(self.last[0])}

    def text_properties(self, first: str, last: str) -> dict[str, str]:
        """Return both texts under the names of their properties, nothing when nothing was seen."""
        if self.first is None or self.last is None:
            return {}
        return {first: self.first[1], last: self.last[1]}
