"""Reads a keyed stream in parallel, with hardly more requests than page after page.

A stream may have a secondary source with a budget of its own. A reader takes a partition only when it has a slot for the request. The
primary source may stop early if other calls need its budget more; the secondary source then reads all partitions with an end. No reader
keeps a slot without a partition, because the retry of a request may need that slot.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from threading import Condition, Lock, Thread
from typing import Final, Generic

from sync_worker.concurrency import StreamsStopped
from sync_worker.intervals import Interval
from sync_worker.sync.reader.keyed_stream import RowT, Stream, StreamBatch, StreamPage
from sync_worker.sync.reader.partitions import Partition, PartitionQueue

MIN_BATCH_PAGES: Final = 32  # pages; each transaction rewrites parts of the previous one
BATCH_WAIT_SECONDS: Final = 0.2  # seconds to wait for them at most
MAX_BUFFERED_PAGES: Final = 128  # pages that wait to be saved; memory does not grow with the stream


@dataclass(eq=False, slots=True)
class _ParallelReader(Generic[RowT]):
    partitions: PartitionQueue[RowT]
    ready: list[StreamBatch[RowT]] = field(default_factory=list)
    awaited_batches: int = 1  # batches that the consumer waits for
    lock: Lock = field(default_factory=Lock)
    consumer_condition: Condition = field(init=False)  # wakes the consumer
    reader_conditions: Mapping[bool, Condition] = field(init=False)  # wakes the readers of each source
    error: BaseException | None = None
    stopped: bool = False
    wake_ups: Counter[bool] = field(default_factory=Counter)  # of readers that have not woken yet
    awaiting_slot: Counter[bool] = field(default_factory=Counter)  # readers that woke and wait for a slot

    def __post_init__(self) -> None:
        self.consumer_condition = Condition(self.lock)
        self.reader_conditions = {aside: Condition(self.lock) for aside in self.partitions.readers}

    def batches(self, max_batches: int) -> Iterator[list[StreamBatch[RowT]]]:
        """Yield the batches that are ready, several at a time."""
        self._start()
        try:
            while batches := self._take_ready(max_batches):
                yield batches
        finally:
            self._stop()

    def abort(self) -> None:
        """Raise StreamsStopped in the thread that iterates."""
        with self.lock:
            self.error = self.error or StreamsStopped()
            self._wake_readers()

    def _start(self) -> None:
        with self.lock:
            self._wake_readers()
        # The secondary source first: its budget is small, and unused calls are lost.
        for aside, readers in sorted(self.partitions.readers.items(), reverse=True):
            for number in range(readers):
                Thread(target=partial(self._run_reader, secondary=aside), name=f"reader-{int(aside)}-{number}", daemon=True).start()

    def _take_ready(self, max_batches: int) -> list[StreamBatch[RowT]]:
        with self.lock:
            self._wait_for_ready(min(MIN_BATCH_PAGES, max_batches), BATCH_WAIT_SECONDS)
            if not self.ready:
                self._wait_for_ready(1)
            if self.error:
                raise self.error
            batches, self.ready = self.ready[:max_batches], self.ready[max_batches:]
            self._wake_readers()
            return batches

    def _wait_for_ready(self, count: int, seconds: float | None = None) -> bool:
        """Wait for batches, or for the end."""
        self.awaited_batches = count
        return self.consumer_condition.wait_for(lambda: len(self.ready) >= count or self._is_over(), seconds)

    def _stop(self) -> None:
        with self.lock:
            self.stopped = True
            self._wake_readers()
            # Readers that wait for a slot will find nothing to read; requests in flight are awaited.
            while self.partitions.in_progress:
                self.consumer_condition.wait()

    def _is_over(self) -> bool:
        return self.stopped or self.error is not None or self.partitions.is_done

    def _run_reader(self, *, secondary: bool) -> None:
        stream = self.partitions.stream
        acquire_slot = stream.secondary.acquire_slot if secondary and stream.secondary else stream.acquire_slot
        try:
            while self._wait_for_work(secondary=secondary):
                with acquire_slot():
                    self._read_page(secondary=secondary)
        except BaseException as error:  # noqa: BLE001 -- raised in the thread that iterates
            with self.lock:
                self.error = self.error or error
                self._wake_readers()

    def _wait_for_work(self, *, secondary: bool) -> bool:
        with self.lock:
            while not self._is_over() and not self.wake_ups[secondary]:
                self.reader_conditions[secondary].wait()
            if self._is_over():
                return False
            self.wake_ups[secondary] -= 1
            self.awaiting_slot[secondary] += 1
            return True

    def _read_page(self, *, secondary: bool) -> None:
        if not (taken := self._take_partitions(secondary=secondary)):
            return
        page = None
        try:
            page = self._fetch_page(taken, secondary=secondary)
        finally:
            with self.lock:
                self.ready += self.partitions.finish(taken, page, secondary=secondary)
                self._wake_readers()

    def _fetch_page(self, taken: Sequence[Partition], *, secondary: bool) -> StreamPage[RowT]:
        stream = self.partitions.stream
        if secondary and stream.secondary:
            return stream.secondary.read([Interval(one.start, one.stop) for one in taken])
        (one,) = taken
        return stream.read(one.start, one.stop, one.token)

    def _take_partitions(self, *, secondary: bool) -> list[Partition]:
        with self.lock:
            self.awaiting_slot[secondary] -= 1
            taken = [] if self._is_over() else self.partitions.take(secondary=secondary)
            self._wake_readers()
            return taken

    def _wake_readers(self) -> None:
        """Wake only threads that have work now: of a hundred readers, most would find none."""
        if len(self.ready) >= self.awaited_batches or not self.partitions.in_progress or self._is_over():
            self.consumer_condition.notify()
        for aside, readers in self.partitions.readers.items():
            if self._is_over():
                self.reader_conditions[aside].notify_all()
            elif len(self.ready) < MAX_BUFFERED_PAGES and (coming := self.wake_ups[aside] + self.awaiting_slot[aside]) < readers:
                useful = max(0, min(self.partitions.useful_readers(secondary=aside), readers) - coming)
                self.wake_ups[aside] += useful
                self.reader_conditions[aside].notify(useful)


def read_parallel(stream: Stream[RowT], gaps: Sequence[Interval], *, readers: int) -> Iterator[StreamBatch[RowT]]:
    """Read all rows in the gaps in parallel, in no order; close the iterator to stop early.

    Each batch is complete for its interval of keys, and the intervals of all batches together are the gaps.
    An error of a reader ends the others after their current request and is raised here.
    """
    with closing(read_parallel_batches(stream, gaps, readers=readers, max_batches=1)) as batches:
        yield from chain.from_iterable(batches)


def read_parallel_batches(
    stream: Stream[RowT],
    gaps: Sequence[Interval],
    *,
    readers: int,
    max_batches: int | None = None,
    on_stop: Callable[[Callable[[], None]], AbstractContextManager[object]] = lambda _abort: nullcontext(),
) -> Generator[list[StreamBatch[RowT]], None, None]:
    """Read as `read_parallel` does, and yield batches that arrive together as one list, so that they can be saved together.

    A list holds at most `max_batches` batches, by default one for each reader: an interrupted run loses no more than that.
    `on_stop` opens a context in which the callback that it is given ends the iteration with StreamsStopped.
    """
    if not gaps:
        return
    reader = _ParallelReader(PartitionQueue.from_gaps(stream, gaps, readers=readers))
    with on_stop(reader.abort):
        yield from reader.batches(min(readers, MAX_BUFFERED_PAGES) if max_batches is None else max_batches)
