"""Changes of contacts that search shows late, in a time in which many contacts changed: numbers are compared instead of contacts.

Where search counts other contacts than the state, the interval is halved until the contacts that differ are found. A deleted contact would
hide a late change: the number stays the same. So new and deleted contacts are found first, by the number of all contacts and by id.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import structlog

from sync_worker.hubspot.api.crm.contacts import Contacts
from sync_worker.hubspot.api.pages import follow_pages
from sync_worker.hubspot.records.models import Contact, ResultPage
from sync_worker.intervals import Interval
from sync_worker.store.database import Store
from sync_worker.store.facts import contacts as contact_store
from sync_worker.store.saved_state import scan_state
from sync_worker.timestamps import from_ms

MIN_WIDTH: Final = 100  # milliseconds, or ids; a bulk change may give many contacts the same time
MAX_DELETED: Final = 20  # contacts that are searched for, each with about ten requests; the next full scan finds more

log = structlog.get_logger()


class Axis(NamedTuple):
    """Times or ids: the numbers to compare in an interval, and its read, which returns whether it was complete."""

    count: Callable[[Interval], int]  # as search counts
    count_known: Callable[[Interval], int]  # in the state
    read: Callable[[Interval], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class LateChanges:
    """One comparison. The contacts that changed after its interval are saved before."""

    contacts: Contacts
    store: Store
    properties: Sequence[str]
    save: Callable[[Sequence[Contact]], None]
    read_by_id: Callable[[Sequence[int]], None]
    page_size: int

    def read(self, span: Interval) -> bool:
        """Read the late changes of an interval of time (milliseconds); return whether search returned all contacts that it counts."""
        self._read_new_and_deleted()
        axis = Axis(self._count_changed, self._count_known_changes, self._read_changed)
        return self._compare(span, self._count_changed(span), axis)

    def _compare(self, span: Interval, counted: int, axis: Axis) -> bool:
        """Halve an interval where the numbers differ, until few contacts are left to read; return whether every read was complete."""
        pending, is_complete = [(span, counted)], True
        while pending:
            part, counted = pending.pop()
            known = axis.count_known(part)
            if counted == known:
                continue
            if abs(counted - known) * self.page_size >= max(counted, known) or part.high - part.low <= MIN_WIDTH:
                is_complete = axis.read(part) and is_complete
                continue
            low, high = Interval(part.low, sum(part) // 2), Interval(sum(part) // 2, part.high)
            in_low = axis.count(low)
            pending += [(low, in_low), (high, counted - in_low)]
        return is_complete

    # By the time of the change.

    def _count_changed(self, part: Interval) -> int:
        return self.contacts.count_modified(from_ms(part.low), from_ms(part.high))

    def _count_known_changes(self, part: Interval) -> int:
        with self.store.transaction() as tx:
            return contact_store.count_changed(tx, *part)

    def _read_changed(self, part: Interval) -> bool:
        """Read a part again. Contacts that search does not show there are read by id: they changed again, or no longer exist."""
        shown, is_complete = set[int](), True
        for page in self._follow(
            lambda after: self.contacts.search_modified(from_ms(part.low), after or 0, self.properties, from_ms(part.high))
        ):
            self.save(page.items)
            shown.update(contact.id for contact in page.items)
            is_complete = is_complete and not page.lacks_items
        with self.store.transaction() as tx:
            hidden = contact_store.load_changed_ids(tx, *part) - shown
        self.read_by_id(sorted(hidden))
        return is_complete

    def _follow(self, fetch_page: Callable[[int | None], ResultPage[Contact, int]]) -> Iterator[ResultPage[Contact, int]]:
        return follow_pages(fetch_page, operation="search contacts")

    # By id.

    def _read_new_and_deleted(self) -> None:
        newest = self.contacts.search_newest()
        with self.store.transaction() as tx:
            new = contact_store.find_new_ids(tx, [contact.id for contact in newest.items])
        self.read_by_id(sorted(new))
        self._find_deleted(newest.total or 0)

    def _find_deleted(self, total: int) -> None:
        """Find the contacts that search no longer has, unless it lacks as many as after the last comparison: these exist."""
        with self.store.transaction() as tx:
            known, ids = contact_store.count(tx), contact_store.find_id_range(tx)
            gap = scan_state.load_search_gap(tx)
        if known - total == gap:
            return
        if abs(known - total) <= MAX_DELETED:
            self._compare(Interval(*ids), total, Axis(self.contacts.count_ids, self._count_known_ids, self._read_ids))
        else:
            log.info("contacts.deletions_postponed", contacts=known - total, next="the next full scan finds deleted contacts")
        with self.store.transaction() as tx:
            scan_state.save_search_gap(tx, contact_store.count(tx) - total)

    def _count_known_ids(self, ids: Interval) -> int:
        with self.store.transaction() as tx:
            return contact_store.count_seen(tx, ids)

    def _read_ids(self, ids: Interval) -> bool:
        """Read the contacts of an id range by id that only search or only the state has."""
        shown = {
            contact.id
            for page in self._follow(lambda low: self.contacts.search_id_ranges([(low or ids.low, ids.high)], ()))
            for contact in page.items
        }
        with self.store.transaction() as tx:
            known = contact_store.load_ids(tx, ids)
        self.read_by_id(sorted(known ^ shown))
        return True
