"""How far a run is, for whoever watches; also the places where a run can be stopped between two batches."""

from __future__ import annotations


class Progress:
    """Hears what is to come and what is done; shows nobody anything. A subclass may raise from `advance` to stop the run there."""

    def expect(self, what: str, total: int) -> None:
        """Hear that so many of something are to come, as far as anybody knows."""

    def advance(self, what: str, number: int) -> None:
        """Hear that so many more of something are done."""
