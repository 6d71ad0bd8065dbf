"""When the next cycle of the service starts.

Every minute from 7 to 21 o'clock in the portal's time zone, and while changes arrive; else every five minutes. The distance is longer if a
day of cycles would use more than their share of HubSpot's daily limit. An interval that the operator has set replaces this.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta, tzinfo
from statistics import median
from typing import Final, NamedTuple

import msgspec

from sync_worker.store.saved_state.service_cycle import CycleUsage
from sync_worker.sync.run_report import RunReport
from sync_worker.timestamps import from_ms, to_ms

SHORT: Final = timedelta(minutes=1)
LONG: Final = timedelta(minutes=5)
MAX: Final = timedelta(hours=1)  # also if the share of the daily limit is used up: a form must not wait until midnight
DAY_HOURS: Final = range(7, 21)
QUIET_AFTER: Final = timedelta(minutes=30)  # without a change
TYPICAL_CYCLES: Final = 20  # the last ones, whose median of calls is that of a typical cycle
FIRST_CALLS: Final = 8  # of a typical cycle, before the first one
SMALLEST_DAILY_LIMIT: Final = 250_000  # of HubSpot's plans; used until a reply shows the limit of the portal

REASONS: Final = ("setting", "day", "changes", "night", "backlog", "daily_limit")


class CycleInterval(NamedTuple):
    """The time between the starts of two cycles, and why: one of `REASONS`."""

    length: timedelta
    reason: str


@dataclass(slots=True, kw_only=True)
class CycleSchedule:
    """The interval between cycles, from those before. `fixed` is set by the operator; `max_daily_share` is of HubSpot's daily limit.

    `usage` is saved in the state, so that a restart or another process continues to count.
    """

    clock: Callable[[], datetime]
    fixed: timedelta | None
    max_daily_share: float
    time_zone: tzinfo = UTC
    usage: CycleUsage = field(default_factory=CycleUsage)
    is_restored: bool = False  # before, a save of `usage` would overwrite what the state has
    _has_backlog: bool = False

    def restore(self, usage: CycleUsage, time_zone: tzinfo) -> None:
        """Continue to count what an earlier process has saved."""
        self.usage, self.time_zone, self.is_restored = usage, time_zone, True

    def add(self, report: RunReport) -> None:
        """Add a cycle, whether it was done or not."""
        if report.command != "sync":
            return
        calls = sum(report.requests.values())
        self._start_day()
        usage, self._has_backlog = self.usage, report.has_backlog
        self.usage = msgspec.structs.replace(
            usage,
            calls=usage.calls + calls,
            # The pages of a backlog must be read in any case, and say nothing about the next cycles.
            typical=usage.typical if report.has_backlog else (*usage.typical, calls)[-TYPICAL_CYCLES:],
            changed_at=to_ms(self.clock()) if report.evaluated else usage.changed_at,
        )

    def choose(self, daily_limit: int | None) -> CycleInterval:
        """Return the interval from the start of the last cycle to the start of the next."""
        affordable = self._find_affordable(daily_limit or SMALLEST_DAILY_LIMIT)
        if self._has_backlog and affordable < MAX:
            return CycleInterval(timedelta(0), "backlog")
        if self.fixed is not None:
            return CycleInterval(self.fixed, "setting")
        wanted = self._choose_by_activity()
        return CycleInterval(affordable, "daily_limit") if affordable > wanted.length else wanted

    def _choose_by_activity(self) -> CycleInterval:
        if self.clock().astimezone(self.time_zone).hour in DAY_HOURS:
            return CycleInterval(SHORT, "day")
        changed_at = self.usage.changed_at
        if changed_at is not None and self.clock() - from_ms(changed_at) < QUIET_AFTER:
            return CycleInterval(SHORT, "changes")
        return CycleInterval(LONG, "night")

    def _find_affordable(self, daily_limit: int) -> timedelta:
        """Return the interval at which typical cycles use the rest of the day's share until midnight."""
        self._start_day()
        left = daily_limit * self.max_daily_share - self.usage.calls
        typical = median(self.usage.typical) if self.usage.typical else FIRST_CALLS
        return min(self._rest_of_day() * (typical / left), MAX) if left > 0 else MAX

    def _rest_of_day(self) -> timedelta:
        now = self.clock().astimezone(self.time_zone)
        return datetime.combine(now.date() + timedelta(days=1), time(), self.time_zone).astimezone(UTC) - now.astimezone(UTC)

    def _start_day(self) -> None:
        today = self.clock().astimezone(self.time_zone).date().isoformat()
        if today != self.usage.day:
            self.usage = msgspec.structs.replace(self.usage, day=today, calls=0)
