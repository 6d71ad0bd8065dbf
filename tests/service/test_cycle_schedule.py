"""The service runs a cycle every minute by day and while changes arrive, and stays within its share of HubSpot's daily limit."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync_worker.sandbox.base.clock import AdjustableClock
from sync_worker.service.cycle_schedule import LONG, MAX, SHORT, CycleInterval, CycleSchedule
from sync_worker.sync.run_report import RunReport

MIDNIGHT = datetime(2026, 11, 20, tzinfo=UTC)


def make_schedule(hour: float = 0, *, fixed: timedelta | None = None, share: float = 0.1, zone: str = "UTC") -> CycleSchedule:
    clock = AdjustableClock(lambda: MIDNIGHT + timedelta(hours=hour))
    return CycleSchedule(clock=clock, fixed=fixed, max_daily_share=share, time_zone=ZoneInfo(zone))


def make_report(*, calls: int = 6, evaluated: int = 0, has_backlog: bool = False, command: str = "sync") -> RunReport:
    report = RunReport(run_id="1", command=command, dry_run=False, model="abc", evaluated=evaluated, has_backlog=has_backlog)
    report.requests = {"POST /search": calls}
    return report


@pytest.mark.parametrize(
    ("hour", "zone", "expected"),
    [
        (6.9, "UTC", CycleInterval(LONG, "night")),
        (7, "UTC", CycleInterval(SHORT, "day")),
        (20.9, "UTC", CycleInterval(SHORT, "day")),
        (21, "UTC", CycleInterval(LONG, "night")),
        (6.9, "Europe/Berlin", CycleInterval(SHORT, "day")),
    ],
)
def test_a_cycle_starts_every_minute_by_day_in_the_portal(hour: float, zone: str, expected: CycleInterval) -> None:
    assert make_schedule(hour, zone=zone).choose(None) == expected


def test_changes_keep_the_interval_short_at_night_for_half_an_hour() -> None:
    clock = AdjustableClock(lambda: MIDNIGHT)
    schedule = CycleSchedule(clock=clock, fixed=None, max_daily_share=0.1)
    schedule.add(make_report(evaluated=1))
    assert schedule.choose(None) == (SHORT, "changes")
    clock.advance(1_801)
    assert schedule.choose(None) == (LONG, "night")


def test_an_interval_of_the_operator_is_kept_whatever_it_costs() -> None:
    schedule = make_schedule(12, fixed=timedelta(minutes=3), share=0.001)
    schedule.add(make_report(calls=10**6))
    assert schedule.choose(1_000) == (timedelta(minutes=3), "setting")


def test_a_backlog_is_continued_at_once_and_says_nothing_about_later_cycles() -> None:
    schedule = make_schedule(12, fixed=timedelta(minutes=3))
    schedule.add(make_report(calls=60, has_backlog=True))
    assert schedule.choose(None) == (timedelta(0), "backlog")
    schedule.add(make_report())
    assert schedule.choose(None).reason == "setting"


def test_a_full_scan_does_not_count() -> None:
    schedule = make_schedule(12)
    schedule.add(make_report(calls=10**6, command="backfill"))
    assert schedule.choose(None).reason == "day"


def test_a_large_write_delays_the_next_cycle_little() -> None:
    schedule = make_schedule(12)
    for calls in (6, 6, 6, 2_000):
        schedule.add(make_report(calls=calls))
    assert schedule.choose(250_000) == (SHORT, "day")


def test_a_share_that_is_used_up_leaves_a_cycle_an_hour_until_the_next_day() -> None:
    clock = AdjustableClock(lambda: MIDNIGHT + timedelta(hours=22))
    schedule = CycleSchedule(clock=clock, fixed=None, max_daily_share=0.1)
    schedule.add(make_report(calls=25_000))
    assert schedule.choose(250_000) == (MAX, "daily_limit")
    clock.advance(3 * 3600)
    for _ in range(20):
        schedule.add(make_report())
    assert schedule.choose(250_000) == (LONG, "night")


def test_another_process_continues_to_count_the_calls_of_the_day() -> None:
    first = make_schedule(22)
    first.add(make_report(calls=25_000, evaluated=1))
    second = make_schedule(22.1)
    second.usage = first.usage
    assert second.choose(250_000) == first.choose(250_000) == (MAX, "daily_limit")
    assert second.choose(10**9) == (SHORT, "changes")


@settings(max_examples=15)
@given(calls=st.integers(1, 60), limit=st.integers(100_000, 1_000_000), share=st.sampled_from([0.02, 0.1, 0.5]), active=st.booleans())
def test_a_day_of_cycles_uses_no_more_than_its_share(calls: int, limit: int, share: float, *, active: bool) -> None:
    clock = AdjustableClock(lambda: MIDNIGHT)
    schedule = CycleSchedule(clock=clock, fixed=None, max_daily_share=share)
    used = Counter[int]()
    while (elapsed := clock() - MIDNIGHT) < timedelta(days=2):
        used[elapsed.days] += calls
        schedule.add(make_report(calls=calls, evaluated=int(active)))
        clock.advance(schedule.choose(limit).length.total_seconds())
    assert max(used.values()) <= limit * share + calls
