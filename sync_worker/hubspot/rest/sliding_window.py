"""Arithmetic of a rolling window: when may the next call be sent? No threads, no waiting.

HubSpot counts a call at some moment between sending and reply. A slot is taken before the call is sent and becomes free one window after
the reply: no window of HubSpot then holds more calls than allowed, at any latency.

That alone wastes one latency per window: at a latency of 2 s, only a third of the searches could be sent. So the shortest latency seen is
subtracted (the latency credit). This is safe while HubSpot counts all calls at the same point of their way: a slower call holds its slot
longer, by at least the time that it may have been counted later.

A call in flight is assumed to take as long as the slowest recent one. Otherwise, a latency longer than the window would block all slots
until the replies arrive.

A 429 shows that HubSpot counts differently. Part of the credit is then given up: the margin at the first 429, four times as much at each
further one. A call that was counted late once costs little; for a server that counts at the reply, the credit is gone after a few.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import deque
from math import inf
from typing import Final

MARGIN_SHARE: Final = 0.01  # share of the window; a busy server counts late, and two clocks differ in speed
MIN_MARGIN_SECONDS: Final = 0.01  # a busy server is as late in a short window as in a long one
CAUTION_FACTOR: Final = 4  # of the credit that is given up, from one 429 to the next
CLOCK_DRIFT_SHARE: Final = 0.0005  # share of the window; tolerance when the calls of other apps are estimated
MIN_WAIT_SECONDS: Final = 0.001  # a rounding error must not cause a busy loop
MAX_LATENCY_SAMPLES: Final = 50  # the most recent replies
MIN_LATENCY_SAMPLES: Final = 5  # with fewer replies, the slowest latency is unknown
MAX_PAUSE_SECONDS: Final = 120.0  # the caller handles a longer wait; it must not block the whole queue


class SlidingWindow:
    """The slots of one budget: `limit` calls in any `seconds`, of which the share `reserve` is left to other apps.

    All times are monotonic seconds, passed by the caller.
    """

    def __init__(self, *, limit: int, seconds: float, reserve: float = 0.0) -> None:
        self.limit = limit
        self.seconds = seconds
        self._reserve = reserve
        self._in_flight = 0
        self._sent_at: list[float] = []  # calls in flight, ascending
        self._counted_at: list[float] = []  # answered calls, the latest time at which HubSpot counted each, ascending
        self._min_latency = inf
        self._latencies: deque[float] = deque(maxlen=MAX_LATENCY_SAMPLES)
        self._caution_seconds = 0.0  # part of the shortest latency that is not credited
        self._other_requests = 0  # calls of other apps in the same window
        self._other_requests_until = -inf
        self._consecutive_429s = 0
        self._last_429_at = -inf
        self._paused_until = -inf

    @property
    def capacity(self) -> int:
        """The number of slots that this worker uses, at least one."""
        return max(1, int(self.limit * (1 - self._reserve)))

    @property
    def latency(self) -> float | None:
        """The shortest time between sending and reply, or None before the first reply."""
        return self._min_latency if self._min_latency < inf else None

    def count_free(self, now: float) -> int:
        """Return how many more calls may be sent now."""
        others = self._other_requests if now < self._other_requests_until else 0
        return max(0, self.capacity - self._count_in_use(now) - others)

    def delay(self, now: float, *, keep_free: int = 0) -> float | None:
        """Return the seconds until a slot may be free: 0 for now, None if that depends on a reply.

        `keep_free` slots remain unused, but never all.
        """
        if now < self._paused_until:
            return self._paused_until - now
        if self._consecutive_429s and self._in_flight:
            return None  # after a 429, a single call is sent first
        others = self._other_requests if now < self._other_requests_until else 0
        if self._count_in_use(now) + others < self.capacity - min(keep_free, self.capacity - 1):
            return 0.0
        return self._next_change(now, others)

    def acquire(self, now: float | None = None) -> None:
        """Take a slot for a call that is about to be sent."""
        self._in_flight += 1
        if now is not None:
            insort(self._sent_at, now)

    def cancel(self, sent_at: float) -> None:
        """Return a slot whose call was not sent."""
        self._in_flight -= 1
        self._sent_at.remove(sent_at)

    def release(self, now: float, *, sent_at: float | None = None, answered: bool = True) -> None:
        """Record the reply to the call sent at `sent_at`, or that it got none. Its slot becomes free one window later."""
        self._in_flight -= 1
        if sent_at in self._sent_at:
            self._sent_at.remove(sent_at)
        credit = 0.0
        if sent_at is not None and answered:
            self._min_latency = min(self._min_latency, now - sent_at)
            self._latencies.append(now - sent_at)
            credit = self._latency_credit
        insort(self._counted_at, now - credit)
        del self._counted_at[: bisect_right(self._counted_at, now - 3 * self.seconds)]

    def on_success(self, *, sent_at: float) -> None:
        """Record a reply other than 429. It ends the caution after a 429, if its call was sent later."""
        if sent_at >= self._last_429_at:
            self._consecutive_429s = 0

    def on_429(self, *, sent_at: float, now: float, retry_after: float | None = None) -> float:
        """Record that the reply just released was a 429. Returns the seconds for which no call is sent.

        `retry_after` is HubSpot's wait. Without it, the wait is one window, two windows after the second 429 in a row, and so on.
        """
        if self._counted_at:
            self._counted_at.pop()  # a rejected call uses no slot
        if sent_at >= self._last_429_at:  # rejected calls that were in flight together count once
            self._consecutive_429s += 1
            self._last_429_at = now
            self._caution_seconds = max(self._margin_seconds, CAUTION_FACTOR * self._caution_seconds)
        pause = min(retry_after if retry_after is not None else self.seconds * self._consecutive_429s, MAX_PAUSE_SECONDS)
        self._paused_until = max(self._paused_until, now + pause)
        return self._paused_until - now

    def update_limits(self, *, limit: int | None, seconds: float | None, remaining: int | None, sent_at: float, now: float) -> None:
        """Set the limits from the headers of a reply, and estimate the calls of other apps from `remaining`."""
        self.limit = limit or self.limit
        self.seconds = seconds or self.seconds
        if remaining is not None:
            # HubSpot wrote the headers after `sent_at`. Own calls that it may have counted by then are not calls of other apps.
            own_calls = self._count_in_use(sent_at, hold_seconds=self.seconds * (1 + CLOCK_DRIFT_SHARE))
            self._other_requests = max(0, self.limit - remaining - own_calls)
            self._other_requests_until = now + self.seconds

    @property
    def _hold_seconds(self) -> float:
        """The time for which a slot stays in use after its call was counted."""
        return self.seconds + self._margin_seconds

    @property
    def _margin_seconds(self) -> float:
        return max(MARGIN_SHARE * self.seconds, MIN_MARGIN_SECONDS)

    @property
    def _latency_credit(self) -> float:
        """The time between the count of a call and its reply, at least."""
        return max(0.0, self._min_latency - self._caution_seconds)

    def _count_in_use(self, moment: float, *, hold_seconds: float | None = None) -> int:
        window_start = moment - (self._hold_seconds if hold_seconds is None else hold_seconds)
        count_delay = self._max_count_delay()
        expired = bisect_right(self._counted_at, window_start)
        if count_delay is not None:
            expired += bisect_right(self._sent_at, window_start - count_delay)
        return self._in_flight + len(self._counted_at) - expired

    def _max_count_delay(self) -> float | None:
        """Return the longest time between sending and count of a call in flight, or None while it is unknown."""
        if len(self._latencies) < MIN_LATENCY_SAMPLES:
            return None
        return max(self._latencies) - self._latency_credit

    def _next_change(self, now: float, other_requests: int) -> float | None:
        window_start = now - self._hold_seconds
        oldest = bisect_right(self._counted_at, window_start)
        counts = self._counted_at[oldest : oldest + 1]
        if (count_delay := self._max_count_delay()) is not None:
            oldest = bisect_right(self._sent_at, window_start - count_delay)
            counts += [sent_at + count_delay for sent_at in self._sent_at[oldest : oldest + 1]]
        changes = [counted_at + self._hold_seconds for counted_at in counts] + ([self._other_requests_until] if other_requests else [])
        return max(min(changes) - now, MIN_WAIT_SECONDS) if changes else None
