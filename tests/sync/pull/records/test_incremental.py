from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sync_worker.hubspot.records.models import Contact, ResultPage
from sync_worker.store.database import Store
from sync_worker.store.facts import contacts
from sync_worker.store.facts.contacts import ContactRow
from sync_worker.sync.pull.records.incremental import IncrementalReader
from sync_worker.timestamps import to_ms
from tests.harness import MODEL, start_harness
from tests.store.database_factories import open_in_memory

START_TIME = datetime(2026, 11, 20, 12, tzinfo=UTC)
SEARCH_ENDPOINT = "POST /crm/objects/2026-09/contacts/search"


@dataclass
class FakeSearch:
    """A search that takes 0.2 seconds per request and finds changes only after a lag."""

    now: datetime
    changed_at: dict[int, datetime] = field(default_factory=dict)
    lag: timedelta = timedelta(seconds=3)
    requests: int = 0
    hides_rows: bool = False  # counts contacts and returns none

    def search_modified(self, since: datetime, after: int, _: Sequence[str], until: datetime | None = None) -> ResultPage[Contact, int]:
        ids = [number for number in self._matching_ids(since, until) if number > after]
        if self.hides_rows:
            return ResultPage(items=(), next=None, total=len(ids))
        return ResultPage(items=self._build_contacts(ids[:200]), next=ids[199] if len(ids) > 200 else None, total=len(ids))

    def search_created_or_converted(self, _since: datetime, _: Sequence[str]) -> Sequence[Contact]:
        self.requests += 1
        return ()

    def search_newest(self) -> ResultPage[Contact, int]:
        ids = self._matching_ids(datetime.min.replace(tzinfo=UTC), None)
        return ResultPage(items=self._build_contacts(ids[:-201:-1]), next=None, total=len(ids))

    def count_ids(self, ids: tuple[int, int]) -> int:
        return sum(ids[0] <= number < ids[1] for number in self._matching_ids(datetime.min.replace(tzinfo=UTC), None))

    def search_id_ranges(self, ranges: Sequence[tuple[int, int]], _: Sequence[str]) -> ResultPage[Contact, int]:
        ((low, high),) = ranges
        ids = [number for number in self._matching_ids(datetime.min.replace(tzinfo=UTC), None) if low <= number < high]
        return ResultPage(items=self._build_contacts(ids[:200]), next=ids[200] if len(ids) > 200 else None)

    def _build_contacts(self, ids: Sequence[int]) -> tuple[Contact, ...]:
        return tuple(Contact(number, (), (), self.changed_at[number]) for number in ids)

    def count_modified(self, since: datetime, until: datetime) -> int:
        return len(self._matching_ids(since, until))

    def _matching_ids(self, since: datetime, until: datetime | None) -> list[int]:
        self.requests += 1
        self.now += timedelta(seconds=0.2)
        newest = min(until or self.now, self.now - self.lag)
        return sorted(number for number, at in self.changed_at.items() if since <= at < newest)


@dataclass
class ReaderHarness:
    search: FakeSearch
    store: Store = field(default_factory=open_in_memory)
    cursor: datetime = START_TIME

    def save_page(self, rows: Sequence[Contact]) -> None:
        self.save_contacts({row.id: row.updated_at for row in rows})

    def save_contacts(self, changed_at: dict[int, datetime]) -> None:
        with self.store.transaction() as tx:
            contacts.save(tx, [make_contact_row(number, at) for number, at in changed_at.items()])

    def read(self) -> int:
        """Read the changed contacts; return the number of requests."""
        before = self.search.requests
        contacts: Any = self.search
        changes = IncrementalReader(
            contacts=contacts,
            store=self.store,
            properties=(),
            clock=lambda: self.search.now,
            overlap=timedelta(minutes=10),
            save=self.save_page,
            read_by_id=lambda ids: self.save_page([Contact(number, (), (), self.search.changed_at[number]) for number in ids]),
        )
        self.cursor = changes.read(self.cursor).cursor
        return self.search.requests - before

    def find_save_time(self, number: int) -> datetime | None:
        with self.store.transaction() as tx:
            found = contacts.count_changed(tx, to_ms(self.search.changed_at[number]), to_ms(self.search.changed_at[number]) + 1)
        return self.search.changed_at[number] if found else None


def make_contact_row(number: int, at: datetime) -> ContactRow:
    return ContactRow(id=number, email=None, company_id=None, updated_at=to_ms(at), facts="{}", observed="{}", stage=None)


