"""The rate limits of HubSpot (burst, search, daily) and the body of a 429; hubspot-api.md section 2."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from math import ceil
from typing import Literal

from sync_worker.sandbox.base.responses import Json

RateLimitPolicy = Literal["TEN_SECONDLY_ROLLING", "SECONDLY", "DAILY"]
BURST_INTERVAL_MS = 10_000
LIMIT_MESSAGES: dict[RateLimitPolicy, str] = {
    "TEN_SECONDLY_ROLLING": "You have reached your ten_secondly_rolling limit.",
    "SECONDLY": "You have reached your secondly limit.",
    "DAILY": "You have reached your daily limit.",
}


@dataclass(frozen=True, slots=True)
class LimitExceeded:
    """An exceeded rate limit."""

    policy: RateLimitPolicy
    retry_after_s: int

    def response_body(self, request_id: str, *, app_id: str, portal_id: int) -> Json:
        """Return the body of the 429."""
        body: Json = {"status": "error", "message": LIMIT_MESSAGES[self.policy], "errorType": "RATE_LIMIT", "policyName": self.policy}
        if self.policy == "DAILY":
            return {**body, "requestId": request_id}
        return {**body, "groupName": f"publicapi:private_app-api-calls-{self.policy.lower().replace('_', '-')}:{app_id}:{portal_id}"}


class SlidingWindow:
    """At most `limit` calls within any `window_s` seconds; rate-limited calls do not count."""

    def __init__(self, limit: int, window_s: float, clock: Callable[[], datetime]) -> None:
        self.limit = limit
        self._window = timedelta(seconds=window_s)
        self._clock = clock
        self._call_times: deque[datetime] = deque()

    def try_consume(self) -> float:
        """Count a call and return 0, or return the seconds until the next call is allowed."""
        now = self._clock()
        self._drop_expired(now)
        if len(self._call_times) >= self.limit:
            return (self._call_times[0] + self._window - now).total_seconds() if self._call_times else self._window.total_seconds()
        self._call_times.append(now)
        return 0

    @property
    def calls_left(self) -> int:
        """The number of calls that are allowed now."""
        self._drop_expired(self._clock())
        return max(0, self.limit - len(self._call_times))

    def _drop_expired(self, now: datetime) -> None:
        while self._call_times and self._call_times[0] + self._window <= now:
            self._call_times.popleft()


class DailyQuota:
    """At most `limit` calls per day of a time zone."""

    def __init__(self, limit: int, zone: tzinfo, clock: Callable[[], datetime]) -> None:
        self.limit = limit
        self._zone = zone
        self._clock = clock
        self._resets_at = self._next_midnight()
        self._used = 0

    def try_consume(self) -> float:
        """Count a call and return 0, or return the seconds until midnight."""
        self._reset_if_due()
        if self._used >= self.limit:
            return (self._resets_at - self._clock()).total_seconds()
        self._used += 1
        return 0

    @property
    def usage(self) -> int:
        """The number of calls made today."""
        self._reset_if_due()
        return self._used

    @property
    def resets_at(self) -> datetime:
        """The next midnight, in UTC."""
        self._reset_if_due()
        return self._resets_at

    def _reset_if_due(self) -> None:
        if self._clock() >= self._resets_at:
            self._used, self._resets_at = 0, self._next_midnight()

    def _next_midnight(self) -> datetime:
        tomorrow = self._clock().astimezone(self._zone).date() + timedelta(days=1)
        return datetime.combine(tomorrow, time(), self._zone).astimezone(UTC)


class RateLimits:
    """The rate limits of one portal: burst per app; search and daily shared by all apps."""

    def __init__(
        self, *, burst_limit: int, oauth_burst_limit: int, search_limit: int, daily_limit: int, zone: tzinfo, clock: Callable[[], datetime]
    ) -> None:
        self._burst_limit = burst_limit
        self._oauth_burst_limit = oauth_burst_limit
        self._clock = clock
        self._burst_windows: dict[str, SlidingWindow] = {}
        self._search_window = SlidingWindow(search_limit, 1, clock)
        self.daily_quota = DailyQuota(daily_limit, zone, clock)

    def try_consume(
        self, app_id: str, *, rate_limit: Literal["burst", "search", "exempt"], has_daily_limit: bool = True
    ) -> LimitExceeded | None:
        """Count a call of an app, or return the exceeded limit.

        OAuth apps have no daily limit and a burst limit of their own.
        """
        if rate_limit == "search" and (wait := self._search_window.try_consume()):
            return LimitExceeded("SECONDLY", ceil(wait))
        if rate_limit == "burst" and (wait := self._burst_window(app_id, has_daily_limit=has_daily_limit).try_consume()):
            return LimitExceeded("TEN_SECONDLY_ROLLING", ceil(wait))
        if has_daily_limit and (wait := self.daily_quota.try_consume()):
            return LimitExceeded("DAILY", ceil(wait))
        return None

    def headers(self, app_id: str, *, has_daily_limit: bool = True) -> dict[str, str]:
        """Return the rate limit headers for an app."""
        burst = self._burst_window(app_id, has_daily_limit=has_daily_limit)
        headers = {
            "X-HubSpot-RateLimit-Interval-Milliseconds": str(BURST_INTERVAL_MS),
            "X-HubSpot-RateLimit-Max": str(burst.limit),
            "X-HubSpot-RateLimit-Remaining": str(burst.calls_left),
            "X-HubSpot-RateLimit-Secondly": str(burst.limit // 10),
            "X-HubSpot-RateLimit-Secondly-Remaining": str(min(burst.calls_left, burst.limit // 10)),
        }
        if has_daily_limit:
            left = max(0, self.daily_quota.limit - self.daily_quota.usage)
            headers |= {"X-HubSpot-RateLimit-Daily": str(self.daily_quota.limit), "X-HubSpot-RateLimit-Daily-Remaining": str(left)}
        return headers

    def _burst_window(self, app_id: str, *, has_daily_limit: bool) -> SlidingWindow:
        if app_id not in self._burst_windows:
            limit = self._burst_limit if has_daily_limit else self._oauth_burst_limit
            self._burst_windows[app_id] = SlidingWindow(limit, BURST_INTERVAL_MS / 1000, self._clock)
        return self._burst_windows[app_id]
