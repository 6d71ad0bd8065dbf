"""HubSpot's endpoints as streams, right under every reading of what its documents leave open."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_worker.errors import ConfigurationError
from sync_worker.hubspot.client import HubSpot
from sync_worker.hubspot.records.models import Event, ResultPage
from sync_worker.intervals import Interval, merge_intervals
from sync_worker.sync.pull import streams
from sync_worker.sync.reader.parallel_reader import read_parallel
from sync_worker.sync.reader.stream import Stream
from sync_worker.timestamps import from_ms, to_ms

PAGE_SIZE = 3  # rows a page
times = st.lists(st.integers(0, 40), max_size=30)
cuts = st.lists(st.integers(0, 41), min_size=2, max_size=4, unique=True).map(sorted)

UNLIMITED_TRANSPORT = SimpleNamespace(
    rate_limiter=SimpleNamespace(limiter=lambda _budget: SimpleNamespace(reserve=nullcontext, reserve_low_priority=nullcontext))
)


def make_hubspot(**nouns: object) -> HubSpot:
    return cast("HubSpot", SimpleNamespace(transport=UNLIMITED_TRANSPORT, **nouns))


def make_page(rows: Sequence[Any], offset: str | None) -> ResultPage[Any, str]:
    begin = int(offset or 0)
    more = begin + PAGE_SIZE < len(rows)
    return ResultPage(items=tuple(rows[begin : begin + PAGE_SIZE]), next=str(begin + PAGE_SIZE) if more else None)


@dataclass(frozen=True)
class FakeEvents:
    """Events in time, asked for by both ends; `ends` says which of the two belong to the answer."""

    events: tuple[Event, ...]
    newest_first: bool
    ends: tuple[bool, bool] = (True, True)

    def read_page(self, _kind: str, start: datetime, stop: datetime, offset: str | None = None) -> ResultPage[Event, str]:
        found = [event for event in self.events if self._lies_between(event.at, start, stop)]
        return make_page(sorted(found, key=lambda event: event.at, reverse=self.newest_first), offset)

    def _lies_between(self, at: datetime, start: datetime, stop: datetime) -> bool:
        return (at > start or (self.ends[0] and at == start)) and (at < stop or (self.ends[1] and at == stop))


def make_events(moments: list[int]) -> tuple[Event, ...]:
    return tuple(Event(id=str(number), kind="page_view", at=from_ms(at), form_id="f") for number, at in enumerate(moments))


def read_stream(stream: Stream[Event], gaps: list[Interval]) -> tuple[Counter[str], list[Interval]]:
    pieces = list(read_parallel(stream, gaps, readers=3))
    return Counter(row.id for piece in pieces for row in piece.rows), merge_intervals(piece.interval for piece in pieces)


def rows_between(moments: list[int], gap: Interval) -> Counter[str]:
    return Counter(str(number) for number, at in enumerate(moments) if gap.low <= at < gap.high)


@given(moments=times, ends=cuts)
def test_of_e_mail_events_each_is_read_once_though_the_newest_come_first(moments: list[int], ends: list[int]) -> None:
    gap = Interval(ends[0], ends[-1])
    stream = streams.email_events(make_hubspot(email_events=FakeEvents(make_events(moments), newest_first=True)), "email_click")
    found, covered = read_stream(stream, streams.mirror([gap]))
    assert found == rows_between(moments, gap)
    assert streams.mirror(covered) == [gap]


@pytest.mark.parametrize("ends_belong", [(True, True), (True, False), (False, True), (False, False)])
@given(moments=times, ends=cuts)
def test_of_occurrences_each_is_read_once_whichever_ends_belong_to_the_answer(
    ends_belong: tuple[bool, bool], moments: list[int], ends: list[int]
) -> None:
    gap = Interval(ends[0], ends[-1])
    stream = streams.occurrences(
        make_hubspot(event_occurrences=FakeEvents(make_events(moments), newest_first=False, ends=ends_belong)), "e_visited_page"
    )
    found, covered = read_stream(stream, [gap])
    assert found == rows_between(moments, gap)
    assert covered == [gap]


def from_id(after: int, number: int) -> bool:
    return number >= after


def after_id(after: int, number: int) -> bool:
    return number > after


@pytest.mark.parametrize("belongs", [from_id, after_id])
@given(ids=st.sets(st.integers(1, 60), max_size=30), ends=cuts)
def test_of_contacts_each_is_read_once_whether_or_not_the_page_begins_with_the_id_that_was_named(
    belongs: Callable[[int, int], bool], ids: set[int], ends: list[int]
) -> None:
    def page(after: int, _properties: Sequence[str]) -> ResultPage[Any, int]:
        rows = [SimpleNamespace(id=number) for number in sorted(ids) if after == 0 or belongs(after, number)]
        more = len(rows) > PAGE_SIZE
        following = rows[PAGE_SIZE].id if belongs is from_id and more else rows[PAGE_SIZE - 1].id if more else None
        return ResultPage(items=tuple(rows[:PAGE_SIZE]), next=following)

    stream = streams.contacts(make_hubspot(contacts=SimpleNamespace(list_from_id=page)), ())
    low, high = ends[0], ends[-1]
    found = Counter(row.id for piece in read_parallel(stream, [Interval(low, high)], readers=2) for row in piece.rows)
    # The last range has an open end: whoever came while it was read is read too.
    assert found == Counter(number for number in ids if number >= low)


@given(moments=times, front=st.integers(0, 41))
def test_of_submissions_all_are_read_that_are_not_older_than_what_is_known(moments: list[int], front: int) -> None:
    events = make_events(moments)
    asked: list[str | None] = []

    def submissions(_form: str, after: str | None = None) -> ResultPage[Event, str]:
        asked.append(after)
        return make_page(sorted(events, key=lambda event: event.at, reverse=True), after)

    stream = streams.submissions(make_hubspot(forms=SimpleNamespace(read_submissions=submissions)), ["f"], {"f": front}, pytest.fail)
    found = {row.id for piece in read_parallel(stream, streams.unit_intervals(["f"]), readers=2) for row in piece.rows}
    assert {event.id for event in events if to_ms(event.at) >= front} <= found
    needed = sum(at >= front for at in moments)
    assert len(asked) <= needed // PAGE_SIZE + 1


@given(intervals=st.lists(st.tuples(st.integers(-50, 50), st.integers(1, 20)), max_size=5))
def test_turning_the_sign_twice_changes_nothing_and_keeps_the_keys(intervals: list[tuple[int, int]]) -> None:
    given_ = [Interval(low, low + length) for low, length in intervals]
    assert streams.mirror(streams.mirror(given_)) == given_
    turned = {-key for interval in given_ for key in range(interval.low, interval.high)}
    assert {key for interval in streams.mirror(given_) for key in range(interval.low, interval.high)} == turned


def test_a_kind_of_event_that_the_portal_does_not_have_is_named_with_those_that_it_has() -> None:
    with pytest.raises(ConfigurationError, match=r"no events of the kind custom:demo; it has custom:demo_watched, page_view"):
        streams.raise_unknown_event(("e_visited_page", "pe42_demo_watched"), "custom:demo")
    assert streams.find_event_type(("e_visited_page", "pe42_demo_watched"), "custom:demo_watched") == "pe42_demo_watched"
    assert streams.find_event_type(("e_visited_page",), "custom:demo_watched") is None
