"""The one brake: who waits for which budget, first come, first served."""

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

MAX_SEND_TIME_SHARE: Final = 0.1  # of a window: so long may its requests take to be sent


class Budget(Enum):
    """What HubSpot counts apart."""

    BURST = "burst"  # most calls: a rolling window of ten seconds for each private app
    SEARCH = "search"  # all searches of the account, per second; outside of the burst
    ASSOCIATIONS = "associations"  # batches of associations have a window of their own


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimitSettings:
    """What to start from; the headers of the replies correct it.

    `burst` and `associations` are requests in ten seconds, `search` in one. `reserve` is the share of the burst and of the day that
    is left to the company's other integrations.
    """

    burst: int = 100  # of the smallest plan
    search: int = 5
    associations: int = 100
    reserve: float = 0.0


class Limiter:
    """One budget and the threads that queue for it: whoever presses goes first, then who waits ahead of a request, then who stands behind.

    Whoever asks for something in particular presses: there is nothing else to be done about it. Whoever waits ahead has plenty to ask for,
    and by many threads; it is found out what for when the slot is there. Whoever stands behind has another budget besides.
    """

    def __init__(self, window: SlidingWindow, clock: Clock) -> None:
        self.window = window
        self._clock = clock
        self._lock = threading.Lock()
        self._queue: deque[threading.Condition] = deque()
        self._ahead: deque[threading.Condition] = deque()
        self._behind: deque[threading.Condition] = deque()
        self._mine = threading.local()  # a slot that was taken ahead
        self.reserved_share = 0.0  # share of the slots that nobody who stands behind takes

    def set_reserve(self, share: float) -> None:
        """Leave the last slots, that share of the window's, to those in front: for as long as they ask for one thing after the other."""
        with self._lock:
            self.reserved_share = share
            self._wake_next()

    @property
    def is_used_up(self) -> bool:
        """Whether the next request has to wait for a slot."""
        with self._lock:
            return self.window.delay(self._clock.monotonic()) != 0

    def reserve(self) -> AbstractContextManager[None]:
        """Wait for a slot before it is known what for: this thread's next request uses it; it is free again if there is none."""
        return self._slot(self._ahead)

    def reserve_low_priority(self) -> AbstractContextManager[None]:
        """Wait for a slot as `ahead` does, until nobody else waits for one."""
        return self._slot(self._behind)

    @contextmanager
    def _slot(self, queue: deque[threading.Condition]) -> Iterator[None]:
        self._mine.slot = self._wait_for_slot(queue)
        try:
            yield
        finally:
            if (slot := self._pop_reserved_slot()) is not None:
                with self._lock:
                    self.window.cancel(slot)
                    self._wake_next()

    def acquire(self) -> float:
        """Wait for a slot and return the moment it was taken (monotonic seconds); raise `Closed` when the clock is stopped."""
        slot = self._pop_reserved_slot()
        if slot is None:
            return self._wait_for_slot(self._queue)
        with self._lock:
            self.window.cancel(slot)
            now = self._clock.monotonic()
            self.window.acquire(now)
            return now

    def _pop_reserved_slot(self) -> float | None:
        slot: float | None = getattr(self._mine, "slot", None)
        self._mine.slot = None
        return slot

    def _wait_for_slot(self, queue: deque[threading.Condition]) -> float:
        turn = threading.Condition(self._lock)
        with self._lock:
            queue.append(turn)
            try:
                while (delay := self._delay(turn)) != 0:
                    self._clock.wait(turn, delay)
                self._clock.raise_if_stopped()
                now = self._clock.monotonic()
                self.window.acquire(now)
                return now
            finally:
                queue.remove(turn)
                self._wake_next()

    def release(self, sent_at: float | None = None, *, answered: bool = True) -> None:
        """Say that the reply came in to what was `sent` then, or that none will."""
        with self._lock:
            self.window.release(self._clock.monotonic(), sent_at=sent_at, answered=answered)
            self._wake_next()

    def optimal_concurrency(self, *, minimum: int, maximum: int) -> int:
        """Return how many requests to have on the line at a time, so that the window is soon used up in spite of the latency."""
        with self._lock:
            latency = self.window.latency or 0.0
            wanted = ceil(self.window.capacity * latency / (MAX_SEND_TIME_SHARE * self.window.seconds))
            possible = self.window.capacity * ceil(latency / self.window.seconds)
            return max(minimum, min(wanted, possible, maximum))

    def on_success(self, sent_at: float) -> None:
        """Say that a request was not refused for its pace."""
        with self._lock:
            self.window.on_success(sent_at=sent_at)
            self._wake_next()

    def on_429(self, sent_at: float, retry_after: float | None) -> float:
        """Say that HubSpot answered 429; return the seconds for which the whole lane is held back."""
        with self._lock:
            return self.window.on_429(sent_at=sent_at, now=self._clock.monotonic(), retry_after=retry_after)

    def update_from_headers(self, headers: Mapping[str, str], sent_at: float) -> None:
        """Take over the limits that a reply's headers name."""
        remaining = _header_number(headers, "X-HubSpot-RateLimit-Remaining")
        limit = _header_number(headers, "X-HubSpot-RateLimit-Max")
        interval = _header_number(headers, "X-HubSpot-RateLimit-Interval-Milliseconds")
        if limit is None and remaining is None:
            return
        seconds = interval / 1000 if interval else None
        with self._lock:
            self.window.update_limits(limit=limit, seconds=seconds, remaining=remaining, sent_at=sent_at, now=self._clock.monotonic())
            self._wake_next()

    def interrupt(self) -> None:
        """Wake everybody who waits, so that they see that the clock is stopped."""
        with self._lock:
            for turn in (*self._queue, *self._ahead, *self._behind):
                turn.notify()

    def _delay(self, turn: threading.Condition) -> float | None:
        if turn is not self._next_turn():
            return None
        is_last = not (self._queue or self._ahead)
        return self.window.delay(self._clock.monotonic(), spared=ceil(self.reserved_share * self.window.capacity) if is_last else 0)

    def _next_turn(self) -> threading.Condition | None:
        return next((queue[0] for queue in (self._queue, self._ahead, self._behind) if queue), None)

    def _wake_next(self) -> None:
        if turn := self._next_turn():
            turn.notify()


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
        """Return the lane of a budget."""
        return self._limiters[budget]

    def update_from_headers(self, budget: Budget, headers: Mapping[str, str], sent_at: float) -> None:
        """Take over what a reply's headers say of the burst and of the day; of the other budgets they never speak."""
        if budget is Budget.BURST:
            self._limiters[budget].update_from_headers(headers, sent_at)
        self.quota.update_from_headers(headers)

    def interrupt(self) -> None:
        """Wake everybody who waits in any lane."""
        for lane in self._limiters.values():
            lane.interrupt()


def _header_number(headers: Mapping[str, str], name: str) -> int | None:
    text = headers.get(name, "")
    return int(text) if text.isdecimal() else None
