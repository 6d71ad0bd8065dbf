from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Event
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import inspect

from sync_worker.errors import Unavailable
from sync_worker.hubspot.api.crm_objects import UnorderedResponse
from sync_worker.hubspot.records.models import BatchReadResult, Contact, IdRange, ResultPage
from sync_worker.hubspot.rest.clock import Clock
from sync_worker.hubspot.rest.rate_limiter import RateLimiter, RateLimitSettings
from sync_worker.store import contacts, coverage, key_value
from sync_worker.store.contacts import ContactRow
from sync_worker.store.coverage import Interval
from sync_worker.store.database import Store
from sync_worker.sync.pull import scan_hints
from sync_worker.sync.pull.full_scan import FullScan, partition_for
from sync_worker.timestamps import to_ms
from tests.store.database_factories import in_memory

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=9)


def contact(number: int, changed: datetime = LONG_AGO) -> Contact:
    return Contact(number, (), (), changed)


@dataclass
class Portal:
    """Contacts in some order, and a search that may not know them all or knows them as they were."""

    order: list[int]
    searchable: set[int] | None = None
    stale: dict[int, datetime] = field(default_factory=dict)
    fresh: dict[int, datetime] = field(default_factory=dict)
    listed_pages: int = 0
    stop_after: int | None = None
    circle: bool = False
    held_from: int | None = None  # nobody with such an id, or a higher one, is shown before `held` is set
    held: Event = field(default_factory=Event)

    def extent(self) -> IdRange:
        return IdRange(total=len(self.order), highest_id=max(self.order), lowest_id=min(self.order))

    def ranges_at_once(self, _: Sequence[str]) -> int:
        return 5

    def page(self, after: int, _: Sequence[str]) -> ResultPage[Contact, int]:
        if self.order != sorted(self.order):
            raise UnorderedResponse("not in order")
        ids = self._shown([number for number in self.order if number >= after][:100])
        more = bool(ids) and ids[-1] != self.order[-1]
        return ResultPage(
            items=tuple(contact(number, self.fresh.get(number, LONG_AGO)) for number in ids), next=ids[-1] + 1 if more else None
        )

    def listed(self, token: str | None, _: Sequence[str]) -> ResultPage[Contact, str]:
        self.listed_pages += 1
        if self.listed_pages == self.stop_after:
            raise ConnectionError
        begin = int(token.removeprefix("p")) if token else 0
        end = begin + 100
        following = f"p{100 if self.circle else end}" if end < len(self.order) else None
        return ResultPage(items=tuple(map(contact, self.order[begin:end])), next=following)

    def between(self, ranges: Sequence[tuple[int, int]], _: Sequence[str]) -> ResultPage[Contact, int]:
        known = self.order if self.searchable is None else sorted(self.searchable)
        ids = [number for number in known if any(low <= number < high for low, high in ranges)]
        items = tuple(contact(number, self.stale.get(number, LONG_AGO)) for number in self._shown(ids[:200]))
        return ResultPage(items=items, next=ids[199] + 1 if len(ids) > 200 else None, total=len(ids))

    def changed(self, since: datetime, after: int, _: Sequence[str], until: datetime | None = None) -> ResultPage[Contact, int]:
        assert until is not None
        found = [contact(number, at) for number, at in sorted(self.fresh.items()) if number > after and since <= at < until]
        return ResultPage(items=tuple(found), next=None, total=len(found))

    def _shown(self, ids: list[int]) -> list[int]:
        if self.held_from is not None and ids and ids[-1] >= self.held_from:
            assert self.held.wait(20)
        return ids

    def read(self, ids: Sequence[int], _: Sequence[str]) -> BatchReadResult[Contact]:
        there = [number for number in ids if number in self.order]
        return BatchReadResult(items=tuple(map(contact, there)), missing=frozenset(ids).difference(there))