def test_the_echo_of_a_backfill_costs_its_pages_once_and_then_nothing() -> None:
    # 40,000 contacts were written within three minutes. HubSpot acknowledged each with the time that search returns.
    saved_at = {number: START_TIME + timedelta(seconds=180 * number / 40_000) for number in range(40_000)}
    harness = ReaderHarness(FakeSearch(now=START_TIME + timedelta(seconds=181), changed_at=dict(saved_at)))
    harness.save_contacts(saved_at)

    first, second, third = harness.read(), harness.read(), harness.read()

    assert first + second <= 200 + 20  # the second run reads the changes that had not settled before
    assert third <= 3


def test_the_cursor_stays_while_search_counts_contacts_that_it_does_not_return() -> None:
    search = FakeSearch(now=START_TIME + timedelta(seconds=60), changed_at={1: START_TIME + timedelta(seconds=10)}, hides_rows=True)
    harness = ReaderHarness(search)

    harness.read()
    assert harness.cursor == START_TIME

    search.hides_rows = False
    search.now += timedelta(hours=3)
    harness.read()
    assert harness.find_save_time(1)
    assert harness.cursor > START_TIME + timedelta(hours=3)


def test_a_contact_that_changes_again_does_not_cause_the_others_to_be_read_again() -> None:
    saved_at = {number: START_TIME + timedelta(seconds=180 * number / 40_000) for number in range(40_000)}
    harness = ReaderHarness(FakeSearch(now=START_TIME + timedelta(seconds=181), changed_at=dict(saved_at)))
    harness.save_contacts(saved_at)
    harness.read()
    harness.read()
    harness.search.now += timedelta(seconds=60)
    changed_again = {number: harness.search.now - timedelta(seconds=10) for number in range(100, 40_000, 100)}
    harness.search.changed_at |= changed_again

    assert harness.read() <= len(changed_again) / 200 + 3
    assert all(harness.find_save_time(number) for number in changed_again)


def test_a_change_that_search_finds_minutes_late_is_read() -> None:
    harness = ReaderHarness(FakeSearch(now=START_TIME + timedelta(seconds=1)))
    saved_at = {number: START_TIME - timedelta(seconds=300) for number in range(1_000)}
    harness.save_contacts(saved_at)
    harness.search.changed_at = dict(saved_at)
    harness.read()
    harness.search.now += timedelta(minutes=4)
    harness.search.changed_at[5_000] = START_TIME - timedelta(seconds=70)  # found four minutes late

    harness.read()

    assert harness.find_save_time(5_000)


def test_a_change_during_a_long_read_is_read_by_the_next_run_at_the_latest() -> None:
    changed_at = {number: START_TIME + timedelta(seconds=number / 300) for number in range(30_000)}
    harness = ReaderHarness(FakeSearch(now=START_TIME + timedelta(seconds=101), changed_at=changed_at))
    harness.read()
    harness.search.changed_at[3] = harness.search.now - timedelta(
        seconds=1
    )  # read early in the scan, changed now, not in the search index yet
    harness.search.now += timedelta(seconds=30)

    harness.read()

    assert harness.find_save_time(3)


def test_an_idle_sync_needs_six_requests_and_a_form_is_noticed_at_once(tmp_path: Path) -> None:
    with start_harness(tmp_path, model=MODEL) as harness:
        harness.backfill()
        harness.approve()
        for _ in range(3):
            harness.advance(5)
            report = harness.sync()
        assert (sum(report.requests.values()) <= 6, report.written, report.evaluated) == (True, 0, 0), report.requests

        harness.submit_form("p3@example.com", "demo")
        harness.advance(1)
        assert harness.sync().pulled["form_submission"]
        assert harness.value(3, "lead_mql_reason") == "demo"


def test_our_own_writes_are_not_evaluated_again(tmp_path: Path) -> None:
    with start_harness(tmp_path) as harness:
        assert harness.backfill().written
        harness.advance(1)
        report = harness.sync()
        assert report.pulled["contacts"] > 0
        assert (report.evaluated, report.written) == (0, 0)


def test_a_form_submitted_at_the_time_of_an_already_read_one_is_read(tmp_path: Path) -> None:
    with start_harness(tmp_path, model=MODEL) as harness:
        harness.backfill()
        harness.advance(1)
        harness.submit_form("p3@example.com", "news")
        assert harness.sync().pulled["form_submission"]
        harness.submit_form("p3@example.com", "demo")  # at the same time as the other
        harness.sync()
        assert harness.value(3, "lead_mql_reason") == "demo"
