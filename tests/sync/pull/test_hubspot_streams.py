"""HubSpot's endpoints as streams, tested under every behavior that its documentation allows."""

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
from sync_worker.sync.pull import hubspot_streams
from sync_worker.sync.pull.item_errors import ItemErrors
from sync_worker.sync.reader.keyed_stream import Stream
from sync_worker.sync.reader.parallel_reader import read_parallel
from sync_worker.timestamps import from_ms, to_ms

PAGE_SIZE = 3  # rows per page
times = st.lists(st.integers(0, 40), max_size=30)
cuts = st.lists(st.integers(0, 41), min_size=2, max_size=4, unique=True).map(sorted)

UNLIMITED_BUDGETS = SimpleNamespace(burst=SimpleNamespace(slot=lambda **_: nullcontext()), search=SimpleNamespace(slot=nullcontext))


def make_hubspot(**nouns: object) -> HubSpot:
    return cast("HubSpot", SimpleNamespace(budgets=UNLIMITED_BUDGETS, **nouns))


def make_page(rows: Sequence[Any], offset: str | None) -> ResultPage[Any, str]:
    first = int(offset or 0)
    more = first + PAGE_SIZE < len(rows)
    return ResultPage(items=tuple(rows[first : first + PAGE_SIZE]), next=str(first + PAGE_SIZE) if more else None)


@dataclass(frozen=True)
class FakeEvents:
    """Events in a time range; `inclusive` states whether its start and its end belong to the range."""

    events: tuple[Event, ...]
    newest_first: bool
    inclusive: tuple[bool, bool] = (True, True)

    def read_page(self, _kind: str, start: datetime, stop: datetime, offset: str | None = None) -> ResultPage[Event, str]:
        matching = [event for event in self.events if self._is_between(event.at, start, stop)]
        return make_page(sorted(matching, key=lambda event: event.at, reverse=self.newest_first), offset)

    def _is_between(self, at: datetime, start: datetime, stop: datetime) -> bool:
        return (at > start or (self.inclusive[0] and at == start)) and (at < stop or (self.inclusive[1] and at == stop))


def make_events(times_ms: list[int]) -> tuple[Event, ...]:
    return tuple(Event(id=str(number), kind="page_view", at=from_ms(at), form_id="f") for number, at in enumerate(times_ms))


def read_stream(stream: Stream[Event], gaps: list[Interval]) -> tuple[Counter[str], list[Interval]]:
    batches = list(read_parallel(stream, gaps, readers=3))
    return Counter(row.id for batch in batches for row in batch.rows), merge_intervals(batch.interval for batch in batches)


def rows_between(times_ms: list[int], gap: Interval) -> Counter[str]:
    return Counter(str(number) for number, at in enumerate(times_ms) if gap.low <= at < gap.high)


@given(times_ms=times, cut_points=cuts)
def test_every_email_event_is_read_once_although_the_newest_come_first(times_ms: list[int], cut_points: list[int]) -> None:
    gap = Interval(cut_points[0], cut_points[-1])
    stream = hubspot_streams.email_events(make_hubspot(email_events=FakeEvents(make_events(times_ms), newest_first=True)), "email_click")
    counts, covered = read_stream(stream, hubspot_streams.mirror([gap]))
    assert counts == rows_between(times_ms, gap)
    assert hubspot_streams.mirror(covered) == [gap]


@pytest.mark.parametrize("inclusive", [(True, True), (True, False), (False, True), (False, False)])
@given(times_ms=times, cut_points=cuts)
def test_every_occurrence_is_read_once_with_inclusive_or_exclusive_bounds(
    inclusive: tuple[bool, bool], times_ms: list[int], cut_points: list[int]
) -> None:
    gap = Interval(cut_points[0], cut_points[-1])
    stream = hubspot_streams.occurrences(
        make_hubspot(event_occurrences=FakeEvents(make_events(times_ms), newest_first=False, inclusive=inclusive)), "e_visited_page"
    )
    counts, covered = read_stream(stream, [gap])
    assert counts == rows_between(times_ms, gap)
    assert covered == [gap]


def from_id(after: int, number: int) -> bool:
    return number >= after


def after_id(after: int, number: int) -> bool:
    return number > after


@pytest.mark.parametrize("matches", [from_id, after_id])
@given(ids=st.sets(st.integers(1, 60), max_size=30), cut_points=cuts)
def test_every_contact_is_read_once_with_inclusive_or_exclusive_after(
    matches: Callable[[int, int], bool], ids: set[int], cut_points: list[int]
) -> None:
    def page(after: int, _properties: Sequence[str]) -> ResultPage[Any, int]:
        rows = [SimpleNamespace(id=number) for number in sorted(ids) if after == 0 or matches(after, number)]
        more = len(rows) > PAGE_SIZE
        following = rows[PAGE_SIZE].id if matches is from_id and more else rows[PAGE_SIZE - 1].id if more else None
        return ResultPage(items=tuple(rows[:PAGE_SIZE]), next=following)

    stream = hubspot_streams.contacts(make_hubspot(contacts=SimpleNamespace(list_from_id=page)), ())
    low, high = cut_points[0], cut_points[-1]
    counts = Counter(row.id for batch in read_parallel(stream, [Interval(low, high)], readers=2) for row in batch.rows)
    # The last partition has an open end, so contacts created during the read are included.
    assert counts == Counter(number for number in ids if number >= low)


@given(times_ms=times, known_until=st.integers(0, 41))
def test_all_submissions_since_the_last_known_one_are_read(times_ms: list[int], known_until: int) -> None:
    events = make_events(times_ms)
    tokens: list[str | None] = []

    def submissions(_form: str, after: str | None = None) -> ResultPage[Event, str]:
        tokens.append(after)
        return make_page(sorted(events, key=lambda event: event.at, reverse=True), after)

    stream = hubspot_streams.submissions(
        make_hubspot(forms=SimpleNamespace(read_submissions=submissions)), ["f"], {"f": known_until}, ItemErrors("form", {})
    )
    ids = {row.id for batch in read_parallel(stream, hubspot_streams.unit_intervals(["f"]), readers=2) for row in batch.rows}
    assert {event.id for event in events if to_ms(event.at) >= known_until} <= ids
    new_count = sum(at >= known_until for at in times_ms)
    assert len(tokens) <= new_count // PAGE_SIZE + 1


@given(intervals=st.lists(st.tuples(st.integers(-50, 50), st.integers(1, 20)), max_size=5))
def test_mirroring_negates_the_keys_and_is_its_own_inverse(intervals: list[tuple[int, int]]) -> None:
    intervals_given = [Interval(low, low + length) for low, length in intervals]
    assert hubspot_streams.mirror(hubspot_streams.mirror(intervals_given)) == intervals_given
    negated = {-key for interval in intervals_given for key in range(interval.low, interval.high)}
    assert {key for interval in hubspot_streams.mirror(intervals_given) for key in range(interval.low, interval.high)} == negated


def test_an_unknown_event_kind_is_reported_with_the_known_ones() -> None:
    with pytest.raises(ConfigurationError, match=r"no events of the kind custom:demo; it has custom:demo_watched, page_view"):
        hubspot_streams.raise_unknown_event(("e_visited_page", "pe42_demo_watched"), "custom:demo")
    assert hubspot_streams.find_event_type(("e_visited_page", "pe42_demo_watched"), "custom:demo_watched") == "pe42_demo_watched"
    assert hubspot_streams.find_event_type(("e_visited_page",), "custom:demo_watched") is None