@dataclass
class Reading:
    """The reading of a portal into a store."""

    portal: Portal
    store: Store = field(default_factory=in_memory)
    kept: dict[int, datetime] = field(default_factory=dict)

    def everyone(self) -> FullScan:
        clock = Clock()
        throttle = RateLimiter(RateLimitSettings(burst=10, search=10**6), clock)
        hubspot: Any = SimpleNamespace(identity="theirs", contacts=self.portal, transport=SimpleNamespace(throttle=throttle, clock=clock))
        return FullScan(
            hubspot=hubspot,
            store=self.store,
            properties=(),
            requested_properties=[],
            now=NOW,
            readers=4,
            save=self.keep,
            expect=lambda _: None,
        )

    def keep(self, rows: Sequence[Contact], *, sweep: int, intervals: Sequence[Interval] = ()) -> None:
        self.kept.update((row.id, max(row.updated_at, self.kept.get(row.id, LONG_AGO))) for row in rows)
        with self.store.transaction() as tx:
            contacts.save(tx, [known(row.id) for row in rows], scan_id=sweep)
            coverage.add_intervals(tx, "contacts", intervals)

    def run(self) -> None:
        for _ in self.everyone().read():
            pass


def known(number: int) -> ContactRow:
    return ContactRow(id=number, email=None, company_id=None, updated_at=0, facts="{}", observed="{}", stage=None)


@pytest.fixture
def ordered() -> Portal:
    return Portal(order=list(range(1, 3_001)))


def test_search_reads_what_the_list_has_no_budget_for(ordered: Portal) -> None:
    reading = Reading(ordered)

    reading.run()  # the list may be asked ten times in ten seconds: alone it would take half a minute

    assert sorted(reading.kept) == ordered.order


def test_who_is_not_in_the_search_index_yet_is_not_taken_for_gone(ordered: Portal) -> None:
    ordered.searchable = set(ordered.order) - {2_345}
    reading = Reading(ordered)
    with reading.store.transaction() as tx:
        contacts.save(tx, [known(2_345), known(9_999)])

    reading.run()

    with reading.store.transaction() as tx:
        assert contacts.unseen_ids(tx, scan_id=1) == []
        assert contacts.count(tx) == len(reading.kept)
    assert 2_345 in reading.kept


def test_who_was_changed_a_moment_before_is_shown_as_changed(ordered: Portal) -> None:
    just_now = NOW - timedelta(seconds=2)
    ordered.fresh = dict.fromkeys(range(1_000, 1_100), just_now)
    reading = Reading(ordered)

    reading.run()

    assert {reading.kept[number] for number in ordered.fresh} == {just_now}


def test_a_list_without_order_is_followed_page_after_page() -> None:
    reading = Reading(Portal(order=[*range(2_000, 0, -1), *range(2_001, 2_501)]))

    reading.run()

    assert sorted(reading.kept) == list(range(1, 2_501))
    assert reading.portal.listed_pages == 25


def test_a_list_without_order_goes_on_where_it_was_stopped() -> None:
    reading = Reading(Portal(order=list(range(2_000, 0, -1)), stop_after=8))
    with pytest.raises(ConnectionError):
        reading.run()

    reading.run()

    assert sorted(reading.kept) == list(range(1, 2_001))
    assert reading.portal.listed_pages == 8 + 13


def test_a_list_that_goes_round_in_a_circle_ends() -> None:
    reading = Reading(Portal(order=list(range(2_000, 0, -1)), circle=True))

    with pytest.raises(Unavailable, match="circle"):
        reading.run()


def test_the_state_is_only_looked_at_before_the_first_pages_have_been_asked_for(ordered: Portal) -> None:
    reading = Reading(ordered)
    with reading.store.transaction() as tx:
        key_value.put(tx, "sweep", {"number": 7, "started": 0, "done": True})
        coverage.add(tx, "contacts", 0, 500)

    begun = reading.everyone().read()
    assert next(begun) == []
    begun.close()  # type: ignore[attr-defined]  # a generator

    with reading.store.transaction() as tx:
        assert key_value.get(tx, "sweep") == {"number": 7, "started": 0, "done": True}
        assert coverage.load(tx, "contacts") == [Interval(0, 500)]
    assert not reading.kept


