"""A full scan of the contacts: by list and search at once, or page by page if the list is not ordered, or from an export.

The list is consistent, at 100 contacts a page. The search index lags, at 200 contacts a page and with a budget of its own. The scan is
right all the same:

- Contacts that changed shortly before the scan started may be found with old values. They are read again once the index has settled, and
  once more by the next sync, whose cursor is the start of this scan less the overlap. An older record never replaces a newer one.
- Contacts that were created since have ids above the highest id; only the list is read there.
- Contacts that the scan did not find do not count as deleted: those that are known are requested by id, and only HubSpot's reply that it
  does not know an id counts. A row without a readable id may be any contact.
- If search counts more contacts than the scan found, the range of ids is halved until the missing ones are found.

An export is a copy of an earlier moment, and is corrected in the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Final, Protocol

import structlog
from msgspec import structs
from sqlalchemy import Connection

from sync_worker.batched import batched
from sync_worker.hubspot.api.crm.contacts import Contacts
from sync_worker.hubspot.api.crm.crm_objects import UnorderedResponse
from sync_worker.hubspot.api.pages import follow_pages
from sync_worker.hubspot.records.models import Contact, IdRange, ResultPage
from sync_worker.intervals import Interval, complement
from sync_worker.store.facts import contacts as contact_store
from sync_worker.store.facts import coverage
from sync_worker.store.saved_state import scan_state
from sync_worker.store.saved_state.scan_state import FullScanState
from sync_worker.sync.pull import hubspot_streams
from sync_worker.sync.pull.context import PullContext
from sync_worker.sync.pull.exports import ExportReader
from sync_worker.sync.pull.records.id_partitions import split_id_range
from sync_worker.sync.pull.records.missing_records import MissingRecords
from sync_worker.sync.pull.records.save_queue import SaveQueue
from sync_worker.sync.reader.budget_split import CallRates, split_budget
from sync_worker.sync.reader.keyed_stream import Stream
from sync_worker.timestamps import from_ms

CONTACT_STREAM: Final = "contacts"  # the stream of all contacts by id, and the cursor of the search for changed contacts
MAX_PAGES_PER_READER: Final = 4  # pages for each reader, at most, in one transaction
MIN_CONTACTS_FOR_SEARCH: Final = 1_000  # contacts; fewer are read in a moment
MAX_READERS: Final = 250  # the largest plan allows as many calls at once
HIGH_LATENCY_SECONDS: Final = 0.3  # seconds; from this latency on, an additional page costs less than waiting for one
SEARCH_INDEX_LAG: Final = timedelta(seconds=30)  # until search shows a change; HubSpot's documentation: "a few moments"
MAX_LATE_CHANGES: Final = 2_000  # contacts that are read again at once; more are left to the next sync
LATE_READ_SHARE: Final = 0.97  # of all contacts; then recent changes are read again during the last pages
ID_BATCH_SIZE: Final = 100  # contacts that are requested by id in one call; a row without its id hides which of them are missing

log = structlog.get_logger()


class SaveContacts(Protocol):
    """How contacts are saved, together with the ranges of ids that are complete with them."""

    def __call__(self, contacts: Sequence[Contact], /, *, scan_id: int, intervals: Sequence[Interval] = ()) -> None:
        """Save them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FullScan:
    """One scan of all contacts. An interrupted scan resumes only if it started with the same `requested_properties`."""

    context: PullContext
    requested_properties: Sequence[str]
    save: SaveContacts
    export_reader: ExportReader | None = None
    interleave_writes: bool = False  # contacts are written while others are still read

    def read(self) -> None:
        """Read and save all contacts, then mark the contacts that no longer exist as deleted."""
        state, id_range = self.context.transact(self._start_or_resume), self._contacts.read_id_range()
        self.context.expect(CONTACT_STREAM, id_range.total)
        with ExitStack() as stack:
            export = self._open_export(state, id_range, stack)
            if export is None:
                self._by_api(state, id_range)
            else:
                self._by_export(state, export)
        self._fetch_unseen_by_id(state)
        self._fetch_unknown(state, id_range)
        self.context.transact(partial(_finish, state=state))

    def _start_or_resume(self, tx: Connection) -> FullScanState:
        """Return the scan that an earlier run started, or start one."""
        requested = tuple(self.requested_properties)
        last = scan_state.load_full_scan(tx)
        if last is None or last.done or last.requested_properties != requested:
            number = last.number + 1 if last else 1
            last = FullScanState(number=number, started_at=self.context.now_ms, done=False, requested_properties=requested)
            coverage.remove(tx, CONTACT_STREAM, 0, hubspot_streams.MAX_KEY)
            scan_state.save_full_scan(tx, last)
        return last

    def _save_state(self, state: FullScanState) -> FullScanState:
        self.context.transact(lambda tx: scan_state.save_full_scan(tx, state))
        return state

    @property
    def _contacts(self) -> Contacts:
        return self.context.hubspot.contacts

    @property
    def _properties(self) -> tuple[str, ...]:
        return self.context.row_mapper.contact_properties

    # From an export.

    def _open_export(self, state: FullScanState, id_range: IdRange, stack: ExitStack) -> Iterator[Sequence[Contact]] | None:
        if self.export_reader is None:
            return None

        def save_export_id(export_id: str) -> None:
            self._save_state(structs.replace(state, export_id=export_id))

        return self.export_reader.read_contacts(stack, self._properties, id_range.total, export_id=state.export_id, on_start=save_export_id)

    def _by_export(self, state: FullScanState, export: Iterator[Sequence[Contact]]) -> None:
        for contacts in export:
            self.save(contacts, scan_id=state.number)
        self._reread_recent(state, unbounded=True)

    # By list and search.

    def _by_api(self, state: FullScanState, id_range: IdRange) -> None:
        if not state.is_sequential:
            try:
                self._by_partitions(state, id_range)
            except UnorderedResponse as error:
                log.warning("contacts.order_lost", reason=str(error), next="the list is followed page after page")
                state = self._save_state(structs.replace(state, is_sequential=True))
        if state.is_sequential:
            self._sequential(state)

    def _by_partitions(self, state: FullScanState, id_range: IdRange) -> None:
        use_search = id_range.total > MIN_CONTACTS_FOR_SEARCH and self._contacts.max_ranges_per_search(self._properties) > 0
        stream, elapsed = self._build_stream(id_range, use_search=use_search)
        readers = self.context.hubspot.budgets.burst.concurrency(minimum=self.context.readers, maximum=MAX_READERS)
        stream, gaps = self._partition(stream, id_range, readers)
        settles_after = (SEARCH_INDEX_LAG - (self.context.now - from_ms(state.started_at))).total_seconds()
        reread: Future[None] | None = None
        queue = SaveQueue(context=self.context, save=partial(self._save_complete, state))
        found, max_batches = 0, MAX_PAGES_PER_READER * self.context.readers
        with self.context.open_batches(stream, gaps, readers=readers, max_batches=max_batches) as reads:
            for batches in reads:
                found += queue.add(batches)
                if use_search and reread is None and (elapsed() > settles_after or found > LATE_READ_SHARE * id_range.total):
                    reread = self.context.threads.start("recent contacts", partial(self._reread_recent, state))
        queue.finish()
        if use_search:
            reread.result() if reread else self._reread_recent(state)

    def _build_stream(self, id_range: IdRange, *, use_search: bool) -> tuple[Stream[Contact], Callable[[], float]]:
        """Return the stream, and a stopwatch that was started with it."""
        elapsed, latency = self._start_stopwatch(), self.context.hubspot.budgets.burst.latency or 0
        stream = hubspot_streams.contacts(self.context.hubspot, self._properties, use_search=use_search)
        stream = replace(stream, high_latency=latency > HIGH_LATENCY_SECONDS)
        if use_search and (calls := self._further_calls):
            share = split_budget(id_range.total, self._call_rates(), further_calls=calls)
            stream = replace(stream, is_enough=share.enough(elapsed))
        return stream, elapsed

    @property
    def _further_calls(self) -> int:
        """The calls of the burst budget, beyond its read, that a batch of contacts takes during the scan: statuses and a write."""
        return self.context.reads_subscriptions + self.interleave_writes

    def _partition(self, stream: Stream[Contact], id_range: IdRange, readers: int) -> tuple[Stream[Contact], list[Interval]]:
        gaps = self.context.transact(partial(_find_gaps, id_range=id_range, use_search=stream.secondary is not None))
        if self._further_calls:  # calls are scarce then, and each additional partition costs about one
            return stream, gaps
        all_readers = readers + (stream.secondary.readers if stream.secondary else 0)
        parts = split_id_range(all_readers, gaps, id_range, high_latency=stream.high_latency)
        return replace(stream, density=id_range.density if len(parts) > len(gaps) else None), parts

    def _save_complete(self, state: FullScanState, contacts: Sequence[Contact], intervals: Sequence[Interval]) -> None:
        """Save all contacts of some ranges of ids."""
        self.save(contacts, scan_id=state.number, intervals=intervals)

    def _call_rates(self) -> CallRates:
        burst, search = self.context.hubspot.budgets.burst, self.context.hubspot.budgets.search
        return CallRates(burst=burst.capacity, window=burst.window_seconds, searches=search.capacity / search.window_seconds)

    def _start_stopwatch(self) -> Callable[[], float]:
        monotonic = self.context.hubspot.budgets.monotonic
        started = monotonic()
        return lambda: monotonic() - started

    # Corrections: contacts that search or an export showed too late.

    def _reread_recent(self, state: FullScanState, *, unbounded: bool = False) -> None:
        """Read the contacts that changed shortly before the scan, or `unbounded`, also those that changed since."""
        started = from_ms(state.started_at)
        since, until = started - SEARCH_INDEX_LAG, None if unbounded else started

        def fetch_page(after: int | None) -> ResultPage[Contact, int]:
            return self._contacts.search_modified(since, after or 0, self._properties, until=until)

        for page in follow_pages(fetch_page, operation="search contacts"):
            if (page.total or 0) > MAX_LATE_CHANGES:
                return
            self.save(page.items, scan_id=state.number)

    def _fetch_unseen_by_id(self, state: FullScanState) -> None:
        """Read the known contacts that the scan has not found. Only those that HubSpot does not know by id count as deleted."""
        unseen = self.context.transact(partial(contact_store.unseen_ids, scan_id=state.number))
        for ids in batched(unseen, ID_BATCH_SIZE):
            found = self._contacts.read(ids, self._properties)
            self.save(found.items, scan_id=state.number)
            existing = {*ids} - found.missing - found.merged_into.keys()  # a row that cannot be read is no item
            self.context.transact(partial(contact_store.mark_seen, ids=existing, scan_id=state.number))

    def _fetch_unknown(self, state: FullScanState, id_range: IdRange) -> None:
        """Read the contacts that HubSpot counts and that the scan has not found."""

        def count_read(ids: Interval) -> int:
            return self.context.transact(partial(contact_store.count_seen, ids=ids, scan_id=state.number))

        missing = MissingRecords(
            objects=self._contacts, properties=self._properties, count_read=count_read, save=partial(self.save, scan_id=state.number)
        )
        if left := missing.fetch(Interval(0, (id_range.highest_id or 0) + 1), id_range.total):
            self.context.notes.append(f"HubSpot counts {left:,} contacts more than it shows.")

    # Page by page.

    def _sequential(self, state: FullScanState) -> None:
        def fetch_page(token: str | None) -> ResultPage[Contact, str]:
            return self._contacts.list_from_token(token, self._properties)

        for page in follow_pages(fetch_page, start=state.token, operation="read contacts"):
            self.save(page.items, scan_id=state.number)
            if page.next is not None:
                self._save_state(structs.replace(state, token=page.next))


def _finish(tx: Connection, state: FullScanState) -> None:
    contact_store.mark_unseen_deleted(tx, scan_id=state.number)
    scan_state.save_reconciliation_due(tx, due=True)
    scan_state.save_full_scan(tx, FullScanState(number=state.number, started_at=state.started_at, done=True))


def _find_gaps(tx: Connection, id_range: IdRange, *, use_search: bool) -> list[Interval]:
    known = coverage.load(tx, CONTACT_STREAM)
    # The last range has an open end, so it starts after everything that was read.
    high = max(id_range.highest_id or 0, *[interval.high for interval in known], 0) + 1
    gaps = complement(known, 0, high)
    # Search cannot read a range with an open end.
    return [*gaps, Interval(high, high + 1)] if use_search else gaps
