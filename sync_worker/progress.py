"""Interface of progress observers; runs report their progress between two batches."""

from __future__ import annotations


class Progress:
    """An observer that does nothing. A subclass may raise from `advance` to stop the run there."""

    def expect(self, what: str, total: int) -> None:
        """Receive the expected total of a counter; it may be an estimate."""

    def advance(self, what: str, number: int) -> None:
        """Receive an increment of a counter."""