def test_what_search_shows_late_is_asked_for_as_soon_as_it_has_settled(ordered: Portal) -> None:
    reading = Reading(ordered)
    with reading.store.transaction() as tx:  # begun a minute ago, and stopped
        key_value.put(tx, "sweep", {"number": 1, "started": to_ms(NOW - timedelta(minutes=1)), "done": False, "asked": []})
    ordered.fresh = {1_234: NOW - timedelta(minutes=1, seconds=5)}
    kept_before_it_was_asked: list[int] = []
    answer = ordered.changed

    def changed(*asked: Any, **more: Any) -> ResultPage[Contact, int]:
        kept_before_it_was_asked.append(len(reading.kept))
        return answer(*asked, **more)

    ordered.changed = changed  # type: ignore[method-assign]
    reading.run()

    assert reading.kept[1_234] == NOW - timedelta(minutes=1, seconds=5)
    assert len(kept_before_it_was_asked) == 1
    assert kept_before_it_was_asked[0] < len(ordered.order)


def test_what_search_shows_late_is_asked_for_beside_the_last_pages_of_a_short_reading() -> None:
    portal = Portal(order=list(range(1, 20_001)), held_from=19_900)
    answer = portal.changed

    def changed(*asked: Any, **more: Any) -> ResultPage[Contact, int]:
        portal.held.set()
        return answer(*asked, **more)

    portal.changed = changed  # type: ignore[method-assign]
    reading = Reading(portal)
    reading.run()  # nobody is shown to whoever waits for the last page before asking

    assert len(reading.kept) == 20_000


def test_the_indices_of_a_new_state_are_made_while_hubspot_has_to_be_waited_for(ordered: Portal) -> None:
    ordered.held_from = 2_900
    reading = Reading(ordered)
    indices = set[str]()
    for ids in reading.everyone().read():
        if not ids and len(reading.kept) >= 2_600:
            with reading.store.transaction() as tx:
                indices |= {str(index["name"]) for index in inspect(tx).get_indexes("contacts")}
            ordered.held.set()

    assert {"contacts_by_email", "contacts_here"} <= indices
    assert len(reading.kept) == 3_000


def test_a_reading_leaves_an_outlook_on_the_next(ordered: Portal) -> None:
    reading = Reading(ordered)
    reading.run()
    hubspot = reading.everyone().hubspot

    found = scan_hints.remembered(reading.store, hubspot, NOW + timedelta(hours=1))
    assert found is not None
    assert found.extent == IdRange(total=3_000, highest_id=3_000, lowest_id=1)
    assert scan_hints.remembered(reading.store, hubspot, NOW + timedelta(days=2)) is None
    assert scan_hints.remembered(reading.store, hubspot, NOW - timedelta(hours=1)) is None
    hubspot.identity = "another's"  # type: ignore[misc]  # a double
    assert scan_hints.remembered(reading.store, hubspot, NOW) is None


@pytest.mark.parametrize("total", [0, 1, 500, 501, 20_000, 100_000, 3_000_000])
@pytest.mark.parametrize("apart", [1, 7, 10**6])
def test_a_reading_begins_with_a_range_for_each_reader_and_with_one_where_more_are_not_worth_it(total: int, apart: int) -> None:
    extent = IdRange(total=total, lowest_id=5, highest_id=5 + total * apart) if total else IdRange(total=0, highest_id=None)
    gaps = partition_for(30, [Interval(0, (extent.highest_id or 0) + 1)], extent)
    assert 1 <= len(gaps) <= 1.5 * 30 + 2  # whole pages, so hardly ever as many as there are readers
    assert len(gaps) <= max(1, total // 350)
    assert total < 800 or apart == 1 or len(gaps) >= min(25, total // 420)
