"""The contacts that changed since the last read, found by search, whose index lags.

Search shows a change within half a minute; until then it is young, and is read again once it has settled. Few changes are read at once.
A large backlog, mostly the worker's own writes, is read once, when it has settled: in slices of time, the newest first, in one run or in
several. The state keeps the times beyond the cursor that were read. A contact that was created or submitted a form does not wait for
its slice. The rows of the worker's own writes are read too, because they may hide an earlier change by others.

In the overlap behind the cursor, a change may still appear late. Few contacts are read again there; of many, late_changes.py compares the
numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import ceil
from typing import Final, NamedTuple

from sync_worker.hubspot.api.crm.contacts import Contacts
from sync_worker.hubspot.api.crm.crm_objects import SEARCH_PAGE_SIZE
from sync_worker.hubspot.api.pages import follow_pages
from sync_worker.hubspot.records.models import Contact, ResultPage
from sync_worker.intervals import Interval
from sync_worker.store.database import Store
from sync_worker.store.facts import contacts as contact_store
from sync_worker.store.facts import coverage
from sync_worker.sync.pull.records.full_scan import SEARCH_INDEX_LAG
from sync_worker.sync.pull.records.late_changes import MIN_WIDTH, LateChanges
from sync_worker.timestamps import from_ms, to_ms

CHANGE_STREAM: Final = "contact_changes"  # the times of changes that are read, beyond the cursor (milliseconds)


class ReadProgress(NamedTuple):
    """How far the changes are read."""

    cursor: datetime
    is_complete: bool = True  # False: search counts contacts that it does not return
    has_backlog: bool = False  # settled changes are left to the next run


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadSizes:
    """How many contacts are read in which way."""

    page: int = SEARCH_PAGE_SIZE  # reading fewer of the overlap again costs no more than the request for their number
    at_once: int = 2_000  # fewer are read in two seconds; more are a backlog
    slice: int = 5_000  # of a backlog at most, unless its time is short


@dataclass(frozen=True, slots=True, kw_only=True)
class IncrementalReader:
    """One read of the changed contacts. A change may arrive late by up to `overlap`; `max_pages` limits the backlog of one run."""

    contacts: Contacts
    store: Store
    properties: Sequence[str]
    clock: Callable[[], datetime]
    overlap: timedelta
    save: Callable[[Sequence[Contact]], None]
    read_by_id: Callable[[Sequence[int]], None]
    max_pages: int | None = None
    sizes: ReadSizes = field(default_factory=ReadSizes)

    def read(self, cursor: datetime) -> ReadProgress:
        """Read the contacts that changed since the cursor; return the next cursor, or the same one if some could not be read."""
        early, first = to_ms(cursor - self.overlap), to_ms(cursor) - self._lag
        with self.store.transaction() as tx:
            coverage.remove(tx, CHANGE_STREAM, 0, first)
            read_before = coverage.load(tx, CHANGE_STREAM)
            many = bool(read_before) or contact_store.exceeds_changed(tx, self.sizes.page, early)
        since, started_at = first if many else early, self.clock()
        page = self._search(since, None)
        if page.next is None or (page.total or 0) <= self.sizes.at_once:
            progress = ReadProgress(started_at, self._save_pages(page, since, None))
        else:
            progress = self._read_backlog(first, started_at, page.total or 0)
        # Compared after the other changes are saved: a contact that changed again counts there and no longer here.
        if many and progress.is_complete and not progress.has_backlog:
            reach = max([first, *(interval.high for interval in read_before)])
            progress = progress._replace(is_complete=self._late_changes.read(Interval(early, reach)))
        return progress if progress.is_complete else progress._replace(cursor=cursor)

    @property
    def _lag(self) -> int:
        return int(min(SEARCH_INDEX_LAG, self.overlap) / timedelta(milliseconds=1))

    @property
    def _late_changes(self) -> LateChanges:
        return LateChanges(
            contacts=self.contacts,
            store=self.store,
            properties=self.properties,
            save=self.save,
            read_by_id=self.read_by_id,
            page_size=self.sizes.page,
        )

    def _search(self, since: int, until: int | None, after: int | None = None) -> ResultPage[Contact, int]:
        return self.contacts.search_modified(from_ms(since), after or 0, self.properties, until=None if until is None else from_ms(until))

    def _save_pages(self, first: ResultPage[Contact, int], since: int, until: int | None) -> bool:
        """Save a page and those that follow it; return whether search returned all contacts that it counts."""
        is_complete = True
        for page in self._follow(first, since, until):
            self.save(page.items)
            is_complete = is_complete and not page.lacks_items
        return is_complete

    def _follow(self, first: ResultPage[Contact, int], since: int, until: int | None) -> Iterator[ResultPage[Contact, int]]:
        yield first
        if first.next is not None:
            yield from follow_pages(lambda after: self._search(since, until, after), start=first.next, operation="search contacts")

    # A backlog.

    def _read_backlog(self, first: int, started_at: datetime, total: int) -> ReadProgress:
        settled = to_ms(started_at) - self._lag
        young = self._search(settled, None)
        is_complete = (young.total or 0) > self.sizes.at_once or self._save_pages(young, settled, None)
        self.save(self.contacts.search_created_or_converted(from_ms(first), self.properties))
        width = (settled - first) * self.sizes.slice // total  # if changes are spread evenly
        is_complete = self._read_slices(first, settled, max(width, MIN_WIDTH)) and is_complete
        gaps = self._find_gaps(first, settled)
        return ReadProgress(from_ms(gaps[0].low + self._lag) if gaps else started_at, is_complete, has_backlog=bool(gaps))

    def _read_slices(self, first: int, settled: int, width: int) -> bool:
        """Read settled changes, the newest first; return whether search returned all that it counts."""
        pages = 0
        while (gaps := self._find_gaps(first, settled)) and (self.max_pages is None or pages < self.max_pages):
            part = Interval(max(gaps[-1].low, gaps[-1].high - width), gaps[-1].high)
            page = self._search(*part)
            total = page.total or len(page.items)
            width = part.high - part.low
            if total > self.sizes.slice and width > MIN_WIDTH:
                width //= 2
                continue
            if not self._save_pages(page, *part):
                return False
            with self.store.transaction() as tx:
                coverage.add(tx, CHANGE_STREAM, *part)
            pages += ceil(total / self.sizes.page)
            width *= 2 if total < self.sizes.slice / 2 else 1
        return True

    def _find_gaps(self, low: int, high: int) -> list[Interval]:
        with self.store.transaction() as tx:
            return coverage.gaps(tx, CHANGE_STREAM, low, high)
