"""Rate limiter: one queue of waiting threads for each budget. The arithmetic of a window is in sliding_window.py."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from enum import Enum
from math import ceil
from typing import Final

from sync_worker.hubspot.rest.clock import Clock
from sync_worker.hubspot.rest.daily_quota import DailyQuota
from sync_worker.hubspot.rest.sliding_window import SlidingWindow

MAX_HEADER_DIGITS: Final = 9  # a longer number is a mistake of the sender
MAX_WINDOW_SECONDS: Final = 60.0  # HubSpot's window is 10 s; no header may stop the worker for hours
MAX_SEND_TIME_SHARE: Final = 0.1  # of a window; all its calls are to be sent within this time


class Budget(Enum):
    """The calls that HubSpot counts separately."""

    BURST = "burst"  # most calls: a rolling window of 10 s for each private app
    SEARCH = "search"  # all searches of the portal, per second; they do not count as burst
    ASSOCIATIONS = "associations"  # batch reads of associations: a separate window of 10 s


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimitSettings:
    """Limits until the first reply; its headers correct them.

    `burst` and `associations` are calls in 10 s, `search` in 1 s. `reserve` is the share of the burst and of the daily limit that is left
    to the company's other integrations.
    """

    burst: int = 100  # the smallest plan
    search: int = 5
    associations: int = 100
    reserve: float = 0.0


class Limiter:
    """One budget and the threads that wait for its slots: three priorities, first come, first served within each.

    1. Direct calls: the request is known, and the thread can do nothing else.
    2. Reserved slots: the thread picks its request when it has the slot. Many readers wait here.
    3. Low-priority slots: the same, for readers that also have another budget.
    """

    def __init__(self, window: SlidingWindow, clock: Clock) -> None:
        self.window = window
        self._clock = clock
        self._lock = threading.Lock()
        self._direct: deque[threading.Condition] = deque()
        self._reserved: deque[threading.Condition] = deque()
        self._low_priority: deque[threading.Condition] = deque()
        self._reserved_slot = threading.local()
        self.reserved_share = 0.0  # share of the window that low-priority slots do not use

    def count_free(self) -> int:
        """Return how many more calls may be sent now."""
        with self._lock:
            return self.window.count_free(self._clock.monotonic())

    def set_reserve(self, share: float) -> None:
        """Keep a share of the window from low-priority slots."""
        with self._lock:
            self.reserved_share = share
            self._wake_next()

    @property
    def is_used_up(self) -> bool:
        """Whether the next call has to wait for a slot."""
        with self._lock:
            return self.window.delay(self._clock.monotonic()) != 0

    def reserve(self) -> AbstractContextManager[None]:
        """Wait for a slot. The next call of this thread uses it; without a call, the slot is free again at the end of the block."""
        return self._hold_slot(self._reserved)

    def reserve_low_priority(self) -> AbstractContextManager[None]:
        """Wait for a slot like `reserve`, and until no other thread waits for one."""
        return self._hold_slot(self._low_priority)

    @contextmanager
    def _hold_slot(self, queue: deque[threading.Condition]) -> Iterator[None]:
        self._reserved_slot.sent_at = self._wait_for_slot(queue)
        try:
            yield
        finally:
            if (unused := self._pop_reserved_slot()) is not None:
                with self._lock:
                    self.window.cancel(unused)
                    self._wake_next()

    def acquire(self) -> float:
        """Wait for a slot, or use the slot that this thread has reserved. Returns the time of sending in monotonic seconds.

        Raises:
            ConnectionClosed: the clock was stopped.
        """
        reserved_at = self._pop_reserved_slot()
        if reserved_at is None:
            return self._wait_for_slot(self._direct)
        with self._lock:
            self.window.cancel(reserved_at)
            now = self._clock.monotonic()
            self.window.acquire(now)
            return now

    def _pop_reserved_slot(self) -> float | None:
        sent_at: float | None = getattr(self._reserved_slot, "sent_at", None)
        self._reserved_slot.sent_at = None
        return sent_at

    def _wait_for_slot(self, queue: deque[threading.Condition]) -> float:
        waiter = threading.Condition(self._lock)
        with self._lock:
            queue.append(waiter)
            try:
                while (delay := self._delay(waiter)) != 0:
                    self._clock.wait(waiter, delay)
                self._clock.raise_if_stopped()
                now = self._clock.monotonic()
                self.window.acquire(now)
                return now
            finally:
                queue.remove(waiter)
                self._wake_next()

    def release(self, sent_at: float | None = None, *, answered: bool = True) -> None:
        """Record the reply to the call sent at `sent_at`, or that it got none."""
        with self._lock:
            self.window.release(self._clock.monotonic(), sent_at=sent_at, answered=answered)
            self._wake_next()

    def optimal_concurrency(self, *, minimum: int, maximum: int) -> int:
        """Return how many calls to have in flight, so that latency does not leave the window unused."""
        with self._lock:
            latency = self.window.latency or 0.0
            wanted = ceil(self.window.capacity * latency / (MAX_SEND_TIME_SHARE * self.window.seconds))
            possible = self.window.capacity * ceil(latency / self.window.seconds)
            return max(minimum, min(wanted, possible, maximum))

    def on_success(self, sent_at: float) -> None:
        """Record a reply other than 429."""
        with self._lock:
            self.window.on_success(sent_at=sent_at)
            self._wake_next()

    def on_429(self, sent_at: float, retry_after: float | None) -> float:
        """Record a reply with 429. Returns the seconds for which all calls of this budget wait."""
        with self._lock:
            return self.window.on_429(sent_at=sent_at, now=self._clock.monotonic(), retry_after=retry_after)

    def update_from_headers(self, headers: Mapping[str, str], sent_at: float) -> None:
        """Set the limits from the headers of a reply."""
        remaining = _header_number(headers, "X-HubSpot-RateLimit-Remaining")
        limit = _header_number(headers, "X-HubSpot-RateLimit-Max")
        interval = _header_number(headers, "X-HubSpot-RateLimit-Interval-Milliseconds")
        if limit is None and remaining is None:
            return
        seconds = min(interval / 1000, MAX_WINDOW_SECONDS) if interval else None
        with self._lock:
            self.window.update_limits(limit=limit, seconds=seconds, remaining=remaining, sent_at=sent_at, now=self._clock.monotonic())
            self._wake_next()

    def interrupt(self) -> None:
        """Wake all waiting threads, so that they notice a stopped clock."""
        with self._lock:
            for waiter in (*self._direct, *self._reserved, *self._low_priority):
                waiter.notify()

    def _delay(self, waiter: threading.Condition) -> float | None:
        if waiter is not self._next_waiter():
            return None
        is_low_priority = not (self._direct or self._reserved)
        keep_free = ceil(self.reserved_share * self.window.capacity) if is_low_priority else 0
        return self.window.delay(self._clock.monotonic(), keep_free=keep_free)

    def _next_waiter(self) -> threading.Condition | None:
        return next((queue[0] for queue in (self._direct, self._reserved, self._low_priority) if queue), None)

    def _wake_next(self) -> None:
        if waiter := self._next_waiter():
            waiter.notify()


class RateLimiter:
    """All budgets of one token."""

    def __init__(self, limits: RateLimitSettings, clock: Clock) -> None:
        windows = {
            Budget.BURST: SlidingWindow(limit=limits.burst, seconds=10.0, reserve=limits.reserve),
            Budget.SEARCH: SlidingWindow(limit=limits.search, seconds=1.0),
            Budget.ASSOCIATIONS: SlidingWindow(limit=limits.associations, seconds=10.0),
        }
        self._limiters = {budget: Limiter(window, clock) for budget, window in windows.items()}
        self.quota = DailyQuota(clock, reserve=limits.reserve)

    def limiter(self, budget: Budget) -> Limiter:
        """Return the limiter of a budget."""
        return self._limiters[budget]

    def update_from_headers(self, budget: Budget, headers: Mapping[str, str], sent_at: float) -> None:
        """Set the limits of the burst and the daily quota from the headers of a reply. No header describes the other budgets."""
        if budget is Budget.BURST:
            self._limiters[budget].update_from_headers(headers, sent_at)
        self.quota.update_from_headers(headers)

    def interrupt(self) -> None:
        """Wake all waiting threads."""
        for limiter in self._limiters.values():
            limiter.interrupt()


def _header_number(headers: Mapping[str, str], name: str) -> int | None:
    text = headers.get(name, "")
    return int(text) if text.isdecimal() and len(text) <= MAX_HEADER_DIGITS else None
