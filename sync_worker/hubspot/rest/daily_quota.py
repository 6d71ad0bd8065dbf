"""The daily budget: it is not waited for, the run stops until HubSpot's midnight."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sync_worker.errors import OutOfQuota
from sync_worker.hubspot.rest.clock import Clock

UNKNOWN_RESET: Final = timedelta(minutes=15)  # how long an exhausted day is believed while the portal's time zone is unknown


class DailyLimit(OutOfQuota):
    """The daily limit of calls is used up.

    `resets_at`: the portal's next midnight, aware UTC; None while its time zone is unknown.
    """

    def __init__(self, resets_at: datetime | None, *, operation: str | None = None) -> None:
        when = f"on {resets_at:%Y-%m-%d at %H:%M} UTC" if resets_at else "at midnight in the portal's time zone"
        super().__init__("HubSpot's daily limit of calls is used up.", operation=operation, hint=f"It starts anew {when}; run again then.")
        self.resets_at = resets_at


class Quota:
    """What is left of the day, as the replies' headers say."""

    def __init__(self, clock: Clock, *, reserve: float = 0.0) -> None:
        self._clock = clock
        self._reserve = reserve
        self._lock = threading.Lock()
        self._zone: ZoneInfo | None = None
        self._closed_until: datetime | None = None
        self.limit: int | None = None
        self.remaining: int | None = None

    def keep_time_of(self, zone: str) -> None:
        """Learn the portal's time zone, whose midnight starts a new day of calls; an unknown name is left out."""
        try:
            self._zone = ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError):
            self._zone = None

    def resets_at(self) -> datetime | None:
        """Return the portal's next midnight, aware UTC."""
        if self._zone is None:
            return None
        tomorrow = self._clock.now().astimezone(self._zone).date() + timedelta(days=1)
        return datetime.combine(tomorrow, time(), self._zone).astimezone(UTC)

    def check(self, operation: str) -> None:
        """Raise `DailyLimit` while the day is known to be used up, so that nothing is sent in vain."""
        with self._lock:
            if self._closed_until is None:
                return
            if self._clock.now() < self._closed_until:
                raise DailyLimit(self.resets_at(), operation=operation)
            self._closed_until = None

    def exhaust(self, operation: str) -> DailyLimit:
        """Note that HubSpot refused a call because of the day; return the error to raise."""
        with self._lock:
            self._close()
        return DailyLimit(self.resets_at(), operation=operation)

    def learn(self, headers: Mapping[str, str]) -> None:
        """Take over what a reply's headers say of the day; OAuth apps and searches are told nothing."""
        limit, remaining = headers.get("X-HubSpot-RateLimit-Daily", ""), headers.get("X-HubSpot-RateLimit-Daily-Remaining", "")
        if not (limit.isdecimal() and remaining.isdecimal()):
            return
        with self._lock:
            self.limit, self.remaining = int(limit), int(remaining)
            if self._reserve and self.remaining <= self.limit * self._reserve:
                self._close()

    def _close(self) -> None:
        self._closed_until = self.resets_at() or self._clock.now() + UNKNOWN_RESET
