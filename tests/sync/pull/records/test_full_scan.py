from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from threading import Event
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import Connection

from sync_worker.concurrency import StreamThreads
from sync_worker.errors import Unavailable
from sync_worker.hubspot.api.crm.crm_objects import UnorderedResponse
from sync_worker.hubspot.budgets import Budgets
from sync_worker.hubspot.records.models import BatchReadResult, Contact, IdRange, ResultPage
from sync_worker.hubspot.rest.clock import Clock
from sync_worker.hubspot.rest.rate_limiter import RateLimiter, RateLimitSettings
from sync_worker.intervals import Interval
from sync_worker.progress import Progress
from sync_worker.store.database import Store
from sync_worker.store.facts import contacts, coverage
from sync_worker.store.facts.contacts import ContactRow
from sync_worker.store.saved_state import scan_state
from sync_worker.store.saved_state.scan_state import FullScanState
from sync_worker.sync.pull.context import PullContext
from sync_worker.sync.pull.records.full_scan import FullScan
from sync_worker.sync.pull.records.id_partitions import split_id_range
from sync_worker.timestamps import to_ms
from tests.store.database_factories import open_in_memory

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
NINE_DAYS_AGO = NOW - timedelta(days=9)


def make_contact(number: int, changed: datetime = NINE_DAYS_AGO) -> Contact:
    return Contact(number, (), (), changed)


@dataclass
class FakeContacts:
    """Contacts in list order, and a search index that may lack contacts or hold stale ones."""

    id_order: list[int]
    searchable: set[int] | None = None
    stale: dict[int, datetime] = field(default_factory=dict)
    fresh: dict[int, datetime] = field(default_factory=dict)
    listed_pages: int = 0
    stop_after: int | None = None
    circular: bool = False
    blocked_from: int | None = None  # pages with this id or a higher one wait until `unblocked` is set
    unblocked: Event = field(default_factory=Event)
    on_search: Callable[[], None] = lambda: None  # called before each search for modified contacts
    without_id: set[int] = field(default_factory=set)  # their rows have no id that can be read

    def read_id_range(self) -> IdRange:
        return IdRange(total=len(self.id_order), highest_id=max(self.id_order), lowest_id=min(self.id_order))

    def max_ranges_per_search(self, _: Sequence[str]) -> int:
        return 5

    def list_from_id(self, after: int, _: Sequence[str]) -> ResultPage[Contact, int]:
        if self.id_order != sorted(self.id_order):
            raise UnorderedResponse("not in order")
        ids = self._wait_if_blocked([number for number in self.id_order if number >= after][:100])
        more = bool(ids) and ids[-1] != self.id_order[-1]
        return ResultPage(
            items=tuple(make_contact(number, self.fresh.get(number, NINE_DAYS_AGO)) for number in ids), next=ids[-1] + 1 if more else None
        )

    def list_from_token(self, token: str | None, _: Sequence[str]) -> ResultPage[Contact, str]:
        self.listed_pages += 1
        if self.listed_pages == self.stop_after:
            raise ConnectionError
        start = int(token.removeprefix("p")) if token else 0
        end = start + 100
        next_token = f"p{100 if self.circular else end}" if end < len(self.id_order) else None
        return ResultPage(items=tuple(map(make_contact, self.id_order[start:end])), next=next_token)

    def search_id_ranges(self, ranges: Sequence[tuple[int, int]], _: Sequence[str]) -> ResultPage[Contact, int]:
        known = self.id_order if self.searchable is None else sorted(self.searchable)
        ids = [number for number in known if any(low <= number < high for low, high in ranges)]
        items = tuple(make_contact(number, self.stale.get(number, NINE_DAYS_AGO)) for number in self._wait_if_blocked(ids[:200]))
        return ResultPage(items=items, next=ids[199] + 1 if len(ids) > 200 else None, total=len(ids))

    def search_modified(self, since: datetime, after: int, _: Sequence[str], until: datetime | None = None) -> ResultPage[Contact, int]:
        assert until is not None
        self.on_search()
        matching = [make_contact(number, at) for number, at in sorted(self.fresh.items()) if number > after and since <= at < until]
        return ResultPage(items=tuple(matching), next=None, total=len(matching))

    def _wait_if_blocked(self, ids: list[int]) -> list[int]:
        if self.blocked_from is not None and ids and ids[-1] >= self.blocked_from:
            assert self.unblocked.wait(20)
        return ids

    def read(self, ids: Sequence[int], _: Sequence[str]) -> BatchReadResult[Contact]:
        existing = [number for number in ids if number in self.id_order]
        missing = frozenset() if self.without_id.intersection(ids) else frozenset(ids).difference(existing)
        return BatchReadResult(items=tuple(map(make_contact, existing)), missing=missing)


