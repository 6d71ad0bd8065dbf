from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sync_worker.hubspot.records.models import Contact, ResultPage
from sync_worker.store import contacts
from sync_worker.store.contacts import ContactRow
from sync_worker.store.database import Store
from sync_worker.sync.pull.incremental import IncrementalReader
from sync_worker.timestamps import to_ms
from tests.harness import MODEL, a_world
from tests.store.database_factories import in_memory

BEGUN = datetime(2026, 11, 20, 12, tzinfo=UTC)
SEARCH = "POST /crm/objects/2026-09/contacts/search"


@dataclass
class Search:
    """A search that answers five times a second; what was changed is found some seconds later."""

    now: datetime
    changed_at: dict[int, datetime] = field(default_factory=dict)
    lag: timedelta = timedelta(seconds=3)
    requests: int = 0

    def changed(self, since: datetime, after: int, _: Sequence[str], until: datetime | None = None) -> ResultPage[Contact, int]:
        ids = [number for number in self._found(since, until) if number > after]
        rows = tuple(Contact(number, (), (), self.changed_at[number]) for number in ids[:200])
        return ResultPage(items=rows, next=ids[199] if len(ids) > 200 else None, total=len(ids))

    def count_changed(self, since: datetime, until: datetime) -> int:
        return len(self._found(since, until))

    def _found(self, since: datetime, until: datetime | None) -> list[int]:
        self.requests += 1
        self.now += timedelta(seconds=0.2)
        top = min(until or self.now, self.now - self.lag)
        return sorted(number for number, at in self.changed_at.items() if since <= at < top)


@dataclass
class Reading:
    search: Search
    store: Store = field(default_factory=in_memory)
    cursor: datetime = BEGUN

    def keep(self, rows: Sequence[Contact]) -> None:
        self.know({row.id: row.updated_at for row in rows})

    def know(self, changed_at: dict[int, datetime]) -> None:
        with self.store.transaction() as tx:
            contacts.save(tx, [_person(number, at) for number, at in changed_at.items()])

    def read(self) -> int:
        """Read what changed; return the number of requests."""
        before = self.search.requests
        contacts: Any = self.search
        changes = IncrementalReader(
            contacts=contacts,
            store=self.store,
            properties=(),
            clock=lambda: self.search.now,
            overlap=timedelta(minutes=10),
            save=self.keep,
        )
        self.cursor = changes.read(self.cursor)
        return self.search.requests - before

    def knows(self, number: int) -> datetime | None:
        with self.store.transaction() as tx:
            found = contacts.count_changed(tx, to_ms(self.search.changed_at[number]), to_ms(self.search.changed_at[number]) + 1)
        return self.search.changed_at[number] if found else None


def _person(number: int, at: datetime) -> ContactRow:
    return ContactRow(id=number, email=None, company_id=None, updated_at=to_ms(at), facts="{}", observed="{}", stage=None)


def test_the_echo_of_a_backfill_costs_its_pages_once_and_then_nothing() -> None:
    # Forty thousand were written within three minutes, and acknowledged with the times at which search shows them.
    written = {number: BEGUN + timedelta(seconds=180 * number / 40_000) for number in range(40_000)}
    reading = Reading(Search(now=BEGUN + timedelta(seconds=181), changed_at=dict(written)))
    reading.know(written)

    first, second, third = reading.read(), reading.read(), reading.read()

    assert first <= 200 + 6
    assert second <= 2
    assert third <= 2


def test_who_changes_once_more_soon_after_does_not_have_all_the_others_read_again() -> None:
    written = {number: BEGUN + timedelta(seconds=180 * number / 40_000) for number in range(40_000)}
    reading = Reading(Search(now=BEGUN + timedelta(seconds=181), changed_at=dict(written)))
    reading.know(written)
    reading.read()
    reading.read()
    reading.search.now += timedelta(seconds=60)
    again = {number: reading.search.now - timedelta(seconds=10) for number in range(100, 40_000, 100)}
    reading.search.changed_at |= again

    assert reading.read() <= len(again) / 200 + 3
    assert all(reading.knows(number) for number in again)


def test_a_change_that_search_shows_only_minutes_later_is_read_all_the_same() -> None:
    reading = Reading(Search(now=BEGUN + timedelta(seconds=1)))
    many = {number: BEGUN - timedelta(seconds=300) for number in range(1_000)}
    reading.know(many)
    reading.search.changed_at = dict(many)
    reading.read()
    reading.search.now += timedelta(minutes=4)
    reading.search.changed_at[5_000] = BEGUN - timedelta(seconds=70)  # shown four minutes too late

    reading.read()

    assert reading.knows(5_000)


def test_what_changes_while_a_heap_is_being_read_is_read_by_the_next_at_the_latest() -> None:
    old = {number: BEGUN + timedelta(seconds=number / 300) for number in range(30_000)}
    reading = Reading(Search(now=BEGUN + timedelta(seconds=101), changed_at=old))
    reading.read()
    reading.search.changed_at[3] = reading.search.now - timedelta(seconds=1)  # read long before, changed now, not to be found yet
    reading.search.now += timedelta(seconds=30)

    reading.read()

    assert reading.knows(3)


def test_when_nothing_happens_six_requests_are_enough_and_a_form_is_noticed_at_once(tmp_path: Path) -> None:
    with a_world(tmp_path, model=MODEL) as world:
        world.backfill()
        world.approve()
        for _ in range(3):
            world.later(5)
            report = world.sync()
        assert (sum(report.requests.values()) <= 6, report.written, report.evaluated) == (True, 0, 0), report.requests

        world.submit("p3@example.com", "demo")
        world.later(1)
        assert world.sync().pulled["form_submission"]
        assert world.value(3, "lead_mql_reason") == "demo"


def test_what_we_wrote_ourselves_is_not_judged_again(tmp_path: Path) -> None:
    with a_world(tmp_path) as world:
        assert world.backfill().written
        world.later(1)
        report = world.sync()
        assert report.pulled["contacts"] > 0
        assert (report.evaluated, report.written) == (0, 0)


def test_a_form_that_is_sent_in_the_moment_of_another_is_noticed_after_that_was_read(tmp_path: Path) -> None:
    with a_world(tmp_path, model=MODEL) as world:
        world.backfill()
        world.later(1)
        world.submit("p3@example.com", "news")
        assert world.sync().pulled["form_submission"]
        world.submit("p3@example.com", "demo")  # no later than the other
        world.sync()
        assert world.value(3, "lead_mql_reason") == "demo"
