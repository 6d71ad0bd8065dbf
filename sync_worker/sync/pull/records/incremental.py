"""The contacts that changed since the last read, found by search, whose index lags.

Search shows changes after half a minute; younger changes are read again by the next run. In the rest of the overlap only the number of
changed contacts is compared: if search counts as many as the state, no change arrived late, and the worker's own writes are not read
again. The cursor stays if search counts contacts that it does not return. A large backlog, mostly the worker's own writes, is read from its
old end, so that the index has settled once its new end is read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sync_worker.hubspot.api.crm.contacts import Contacts
from sync_worker.hubspot.api.pages import follow_pages
from sync_worker.hubspot.records.models import Contact, ResultPage
from sync_worker.store.database import Store
from sync_worker.store.facts import contacts as contact_store
from sync_worker.sync.pull.records.full_scan import SEARCH_INDEX_LAG
from sync_worker.timestamps import to_ms

MAX_REREAD_CONTACTS: Final = 200  # contacts; reading fewer again is cheaper than the request for their number
MIN_SLICE: Final = timedelta(seconds=5)
BACKLOG_THRESHOLD: Final = 2_000  # contacts; fewer are read in two seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class IncrementalReader:
    """One read of the changed contacts. A change may arrive late by up to `overlap`."""

    contacts: Contacts
    store: Store
    properties: Sequence[str]
    clock: Callable[[], datetime]
    overlap: timedelta
    save: Callable[[Sequence[Contact]], None]

    def read(self, cursor: datetime) -> datetime:
        """Read the contacts that changed since the cursor; return the next cursor, or the same one if some could not be read."""
        early, late = cursor - self.overlap, cursor - self._index_lag
        with self.store.transaction() as tx:
            many = contact_store.exceeds_changed(tx, MAX_REREAD_CONTACTS, to_ms(early))
        if not many:
            return self._read_since(early) or cursor
        next_cursor = self._read_since(late)
        # Compared after the late changes are saved: a contact that changed again counts there and no longer here.
        with self.store.transaction() as tx:
            known = contact_store.count_changed(tx, to_ms(early), to_ms(late))
        if self.contacts.count_modified(early, late) != known and not self._read_pages(early, 0, late):
            return cursor
        return next_cursor or cursor

    def _read_since(self, since: datetime) -> datetime | None:
        """Read the contacts that changed at `since` or later; return when, or None if some could not be read."""
        while True:
            requested_at = self.clock()
            page = self.contacts.search_modified(since, 0, self.properties)
            settled = requested_at - self._index_lag
            if page.next is None or (page.total or 0) <= BACKLOG_THRESHOLD or settled - since < MIN_SLICE:
                self.save(page.items)
                is_complete = not page.lacks_items if page.next is None else self._read_pages(since, page.next, None)
                return requested_at if is_complete else None
            if not self._read_pages(since, 0, settled):
                return None
            since = settled

    @property
    def _index_lag(self) -> timedelta:
        return min(SEARCH_INDEX_LAG, self.overlap)

    def _read_pages(self, since: datetime, start: int, until: datetime | None) -> bool:
        """Return whether all contacts that search counts were read."""

        def fetch_page(after: int | None) -> ResultPage[Contact, int]:
            return self.contacts.search_modified(since, after or 0, self.properties, until=until)

        is_complete = True
        for page in follow_pages(fetch_page, start=start, operation="search contacts"):
            self.save(page.items)
            is_complete = is_complete and not page.lacks_items
        return is_complete
