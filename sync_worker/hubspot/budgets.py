"""Call budgets for the other rooms: limits, slots with priorities, and the clock.

The limits are enforced in rest/rate_limiter.py and rest/sliding_window.py, the daily limit in rest/daily_quota.py.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass

from sync_worker.hubspot.rest.clock import Clock
from sync_worker.hubspot.rest.daily_quota import DailyQuota
from sync_worker.hubspot.rest.rate_limiter import Budget, Limiter, RateLimiter


@dataclass(frozen=True, slots=True)
class BudgetLevel:
    """How many calls of a budget are left now, of how many."""

    left: int
    limit: int


@dataclass(frozen=True, slots=True)
class CallBudget:
    """One budget of calls, such as 190 in any 10 seconds. All times are seconds."""

    _limiter: Limiter

    @property
    def limit(self) -> int:
        """The calls that HubSpot allows in one window."""
        return self._limiter.window.limit

    @property
    def capacity(self) -> int:
        """The calls that this worker sends in one window at most: the limit without the share that is left to other apps."""
        return self._limiter.window.capacity

    @property
    def window_seconds(self) -> float:
        """The length of the window."""
        return self._limiter.window.seconds

    @property
    def latency(self) -> float | None:
        """The shortest time between sending and reply, or None before the first reply."""
        return self._limiter.window.latency

    @property
    def is_used_up(self) -> bool:
        """Whether the next call has to wait."""
        return self._limiter.is_used_up

    @property
    def reserved_share(self) -> float:
        """The share of the window that low-priority calls do not use."""
        return self._limiter.reserved_share

    @property
    def level(self) -> BudgetLevel:
        """The calls that are left in the current window."""
        return BudgetLevel(self._limiter.count_free(), self.limit)

    def set_reserve(self, share: float) -> None:
        """Keep a share of the window from low-priority calls."""
        self._limiter.set_reserve(share)

    def concurrency(self, *, minimum: int, maximum: int) -> int:
        """Return how many calls to have in flight, so that latency does not leave the budget unused."""
        return self._limiter.optimal_concurrency(minimum=minimum, maximum=maximum)

    def slot(self, *, low_priority: bool = False) -> AbstractContextManager[None]:
        """Wait for a slot; the next call of this thread uses it. A low-priority slot also waits until no other thread waits."""
        return self._limiter.reserve_low_priority() if low_priority else self._limiter.reserve()


@dataclass(frozen=True, slots=True, kw_only=True)
class Budgets:
    """The budgets of one token, and the clock that their waits are measured with."""

    burst: CallBudget  # lists, batches and everything else that is not a search
    search: CallBudget
    _quota: DailyQuota
    _clock: Clock

    @classmethod
    def of(cls, rate_limiter: RateLimiter, clock: Clock) -> Budgets:
        """Return the budgets that a rate limiter enforces."""
        burst, search = (CallBudget(rate_limiter.limiter(budget)) for budget in (Budget.BURST, Budget.SEARCH))
        return cls(burst=burst, search=search, _quota=rate_limiter.quota, _clock=clock)

    def levels(self) -> dict[str, BudgetLevel]:
        """Return the level of each budget: burst, search, and daily once HubSpot has shown it."""
        levels = {"burst": self.burst.level, "search": self.search.level}
        if self._quota.limit is not None and self._quota.remaining is not None:
            levels["daily"] = BudgetLevel(self._quota.remaining, self._quota.limit)
        return levels

    def set_time_zone(self, name: str) -> None:
        """Set the time zone of the portal, whose midnight starts a new day of the daily limit."""
        self._quota.set_time_zone(name)

    def monotonic(self) -> float:
        """Return monotonic seconds."""
        return self._clock.monotonic()
