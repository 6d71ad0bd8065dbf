"""The three budgets of calls and what HubSpot says when one is used up; hubspot-api.md section 2."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from math import ceil
from typing import Literal

from sync_worker.sandbox.base.responses import Json

Policy = Literal["TEN_SECONDLY_ROLLING", "SECONDLY", "DAILY"]
INTERVAL_MS = 10_000
MESSAGES: dict[Policy, str] = {
    "TEN_SECONDLY_ROLLING": "You have reached your ten_secondly_rolling limit.",
    "SECONDLY": "You have reached your secondly limit.",
    "DAILY": "You have reached your daily limit.",
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """A budget that is used up."""

    policy: Policy
    retry_after_s: int

    def body(self, request_id: str, *, app: str, portal: int) -> Json:
        """Return the body of the 429."""
        body: Json = {"status": "error", "message": MESSAGES[self.policy], "errorType": "RATE_LIMIT", "policyName": self.policy}
        if self.policy == "DAILY":
            return {**body, "requestId": request_id}
        return {**body, "groupName": f"publicapi:private_app-api-calls-{self.policy.lower().replace('_', '-')}:{app}:{portal}"}


class Window:
    """At most `limit` calls within any `span` of seconds. Refused calls do not count."""

    def __init__(self, limit: int, span: float, clock: Callable[[], datetime]) -> None:
        self.limit = limit
        self._span = timedelta(seconds=span)
        self._clock = clock
        self._taken: deque[datetime] = deque()

    def take(self) -> float:
        """Count a call and return 0, or return the seconds until there is room."""
        now = self._clock()
        self._drop(now)
        if len(self._taken) >= self.limit:
            return (self._taken[0] + self._span - now).total_seconds() if self._taken else self._span.total_seconds()
        self._taken.append(now)
        return 0

    @property
    def left(self) -> int:
        """How many calls there is room for now."""
        self._drop(self._clock())
        return max(0, self.limit - len(self._taken))

    def _drop(self, now: datetime) -> None:
        while self._taken and self._taken[0] + self._span <= now:
            self._taken.popleft()


class Daily:
    """At most `limit` calls between two midnights of a time zone."""

    def __init__(self, limit: int, zone: tzinfo, clock: Callable[[], datetime]) -> None:
        self.limit = limit
        self._zone = zone
        self._clock = clock
        self._resets_at = self._midnight()
        self._used = 0

    def take(self) -> float:
        """Count a call and return 0, or return the seconds until midnight."""
        self._turn()
        if self._used >= self.limit:
            return (self._resets_at - self._clock()).total_seconds()
        self._used += 1
        return 0

    @property
    def used(self) -> int:
        """How many calls were made today."""
        self._turn()
        return self._used

    @property
    def resets_at(self) -> datetime:
        """The next midnight, in UTC."""
        self._turn()
        return self._resets_at

    def _turn(self) -> None:
        if self._clock() >= self._resets_at:
            self._used, self._resets_at = 0, self._midnight()

    def _midnight(self) -> datetime:
        tomorrow = self._clock().astimezone(self._zone).date() + timedelta(days=1)
        return datetime.combine(tomorrow, time(), self._zone).astimezone(UTC)


class Budgets:
    """The budgets of one portal: bursts per app, searches and days for all its apps together."""

    def __init__(self, *, burst: int, oauth_burst: int, search: int, daily: int, zone: tzinfo, clock: Callable[[], datetime]) -> None:
        self._burst_limit = burst
        self._oauth_limit = oauth_burst
        self._clock = clock
        self._bursts: dict[str, Window] = {}
        self._search = Window(search, 1, clock)
        self.daily = Daily(daily, zone, clock)

    def take(self, app: str, *, policy: Literal["burst", "search", "exempt"], metered: bool = True) -> Refusal | None:
        """Count a call of an app, or return the budget that is used up; OAuth apps are not `metered` by day, and have their own bursts."""
        if policy == "search" and (wait := self._search.take()):
            return Refusal("SECONDLY", ceil(wait))
        if policy == "burst" and (wait := self._burst(app, metered=metered).take()):
            return Refusal("TEN_SECONDLY_ROLLING", ceil(wait))
        if metered and (wait := self.daily.take()):
            return Refusal("DAILY", ceil(wait))
        return None

    def headers(self, app: str, *, metered: bool = True) -> dict[str, str]:
        """Return the headers that tell an app what is left."""
        burst = self._burst(app, metered=metered)
        told = {
            "X-HubSpot-RateLimit-Interval-Milliseconds": str(INTERVAL_MS),
            "X-HubSpot-RateLimit-Max": str(burst.limit),
            "X-HubSpot-RateLimit-Remaining": str(burst.left),
            "X-HubSpot-RateLimit-Secondly": str(burst.limit // 10),
            "X-HubSpot-RateLimit-Secondly-Remaining": str(min(burst.left, burst.limit // 10)),
        }
        if metered:
            left = max(0, self.daily.limit - self.daily.used)
            told |= {"X-HubSpot-RateLimit-Daily": str(self.daily.limit), "X-HubSpot-RateLimit-Daily-Remaining": str(left)}
        return told

    def _burst(self, app: str, *, metered: bool) -> Window:
        if app not in self._bursts:
            limit = self._burst_limit if metered else self._oauth_limit
            self._bursts[app] = Window(limit, INTERVAL_MS / 1000, self._clock)
        return self._bursts[app]