@dataclass
class FullScanRun:
    """A full scan of a portal into a store."""

    portal: FakeContacts
    store: Store = field(default_factory=open_in_memory)
    saved: dict[int, datetime] = field(default_factory=dict)

    def make_full_scan(self, threads: StreamThreads) -> FullScan:
        clock = Clock()
        rate_limiter = RateLimiter(RateLimitSettings(burst=10, search=10**6), clock)
        hubspot: Any = SimpleNamespace(identity="token-1", contacts=self.portal, budgets=Budgets.of(rate_limiter, clock))
        row_mapper: Any = SimpleNamespace(contact_properties=())
        context = PullContext(
            hubspot=hubspot,
            store=self.store,
            row_mapper=row_mapper,
            now=NOW,
            overlap=timedelta(minutes=10),
            late=timedelta(hours=72),
            readers=4,
            progress=Progress(),
            clock=lambda: NOW,
            threads=threads,
        )
        save = partial(self.save_page, context)
        return FullScan(context=context, requested_properties=[], save=save)

    def save_page(self, context: PullContext, rows: Sequence[Contact], *, scan_id: int, intervals: Sequence[Interval] = ()) -> None:
        self.saved.update((row.id, max(row.updated_at, self.saved.get(row.id, NINE_DAYS_AGO))) for row in rows)

        def write(tx: Connection) -> None:
            contacts.save(tx, [make_contact_row(row.id) for row in rows], scan_id=scan_id)
            coverage.add_intervals(tx, "contacts", intervals)

        context.transact(write)

    def run(self) -> None:
        with StreamThreads() as threads:
            threads.start("scan", self.make_full_scan(threads).read)
            for _ in threads.run_calls():
                pass


def make_contact_row(number: int) -> ContactRow:
    return ContactRow(id=number, email=None, company_id=None, updated_at=0, facts="{}", observed="{}", stage=None)


@pytest.fixture
def portal_in_id_order() -> FakeContacts:
    return FakeContacts(id_order=list(range(1, 3_001)))


def test_search_reads_what_the_list_has_no_budget_for(portal_in_id_order: FakeContacts) -> None:
    scan = FullScanRun(portal_in_id_order)

    scan.run()  # the list allows ten requests in ten seconds; without search, the scan would take half a minute

    assert sorted(scan.saved) == portal_in_id_order.id_order


def test_a_contact_not_yet_in_the_search_index_is_not_marked_deleted(portal_in_id_order: FakeContacts) -> None:
    portal_in_id_order.searchable = set(portal_in_id_order.id_order) - {2_345}
    scan = FullScanRun(portal_in_id_order)
    with scan.store.transaction() as tx:
        contacts.save(tx, [make_contact_row(2_345), make_contact_row(9_999)])

    scan.run()

    with scan.store.transaction() as tx:
        assert contacts.unseen_ids(tx, scan_id=1) == []
        assert contacts.count(tx) == len(scan.saved)
    assert 2_345 in scan.saved


