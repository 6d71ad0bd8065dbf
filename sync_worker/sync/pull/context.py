"""What every reader of a run shares: HubSpot, the state, the instant of the run and the counters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sync_worker.hubspot.client import HubSpot
from sync_worker.progress import Progress
from sync_worker.store import scan_state
from sync_worker.store.database import Store
from sync_worker.sync.pull.row_mapper import RowMapper
from sync_worker.timestamps import from_ms, to_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class PullContext:
    """The parts that the readers of one run share. `now` is the run's one instant; `overlap` is read again behind every cursor."""

    hubspot: HubSpot
    store: Store
    row_mapper: RowMapper
    now: datetime
    overlap: timedelta
    readers: int
    progress: Progress
    clock: Callable[[], datetime]
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def now_ms(self) -> int:
        """The instant of the run in milliseconds."""
        return to_ms(self.now)

    @property
    def overlap_ms(self) -> int:
        """The overlap in milliseconds."""
        return int(self.overlap / timedelta(milliseconds=1))

    def overlap_start(self, cursor: int) -> datetime:
        """Return the time from which a stream with this cursor (milliseconds) is read again."""
        return from_ms(cursor) - self.overlap

    def count(self, counter: str, number: int) -> None:
        """Count saved records, and report them as progress."""
        self.counts[counter] += number
        self.progress.advance(counter, number)

    def load_cursor(self, stream: str) -> int | None:
        """Return the cursor of a stream (milliseconds), or None before its first read."""
        with self.store.transaction() as tx:
            return scan_state.load_cursor(tx, stream)

    def save_cursor(self, stream: str) -> None:
        """Set the cursor of a stream to the start of this run; the next run reads what changed since then."""
        with self.store.transaction() as tx:
            scan_state.save_cursor(tx, stream, self.now_ms)
