"""Records that one wrong page has hidden are read in the same run: HubSpot's counts show where they are."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_worker.hubspot.records.models import BatchReadResult, Contact, ResultPage
from sync_worker.intervals import Interval
from sync_worker.sync.pull.records.missing_records import MissingRecords
from tests.harness import Harness

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
CONTACTS = "GET /crm/objects/2026-09/contacts"
COMPANIES = "GET /crm/objects/2026-09/companies"
MEMBERS = "GET /crm/lists/2026-09/*/memberships"
EMPTY = {"results": []}
TRUE_GRADES = {1: "C", 6: "D"}  # of contacts with a large and a small company


@dataclass
class FakeObjects:
    """Records with these ids; search pages have five rows."""

    ids: Sequence[int]
    counts: int = 0
    read_ids: set[int] = field(default_factory=set)

    def count_ids(self, ids: Interval) -> int:
        self.counts += 1
        return self._number(ids)

    def search_id_ranges(self, ranges: Sequence[tuple[int, int]], _: Sequence[str]) -> ResultPage[Contact, int]:
        ((low, high),) = ranges
        found = [id_ for id_ in self.ids if low <= id_ < high]
        return ResultPage(items=tuple(map(make_record, found[:5])), next=found[4] + 1 if len(found) > 5 else None)

    def read(self, ids: Sequence[int], _: Sequence[str]) -> BatchReadResult[Contact]:
        self.read_ids |= {*ids}
        return BatchReadResult(items=tuple(map(make_record, ids)), missing=frozenset())

    def _number(self, ids: Interval) -> int:
        return bisect_left(self.ids, ids.high) - bisect_left(self.ids, ids.low)


def make_record(number: int) -> Contact:
    return Contact(number, (), (), NOW)


def fetch_missing(objects: FakeObjects, known: set[int]) -> int:
    def count_read(ids: Interval) -> int:
        return sum(ids.low <= id_ < ids.high for id_ in known)

    api: Any = objects
    search = MissingRecords(objects=api, properties=(), count_read=count_read, save=lambda rows: known.update(row.id for row in rows))
    return search.fetch(Interval(0, max(objects.ids, default=0) + 1), len(objects.ids))


@given(ids=st.sets(st.integers(1, 10**9), max_size=2_000), data=st.data())
def test_every_missing_record_is_found(ids: set[int], data: st.DataObject) -> None:
    lost = data.draw(st.sets(st.sampled_from(sorted(ids)), max_size=5)) if ids else set()
    objects, known = FakeObjects(sorted(ids)), ids - lost
    assert fetch_missing(objects, known) == 0
    assert known == ids


def test_equal_counts_cost_no_request() -> None:
    objects = FakeObjects(range(1, 5_000))
    assert fetch_missing(objects, {*range(1, 5_000)}) == 0
    assert (objects.counts, objects.read_ids) == (0, set())


def test_a_lost_page_of_a_large_portal_is_found_with_few_counts() -> None:
    objects = FakeObjects(range(1, 200_001))
    known = {*range(1, 200_001)} - {*range(70_000, 70_100)}
    assert fetch_missing(objects, known) == 0
    assert objects.counts <= 30


@pytest.mark.parametrize("endpoint", [CONTACTS, COMPANIES])
def test_a_first_backfill_is_complete_although_one_page_was_empty(harness: Harness, endpoint: str) -> None:
    harness.inject_fault(endpoint, "answer", nth=1, body=EMPTY)
    harness.backfill()
    assert [harness.score(number) for number in range(1, 7)] == [20, 10, 0, 0, 10, 20]
    assert [harness.value(number, "lead_grade") for number in (1, 6)] == [TRUE_GRADES[1], TRUE_GRADES[6]]


def test_no_contact_is_deleted_because_one_page_was_empty(live_harness: Harness) -> None:
    before = live_harness.digest()
    live_harness.advance(60)
    live_harness.inject_fault(CONTACTS, "answer", nth=1, body=EMPTY)
    live_harness.backfill()
    assert live_harness.digest() == before


def test_list_members_are_read_again_if_hubspot_counts_more_than_it_shows(live_harness: Harness) -> None:
    live_harness.settings |= {"judged_from_contacts": 1, "max_new_mqls_share": 0.01}
    live_harness.advance(60)
    live_harness.inject_fault(MEMBERS, "answer", nth=1, body=EMPTY)
    report = live_harness.backfill()
    assert report.lists == {}
    assert report.notes == []


def test_the_known_members_stay_while_hubspot_hides_them(live_harness: Harness) -> None:
    live_harness.settings |= {"judged_from_contacts": 1, "max_new_mqls_share": 0.01}
    live_harness.advance(60)
    live_harness.inject_fault(MEMBERS, "answer", body=EMPTY)
    report = live_harness.backfill()
    assert report.lists == {}
    assert "those known before stay" in report.notes[0]
