"""The reading of every contact: by two lanes at once where HubSpot's order allows it, page after page where it does not; in bulk if asked.

The list is consistent, at 100 contacts a page; the search index lags behind, at 200 a page and on a budget of its own. What the
search lane read is right all the same:

- Who was changed shortly before the reading began, and shown as before, is read again once search has settled, and once more by the
  next sync, whose cursor is the beginning of this reading less the overlap. An older showing never replaces a newer one.
- Who was created since stands above the highest id, and there the list alone is read.
- Whom the index does not show at all is not taken for gone: everybody who was known and not seen is asked for by id.

A file of everybody is a copy of an earlier moment, and is put right in the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from math import sqrt
from typing import Final, Protocol

import structlog
from msgspec import structs

from sync_worker.concurrency import poll, run_in_thread
from sync_worker.errors import Unavailable
from sync_worker.hubspot.api.crm_objects import SEARCH_PAGE_SIZE, UnorderedResponse
from sync_worker.hubspot.client import HubSpot
from sync_worker.hubspot.records.models import Contact, IdRange, ResultPage
from sync_worker.intervals import Interval, complement
from sync_worker.store import contacts, coverage, scan_state
from sync_worker.store.database import Store
from sync_worker.store.scan_state import FullScanState
from sync_worker.sync.pull import streams
from sync_worker.sync.pull.exports import ExportReader
from sync_worker.sync.reader.budget_split import Pace, share
from sync_worker.sync.reader.parallel_reader import read_parallel_batches
from sync_worker.sync.reader.partitions import split_at
from sync_worker.timestamps import from_ms, to_ms

CONTACT_STREAM: Final = "contacts"  # the stream of all contacts by id, and the cursor of the search for changed ones
MAX_PAGES_PER_READER: Final = 4  # pages for each reader, at most, in one transaction
MIN_CONTACTS_FOR_SEARCH: Final = 1_000  # contacts; fewer are read in a moment
MAX_READERS: Final = 250  # as many as the largest plan lets ask at once
HIGH_LATENCY_SECONDS: Final = 0.3  # seconds to HubSpot and back, from which on a page more costs less than waiting for one
SEARCH_INDEX_LAG: Final = timedelta(seconds=30)  # after which search shows what was changed; HubSpot says "a few moments"
MAX_LATE_CHANGES: Final = 2_000  # contacts that are read again at once; more are left to the next sync
LATE_READ_SHARE: Final = 0.97  # of all contacts: what search showed late is asked for beside the last pages
ID_BATCH_SIZE: Final = 1_000  # contacts that are asked for by id at a time
MAX_PARTITIONS: Final = 300  # that a reading begins with: all of them are looked through for each page
PARTITION_MARGIN: Final = 0.7  # times the square root of what its pages hold, by which each is shorter: no two hold quite the same

log = structlog.get_logger()


class SaveContacts(Protocol):
    """How contacts are remembered, with the ranges of ids that are complete with them."""

    def __call__(self, rows: Sequence[Contact], *, scan_id: int, intervals: Sequence[Interval] = ()) -> None:
        """Remember them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FullScan:
    """One reading of every contact. `asked` are the properties that it must have been begun with to go on."""

    hubspot: HubSpot
    store: Store
    properties: Sequence[str]
    requested_properties: Sequence[str]
    now: datetime
    readers: int
    save: SaveContacts
    expect: Callable[[int], None]
    export_reader: ExportReader | None = None
    interleave_writes: bool = False  # each is written while others are still being read

    def read(self) -> Iterator[Sequence[int]]:
        """Read, keep, and yield the ids that were kept, some at a time; in the end let go who is not there any more.

        Nothing is yielded where HubSpot has to be waited for, first of all when the first pages have just been asked for.
        """
        last = self._start_or_resume()
        with ExitStack() as stack:
            file = self._open_export(last, stack) if self.export_reader else None
            yield from self._by_api(last) if file is None else self._by_export(last, file)
        with self.store.transaction() as tx:
            contacts.mark_unseen_deleted(tx, scan_id=last.number)
            scan_state.save_full_scan(tx, FullScanState(number=last.number, started_at=last.started_at, done=True))

    def _start_or_resume(self) -> FullScanState:
        """Return the scan that an earlier run started, or start one."""
        requested = tuple(self.requested_properties)
        with self.store.transaction() as tx:
            last = scan_state.load_full_scan(tx)
            if last is None or last.done or last.requested_properties != requested:
                number = last.number + 1 if last else 1
                last = FullScanState(number=number, started_at=to_ms(self.now), done=False, requested_properties=requested)
                coverage.remove(tx, CONTACT_STREAM, 0, streams.MAX_KEY)
                scan_state.save_full_scan(tx, last)
        return last

    def _save_scan_state(self, state: FullScanState) -> FullScanState:
        with self.store.transaction() as tx:
            scan_state.save_full_scan(tx, state)
        return state

    def _by_api(self, state: FullScanState) -> Iterator[Sequence[int]]:
        if not state.is_sequential:
            try:
                yield from self._by_partitions(state)
            except UnorderedResponse as error:
                log.warning("contacts.order_lost", reason=str(error), next="the list is followed page after page")
                state = self._save_scan_state(structs.replace(state, is_sequential=True))
        if state.is_sequential:
            yield from self._sequential(state)

    def _open_export(self, state: FullScanState, stack: ExitStack) -> Iterator[Sequence[Contact]] | None:
        if self.export_reader is None:
            return None
        total = self.hubspot.contacts.count()
        self.expect(total)

        def save_export_id(export_id: str) -> None:
            self._save_scan_state(structs.replace(state, export_id=export_id))

        return self.export_reader.read_contacts(stack, self.properties, total, export_id=state.export_id, on_start=save_export_id)

    def _by_export(self, state: FullScanState, export_batches: Iterator[Sequence[Contact]]) -> Iterator[Sequence[int]]:
        for rows in export_batches:
            self.save(rows, scan_id=state.number)
            yield [row.id for row in rows]
        yield from self._reread_recent(state, unbounded=True)
        yield from self._fetch_missing_by_id(state)

    def _by_partitions(self, state: FullScanState) -> Iterator[Sequence[int]]:
        extent = self.hubspot.contacts.read_id_range()
        self.expect(extent.total)
        searched = extent.total > MIN_CONTACTS_FOR_SEARCH and self.hubspot.contacts.max_ranges_per_search(self.properties) > 0
        stream = streams.contacts(self.hubspot, self.properties, use_search=searched)
        burst, elapsed = self.hubspot.budgets.burst, self._start_stopwatch()
        stream = replace(stream, high_latency=(burst.latency or 0) > HIGH_LATENCY_SECONDS)
        if searched and self.interleave_writes:
            stream = replace(stream, is_enough=share(extent.total, self._rate_limits()).enough(elapsed))
        readers = burst.concurrency(minimum=self.readers, maximum=MAX_READERS)
        searchers = stream.secondary.readers if stream.secondary else 0
        gaps = self._gaps(extent, use_search=searched)
        if not self.interleave_writes:  # else the calls are short, and each range more costs about one
            parts = partition_for(readers + searchers, gaps, extent, high_latency=stream.high_latency)
            stream = replace(stream, density=extent.density if len(parts) > len(gaps) else None)
            gaps = parts
        late: Future[ResultPage[Contact, int]] | None = None
        settling, kept = (SEARCH_INDEX_LAG - (self.now - from_ms(state.started_at))).total_seconds(), 0
        for pieces in read_parallel_batches(
            stream, gaps, readers=readers, max_batches=MAX_PAGES_PER_READER * self.readers, yield_when_idle=True
        ):
            rows = [row for piece in pieces for row in piece.rows]
            if pieces:
                self.save(rows, scan_id=state.number, intervals=[piece.interval for piece in pieces])
                kept += len(rows)
            if late is None and searched and (elapsed() > settling or kept > LATE_READ_SHARE * extent.total):
                late = run_in_thread(self._late_changes_request(state))
            yield [row.id for row in rows]
        if searched:
            yield from self._reread_recent(state, late)
            yield from self._fetch_missing_by_id(state)

    def _rate_limits(self) -> Pace:
        burst, search = self.hubspot.budgets.burst, self.hubspot.budgets.search
        return Pace(burst=burst.capacity, window=burst.window_seconds, searches=search.capacity / search.window_seconds)

    def _start_stopwatch(self) -> Callable[[], float]:
        monotonic = self.hubspot.budgets.monotonic
        began = monotonic()
        return lambda: monotonic() - began

    def _gaps(self, id_range: IdRange, *, use_search: bool) -> list[Interval]:
        with self.store.transaction() as tx:
            known = coverage.load(tx, CONTACT_STREAM)
        # The last range has an open end, so it begins behind all that was read.
        high = max(id_range.highest_id or 0, *[interval.high for interval in known], 0) + 1
        gaps = complement(known, 0, high)
        # Search must not be left with what has no end.
        return [*gaps, Interval(high, high + 1)] if use_search else gaps

    def _late_changes_request(
        self, state: FullScanState, after: int = 0, *, unbounded: bool = False
    ) -> Callable[[], ResultPage[Contact, int]]:
        started = from_ms(state.started_at)
        until = None if unbounded else started
        return partial(self.hubspot.contacts.search_modified, started - SEARCH_INDEX_LAG, after, self.properties, until=until)

    def _reread_recent(
        self, state: FullScanState, first: Future[ResultPage[Contact, int]] | None = None, *, unbounded: bool = False
    ) -> Iterator[Sequence[int]]:
        answer = first or run_in_thread(self._late_changes_request(state, unbounded=unbounded))
        while True:
            page = yield from poll(answer)
            if (page.total or 0) > MAX_LATE_CHANGES:
                return
            self.save(page.items, scan_id=state.number)
            yield [row.id for row in page.items]
            if page.next is None:
                return
            answer = run_in_thread(self._late_changes_request(state, page.next, unbounded=unbounded))

    def _fetch_missing_by_id(self, state: FullScanState) -> Iterator[Sequence[int]]:
        with self.store.transaction() as tx:
            unseen = contacts.unseen_ids(tx, scan_id=state.number)
        for start in range(0, len(unseen), ID_BATCH_SIZE):
            found = self.hubspot.contacts.read(unseen[start : start + ID_BATCH_SIZE], self.properties)
            self.save(found.items, scan_id=state.number)
            yield [row.id for row in found.items]

    def _sequential(self, state: FullScanState) -> Iterator[Sequence[int]]:
        token, seen = state.token, set[str]()
        while True:
            page = self.hubspot.contacts.list_from_token(token, self.properties)
            self.save(page.items, scan_id=state.number)
            yield [row.id for row in page.items]
            token = page.next
            if token is None:
                return
            if token in seen:
                raise Unavailable("HubSpot's list of contacts goes round in a circle.", operation="read contacts")
            seen.add(token)
            self._save_scan_state(structs.replace(state, token=token))


def partition_for(readers: int, gaps: Sequence[Interval], id_range: IdRange, *, high_latency: bool = False) -> list[Interval]:
    """Cut the gaps into a range for each reader, `far` away into more and shorter ones, as far as they are worth it.

    Where ids are spread evenly, all have as much to read.
    """
    low, high, total = id_range.lowest_id or 0, id_range.highest_id or 0, id_range.total
    ranges = MAX_PARTITIONS if high_latency else readers
    pages = max(1 if high_latency else 2, round(total / (ranges * SEARCH_PAGE_SIZE)))
    # A little less than whole pages, of either lane: a range that holds a little more costs one page for next to nothing.
    rows = pages * SEARCH_PAGE_SIZE - PARTITION_MARGIN * sqrt(pages * SEARCH_PAGE_SIZE)
    if total < 2 * pages * SEARCH_PAGE_SIZE or high - low < total:
        return list(gaps)
    return split_at(gaps, low=low, high=high, width=int((high - low) * rows / total))
