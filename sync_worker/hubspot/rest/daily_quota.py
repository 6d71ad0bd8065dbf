"""Daily limit of calls. When it is used up, the run stops; the limit resets at midnight in the portal's time zone."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sync_worker.errors import QuotaExceeded
from sync_worker.hubspot.rest.clock import Clock

MAX_HEADER_DIGITS: Final = 30  # of both numbers; longer ones are a mistake of the sender
FALLBACK_RESET_DELAY: Final = timedelta(minutes=15)  # used while the portal's time zone is unknown


class DailyLimitReached(QuotaExceeded):
    """The daily limit of calls is used up.

    `resets_at`: the portal's next midnight, aware UTC; None while its time zone is unknown.
    """

    def __init__(self, resets_at: datetime | None, *, operation: str | None = None) -> None:
        when = f"on {resets_at:%Y-%m-%d at %H:%M} UTC" if resets_at else "at midnight in the portal's time zone"
        super().__init__("HubSpot's daily limit of calls is used up.", operation=operation, hint=f"It resets {when}; run again then.")
        self.resets_at = resets_at


class DailyQuota:
    """The daily limit and the remaining calls, from the headers of the replies."""

    def __init__(self, clock: Clock, *, reserve: float = 0.0) -> None:
        self._clock = clock
        self._reserve = reserve
        self._lock = threading.Lock()
        self._time_zone: ZoneInfo | None = None
        self._exhausted_until: datetime | None = None
        self.limit: int | None = None
        self.remaining: int | None = None

    def set_time_zone(self, time_zone: str) -> None:
        """Set the portal's time zone, which determines the reset. An unknown name is ignored."""
        try:
            self._time_zone = ZoneInfo(time_zone)
        except (ZoneInfoNotFoundError, ValueError):
            self._time_zone = None

    def next_reset(self) -> datetime | None:
        """Return the portal's next midnight, aware UTC."""
        if self._time_zone is None:
            return None
        tomorrow = self._clock.now().astimezone(self._time_zone).date() + timedelta(days=1)
        return datetime.combine(tomorrow, time(), self._time_zone).astimezone(UTC)

    def raise_if_exhausted(self, operation: str) -> None:
        """Raise DailyLimitReached while the limit is known to be used up, so that no pointless call is sent."""
        with self._lock:
            if self._exhausted_until is None:
                return
            if self._clock.now() < self._exhausted_until:
                raise DailyLimitReached(self.next_reset(), operation=operation)
            self._exhausted_until = None

    def mark_exhausted(self, operation: str) -> DailyLimitReached:
        """Record that HubSpot rejected a call because of the daily limit; return the error to raise."""
        with self._lock:
            self._mark_exhausted()
        return DailyLimitReached(self.next_reset(), operation=operation)

    def update_from_headers(self, headers: Mapping[str, str]) -> None:
        """Update from the headers of a reply. Searches and OAuth apps get no such headers."""
        limit, remaining = headers.get("X-HubSpot-RateLimit-Daily", ""), headers.get("X-HubSpot-RateLimit-Daily-Remaining", "")
        if not (limit.isdecimal() and remaining.isdecimal() and len(limit) + len(remaining) <= MAX_HEADER_DIGITS):
            return
        with self._lock:
            self.limit, self.remaining = int(limit), int(remaining)
            if self._reserve and self.remaining <= self.limit * self._reserve:
                self._mark_exhausted()

    def _mark_exhausted(self) -> None:
        self._exhausted_until = self.next_reset() or self._clock.now() + FALLBACK_RESET_DELAY
