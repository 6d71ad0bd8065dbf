"""The first and the last of things that come in any order."""

from __future__ import annotations

from sync_worker.sandbox.base.timestamps import iso

Mark = tuple[int, str]


class Ends:
    """The earliest and the latest mark seen: epoch milliseconds and a text; of equal times, the texts decide."""

    __slots__ = ("first", "last")

    def __init__(self) -> None:
        self.first: Mark | None = None
        self.last: Mark | None = None

    def see(self, ms: int, text: str = "") -> None:
        """Take one more mark into account."""
        mark = (ms, text)
        if self.first is None or self.last is None:
            self.first = self.last = mark
        elif mark < self.first:
            self.first = mark
        elif mark > self.last:
            self.last = mark

    def times(self, first: str, last: str) -> dict[str, str]:
        """Return both times as ISO texts under the names of their properties, nothing when nothing was seen."""
        if self.first is None or self.last is None:
            return {}
        return {first: iso(self.first[0]), last: iso(self.last[0])}

    def texts(self, first: str, last: str) -> dict[str, str]:
        """Return both texts under the names of their properties, nothing when nothing was seen."""
        if self.first is None or self.last is None:
            return {}
        return {first: self.first[1], last: self.last[1]}
