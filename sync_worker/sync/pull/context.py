"""What every reader of a run shares: HubSpot, the state, the instant of the run and the counters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

from sqlalchemy import Connection

from sync_worker.concurrency import StreamThreads
from sync_worker.hubspot.client import HubSpot
from sync_worker.intervals import Interval
from sync_worker.progress import Progress
from sync_worker.store.database import Store
from sync_worker.store.saved_state import scan_state
from sync_worker.sync.pull.row_mapper import RowMapper
from sync_worker.sync.reader.keyed_stream import RowT, Stream, StreamBatch
from sync_worker.sync.reader.parallel_reader import read_parallel_batches
from sync_worker.timestamps import from_ms, to_ms

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class PullContext:
    """The parts that the readers of one run share. `now` is the run's one instant; `overlap` is read again behind every cursor.

    Events may appear or change as long as `late` after their time; the slow stream reads so far back.

    Streams are read in threads of `threads`. The owner of the threads is the only one that uses the store and reports progress; the
    methods send their work there.
    """

    hubspot: HubSpot
    store: Store
    row_mapper: RowMapper
    now: datetime
    overlap: timedelta
    late: timedelta
    readers: int
    progress: Progress
    clock: Callable[[], datetime]
    threads: StreamThreads
    keeps_all_events: bool = True  # the state deletes no old events
    event_cutoff: Callable[[str], int | None] = lambda _kind: None  # milliseconds; older events of a kind are not saved
    notes: list[str] = field(default_factory=list)  # messages for the operator
    counts: Counter[str] = field(default_factory=Counter)
    max_backlog_pages: int | None = None  # pages of a backlog of changed contacts that one run reads; None: all
    reads_subscriptions: bool = False  # the model uses the email subscriptions of contacts, and the portal shows them

    @property
    def now_ms(self) -> int:
        """The instant of the run in milliseconds."""
        return to_ms(self.now)

    @property
    def overlap_ms(self) -> int:
        """The overlap in milliseconds."""
        return int(self.overlap / timedelta(milliseconds=1))

    @property
    def late_ms(self) -> int:
        """The time that events may be late, in milliseconds."""
        return int(self.late / timedelta(milliseconds=1))

    def overlap_start(self, cursor: int) -> datetime:
        """Return the time from which a stream with this cursor (milliseconds) is read again."""
        return from_ms(cursor) - self.overlap

    def transact(self, function: Callable[[Connection], T]) -> T:
        """Return the result of a function that runs in a transaction."""

        def run() -> T:
            with self.store.transaction() as tx:
                return function(tx)

        return self.threads.call(run)

    def save(self, counter: str, number: int, write: Callable[[Connection], object]) -> None:
        """Save records in a transaction, and report their number as progress."""

        def run() -> None:
            self.transact(write)
            self.counts[counter] += number
            self.progress.advance(counter, number)

        self.threads.call(run)

    def expect(self, counter: str, total: int) -> None:
        """Report the number of records to come."""
        self.threads.call(lambda: self.progress.expect(counter, total))

    def load_cursor(self, stream: str) -> int | None:
        """Return the cursor of a stream (milliseconds), or None before its first read."""
        return self.transact(lambda tx: scan_state.load_cursor(tx, stream))

    def save_cursor(self, stream: str) -> None:
        """Set the cursor of a stream to the start of this run; the next run reads what changed since then."""
        self.transact(lambda tx: scan_state.save_cursor(tx, stream, self.now_ms))

    @contextmanager
    def open_batches(
        self, stream: Stream[RowT], gaps: Sequence[Interval], *, readers: int | None = None, max_batches: int | None = None
    ) -> Iterator[Iterator[Sequence[StreamBatch[RowT]]]]:
        """Read the gaps of a stream in parallel. Its readers end with the block, or when the threads are stopped."""
        on_stop, readers = self.threads.on_stop, readers or self.readers
        with closing(read_parallel_batches(stream, gaps, readers=readers, max_batches=max_batches, on_stop=on_stop)) as batches:
            yield batches