def test_only_a_contact_that_hubspot_does_not_know_by_id_counts_as_deleted(portal_in_id_order: FakeContacts) -> None:
    portal_in_id_order.without_id = {3_001}
    scan = FullScanRun(portal_in_id_order)
    with scan.store.transaction() as tx:
        contacts.save(tx, [make_contact_row(number) for number in (3_001, *range(4_001, 4_100))])
        contacts.save(tx, [make_contact_row(5_000)])

    scan.run()

    with scan.store.transaction() as tx:
        assert contacts.count(tx) == 3_100  # the row without an id may be any of the hundred
    portal_in_id_order.without_id = set()
    scan.run()
    with scan.store.transaction() as tx:
        assert contacts.count(tx) == 3_000


def test_a_contact_changed_a_moment_ago_is_read_with_its_change(portal_in_id_order: FakeContacts) -> None:
    just_now = NOW - timedelta(seconds=2)
    portal_in_id_order.fresh = dict.fromkeys(range(1_000, 1_100), just_now)
    scan = FullScanRun(portal_in_id_order)

    scan.run()

    assert {scan.saved[number] for number in portal_in_id_order.fresh} == {just_now}


def test_an_unordered_list_is_read_page_by_page() -> None:
    scan = FullScanRun(FakeContacts(id_order=[*range(2_000, 0, -1), *range(2_001, 2_501)]))

    scan.run()

    assert sorted(scan.saved) == list(range(1, 2_501))
    assert scan.portal.listed_pages == 25


def test_a_full_scan_of_an_unordered_list_resumes() -> None:
    scan = FullScanRun(FakeContacts(id_order=list(range(2_000, 0, -1)), stop_after=8))
    with pytest.raises(ConnectionError):
        scan.run()

    scan.run()

    assert sorted(scan.saved) == list(range(1, 2_001))
    assert scan.portal.listed_pages == 8 + 13


def test_a_circular_list_stops_the_scan() -> None:
    scan = FullScanRun(FakeContacts(id_order=list(range(2_000, 0, -1)), circular=True))

    with pytest.raises(Unavailable, match="cursor repeats"):
        scan.run()


def test_late_search_results_are_reread_once_the_index_has_settled(portal_in_id_order: FakeContacts) -> None:
    scan = FullScanRun(portal_in_id_order)
    with scan.store.transaction() as tx:  # started a minute ago, and interrupted
        scan_state.save_full_scan(tx, FullScanState(number=1, started_at=to_ms(NOW - timedelta(minutes=1)), done=False))
    portal_in_id_order.fresh = {1_234: NOW - timedelta(minutes=1, seconds=5)}
    saved_before_search: list[int] = []
    portal_in_id_order.on_search = lambda: saved_before_search.append(len(scan.saved))
    scan.run()

    assert scan.saved[1_234] == NOW - timedelta(minutes=1, seconds=5)
    assert len(saved_before_search) == 1
    assert saved_before_search[0] < len(portal_in_id_order.id_order)


def test_late_search_results_are_reread_during_the_last_pages_of_a_short_scan() -> None:
    portal = FakeContacts(id_order=list(range(1, 20_001)), blocked_from=19_900)
    portal.on_search = portal.unblocked.set
    scan = FullScanRun(portal)
    scan.run()  # the last page arrives only after the search, so a scan that searched later would never end

    assert len(scan.saved) == 20_000


@pytest.mark.parametrize("total", [0, 1, 500, 501, 20_000, 100_000, 3_000_000])
@pytest.mark.parametrize("id_distance", [1, 7, 10**6])
def test_a_full_scan_starts_with_one_partition_per_useful_reader(total: int, id_distance: int) -> None:
    extent = IdRange(total=total, lowest_id=5, highest_id=5 + total * id_distance) if total else IdRange(total=0, highest_id=None)
    gaps = split_id_range(30, [Interval(0, (extent.highest_id or 0) + 1)], extent)
    assert 1 <= len(gaps) <= 1.5 * 30 + 2  # partitions are whole pages, so their number rarely equals that of the readers
    assert len(gaps) <= max(1, total // 350)
    assert total < 800 or id_distance == 1 or len(gaps) >= min(25, total // 420)
