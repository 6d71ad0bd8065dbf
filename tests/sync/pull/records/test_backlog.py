"""A large backlog of changes, such as the worker's own writes, is read once, and nothing waits for its end or is lost."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from sync_worker.hubspot.records.models import Contact, ResultPage
from sync_worker.store import schema
from sync_worker.store.database import Store
from sync_worker.store.facts import contacts
from sync_worker.store.facts.contacts import ContactRow
from sync_worker.sync.pull.records.incremental import IncrementalReader, ReadSizes
from sync_worker.timestamps import to_ms
from tests.harness import make_contact as make_portal_contact
from tests.harness import small_portal, start_harness
from tests.store.database_factories import open_in_memory

START_TIME = datetime(2026, 11, 20, 12, tzinfo=UTC)
PAGE_SIZE = 4
SIZES = ReadSizes(page=PAGE_SIZE, at_once=8, slice=12)


class Version(NamedTuple):
    """A contact as a change left it: `facts` counts the changes of others; search shows it from `visible_at` on."""

    changed_at: datetime
    visible_at: datetime
    facts: int


@dataclass
class FakePortal:
    """Contacts that others and the worker change, and a search whose index shows a change late. A request takes 0.2 seconds."""

    now: datetime = START_TIME
    versions: dict[int, list[Version]] = field(default_factory=dict)
    rows_read: int = 0

    def change(self, ids: Collection[int], *, lag: float, foreign: bool = True) -> None:
        for id_ in ids:
            self.now += timedelta(milliseconds=10)
            history = self.versions.setdefault(id_, [])
            visible_at = max([self.now + timedelta(seconds=lag), *(version.visible_at for version in history)])
            history.append(Version(self.now, visible_at, (history[-1].facts if history else 0) + foreign))

    def delete(self, ids: Collection[int]) -> None:
        for id_ in ids:
            self.versions.pop(id_, None)

    def search_modified(self, since: datetime, after: int, _: Sequence[str], until: datetime | None = None) -> ResultPage[Contact, int]:
        found = [contact for contact in self._search(since, until) if contact.id > after]
        self.rows_read += len(found[:PAGE_SIZE])
        return ResultPage(
            items=tuple(found[:PAGE_SIZE]), next=found[PAGE_SIZE - 1].id if len(found) > PAGE_SIZE else None, total=len(found)
        )

    def search_created_or_converted(self, since: datetime, _: Sequence[str]) -> Sequence[Contact]:
        shown = self._search(since, None)
        return [contact for contact in shown if self.versions[contact.id][0].changed_at >= since][::-1]

    def count_modified(self, since: datetime, until: datetime) -> int:
        return len(self._search(since, until))

    def search_newest(self) -> ResultPage[Contact, int]:
        shown = self._search(START_TIME - timedelta(days=1), None)
        return ResultPage(items=tuple(shown[::-1][:PAGE_SIZE]), next=None, total=len(shown))

    def count_ids(self, ids: tuple[int, int]) -> int:
        return len(self._find_ids(ids))

    def search_id_ranges(self, ranges: Sequence[tuple[int, int]], _: Sequence[str]) -> ResultPage[Contact, int]:
        ((low, high),) = ranges
        found = self._find_ids((low, high))
        return ResultPage(items=tuple(found[:PAGE_SIZE]), next=found[PAGE_SIZE - 1].id + 1 if len(found) > PAGE_SIZE else None)

    def _find_ids(self, ids: tuple[int, int]) -> list[Contact]:
        return [contact for contact in self._search(START_TIME - timedelta(days=1), None) if ids[0] <= contact.id < ids[1]]

    def read(self, ids: Sequence[int]) -> list[Contact]:
        return [make_contact(id_, self.versions[id_][-1]) for id_ in ids if id_ in self.versions]

    def _search(self, since: datetime, until: datetime | None) -> list[Contact]:
        self.now += timedelta(seconds=0.2)
        visible = {id_: [each for each in history if each.visible_at <= self.now] for id_, history in self.versions.items()}
        shown = {id_: history[-1] for id_, history in visible.items() if history}
        found = {id_: each for id_, each in shown.items() if since <= each.changed_at and (until is None or each.changed_at < until)}
        return [make_contact(id_, each) for id_, each in sorted(found.items())]


def make_contact(id_: int, version: Version) -> Contact:
    return Contact(id_, ("facts",), (str(version.facts),), version.changed_at)


@dataclass
class Sync:
    """The state of a worker that reads the changes of a portal."""

    portal: FakePortal = field(default_factory=FakePortal)
    store: Store = field(default_factory=open_in_memory)
    cursor: datetime = START_TIME
    max_pages: int | None = None

    def read(self) -> bool:
        """Read the changes; return whether a backlog is left."""
        api: Any = self.portal
        reader = IncrementalReader(
            contacts=api,
            store=self.store,
            properties=(),
            clock=lambda: self.portal.now,
            overlap=timedelta(minutes=10),
            save=self.save,
            read_by_id=self.read_by_id,
            max_pages=self.max_pages,
            sizes=SIZES,
        )
        self.cursor, is_complete, has_backlog = reader.read(self.cursor)
        assert is_complete
        return has_backlog

    def save(self, rows: Sequence[Contact]) -> None:
        with self.store.transaction() as tx:
            contacts.save(tx, [make_row(row.id, to_ms(row.updated_at), row.values[0] or "") for row in rows])

    def read_by_id(self, ids: Sequence[int]) -> None:
        self.save(self.portal.read(ids))
        with self.store.transaction() as tx:
            contacts.mark_deleted(tx, [id_ for id_ in ids if id_ not in self.portal.versions])

    def write(self, ids: Collection[int], *, lag: float = 3.0) -> None:
        """Write contacts as the worker does: the state learns the time of the change, and nothing of what others changed before."""
        known = self.load()
        written = [id_ for id_ in ids if id_ in known and id_ in self.portal.versions]
        self.portal.change(written, lag=lag, foreign=False)
        with self.store.transaction() as tx:
            contacts.save(tx, [make_row(id_, to_ms(self.portal.versions[id_][-1].changed_at), known[id_]) for id_ in written])

    def load(self) -> dict[int, str]:
        with self.store.transaction() as tx:
            return {row.id: row.facts for row in tx.execute(select(schema.contacts.c.id, schema.contacts.c.facts))}

    def load_live(self) -> set[int]:
        with self.store.transaction() as tx:
            return contacts.load_changed_ids(tx, 0, to_ms(self.portal.now))

    def differing(self) -> dict[int, tuple[str | None, int]]:
        """Return the contacts of the portal whose facts the state does not have."""
        known = self.load()
        return {
            id_: (known.get(id_), history[-1].facts)
            for id_, history in self.portal.versions.items()
            if known.get(id_) != str(history[-1].facts)
        }


def make_row(id_: int, at: int, facts: str) -> ContactRow:
    return ContactRow(id=id_, email=None, company_id=None, updated_at=at, facts=facts, observed="{}", stage=None)


IDS = st.builds(lambda low, number: range(low, low + number), st.integers(1, 50), st.integers(1, 40))
STEPS = st.one_of(
    st.tuples(st.just("change"), IDS, st.floats(0, 29)),
    st.tuples(st.just("write"), IDS, st.floats(0, 29)),
    st.tuples(st.just("delete"), st.builds(lambda ids: ids[:3], IDS), st.just(0.0)),
    st.tuples(st.just("sleep"), st.just(range(0)), st.floats(0, 90)),
    st.tuples(st.just("read"), st.just(range(0)), st.just(0.0)),
)


@settings(max_examples=25)
@given(steps=st.lists(STEPS, max_size=25), max_pages=st.sampled_from([None, 1, 3]))
def test_no_change_of_others_is_missed(steps: list[tuple[str, range, float]], max_pages: int | None) -> None:
    sync = Sync(max_pages=max_pages)
    sync.portal.change(range(1, 41), lag=0)
    sync.read()
    for kind, ids, seconds in steps:
        if kind == "change":
            sync.portal.change(ids, lag=seconds)
        elif kind == "write":
            sync.write(ids, lag=seconds)
        elif kind == "delete":
            sync.portal.delete(ids)
        elif kind == "sleep":
            sync.portal.now += timedelta(seconds=seconds)
        else:
            sync.read()
    for _ in range(2):
        sync.portal.now += timedelta(seconds=40)
        while sync.read():
            pass

    assert not sync.differing()


def start_after_write(contacts: int, *, max_pages: int | None = None) -> Sync:
    """Return a worker that has read and written contacts a moment ago."""
    sync = Sync(max_pages=max_pages)
    sync.portal.change(range(1, contacts + 1), lag=0)
    sync.portal.now += timedelta(seconds=40)
    while sync.read():
        pass
    sync.portal.now += timedelta(minutes=20)
    sync.read()
    sync.write(range(1, contacts + 1))
    sync.portal.rows_read = 0
    return sync


def test_the_echo_of_a_large_write_is_read_once_however_often_a_run_starts() -> None:
    sync = start_after_write(400)
    for _ in range(12):
        sync.read()
        sync.portal.now += timedelta(seconds=5)

    assert sync.portal.rows_read <= 400 + 12 * 2 * PAGE_SIZE


def test_a_deleted_contact_does_not_cause_the_echo_to_be_read_again() -> None:
    sync = start_after_write(400)
    sync.portal.now += timedelta(seconds=40)
    sync.read()
    sync.portal.delete([77])
    sync.portal.rows_read = 0
    for _ in range(5):
        sync.portal.now += timedelta(seconds=60)
        sync.read()

    assert sync.portal.rows_read <= 5 * 2 * PAGE_SIZE
    assert 77 not in sync.load_live()


def test_a_new_contact_does_not_wait_for_the_end_of_the_echo() -> None:
    sync = start_after_write(100, max_pages=1)
    sync.portal.change([900], lag=0)  # in the middle of the worker's writes
    sync.write(range(1, 101))
    sync.portal.now += timedelta(seconds=40)

    assert sync.read()
    assert 900 in sync.load()


def test_a_run_reads_no_more_of_a_backlog_than_its_share_and_the_newest_part_first() -> None:
    sync = start_after_write(400, max_pages=25)
    sync.portal.now += timedelta(seconds=40)
    sync.portal.change([7], lag=0)
    sync.portal.now += timedelta(seconds=31)
    assert sync.read()
    assert sync.portal.rows_read <= 150
    assert 7 not in sync.differing()

    runs = 1
    while sync.read():
        runs += 1
    assert runs >= 4
    assert sync.portal.rows_read <= 400 * 1.5


def test_syncs_after_a_large_write_search_for_each_contact_once(tmp_path: Path) -> None:
    number = 2_500
    data = small_portal(contacts=[make_portal_contact(id_) for id_ in range(1, number + 1)], email_events=[], events=[], submissions=[])
    searches = []
    with start_harness(tmp_path, data) as harness:
        assert harness.backfill().written == number
        for seconds in (1, 5, 5, 30, 5, 60):
            harness.advance(seconds / 60)
            report = harness.sync()
            searches.append(report.requests.get("POST /crm/objects/2026-09/contacts/search", 0))
            assert (report.evaluated, report.written) == (0, 0)

    # 13 pages; each run has one search for conversions, one for changes, and up to five that find out what to read
    assert sum(searches) <= 13 + 6 * len(searches), searches
    assert max(searches[:3] + searches[4:]) <= 7, searches
