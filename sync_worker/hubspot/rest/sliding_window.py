"""The arithmetic of a rolling window: when may the next request be sent? No threads, no waiting.

HubSpot counts a request at some moment between our sending it and its reply coming in. A slot is taken before the request is
sent, and one window after the reply came in it is free whatever the latency. That alone would cost one latency in every window:
two seconds of it would leave a third of the searches. So the shortest latency seen is taken off again. As long as HubSpot counts
all requests at the same point of their way, that is as safe: what a request needed longer than the quickest one covers what it
may have been counted later. What is still on the line is supposed to need as long as the slowest of the last replies: otherwise a
latency longer than the window would hold all slots until the replies come. Where a refusal says that HubSpot counts otherwise, some of
what is taken off is given up: with the first as much as the margin, with each that follows four times as much. A server that was late once
costs next to nothing, and one that counts when it replies has its way after a few.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import deque
from math import inf
from typing import Final

MARGIN_SHARE: Final = 0.01  # share of the window; a server that is busy counts late what it answers in time, and two clocks never run alike
MIN_MARGIN_SECONDS: Final = 0.01  # seconds; a busy server is as late in a short window as in a long one
CAUTION_FACTOR: Final = 4  # times as much latency is given up after a refusal as after the one before
CLOCK_DRIFT_SHARE: Final = 0.0005  # share of the window, where others' requests are told from ours
MIN_WAIT_SECONDS: Final = 0.001  # seconds; a rounding error must not make a waiter spin
MAX_LATENCY_SAMPLES: Final = 50  # replies whose latencies are remembered
MIN_LATENCY_SAMPLES: Final = 5  # of them tell something
MAX_PAUSE_SECONDS: Final = 120.0  # seconds; a longer wait is for the caller to decide on, not for everybody in the queue


class SlidingWindow:
    """The slots of one budget: `limit` requests in any `seconds`, of which the share `reserve` is left to others.

    All times are monotonic seconds, handed in by the caller.
    """

    def __init__(self, *, limit: int, seconds: float, reserve: float = 0.0) -> None:
        self.limit = limit
        self.seconds = seconds
        self._reserve = reserve
        self._in_flight = 0
        self._sent_at: list[float] = []  # when those in flight were sent, ascending
        self._counted_at: list[float] = []  # by when HubSpot had counted what was answered, ascending
        self._min_latency = inf  # latency that was seen
        self._latencies: deque[float] = deque(maxlen=MAX_LATENCY_SAMPLES)
        self._caution_seconds = 0.0  # seconds of the shortest latency that are not taken off
        self._other_requests = 0  # requests of other apps that fill the window as well
        self._other_requests_until = -inf
        self._consecutive_429s = 0  # in a row
        self._last_429_at = -inf
        self._paused_until = -inf

    @property
    def capacity(self) -> int:
        """How many slots we may hold at a time; never less than one."""
        return max(1, int(self.limit * (1 - self._reserve)))

    @property
    def latency(self) -> float | None:
        """The shortest between sending and reply, in seconds; None where there has been no reply."""
        return self._min_latency if self._min_latency < inf else None

    def delay(self, now: float, *, spared: int = 0) -> float | None:
        """Return the seconds until a slot may be free beside those to be `spared`: 0 for now, None when that depends on a reply."""
        if now < self._paused_until:
            return self._paused_until - now
        if self._consecutive_429s and self._in_flight:
            return None  # after a refusal one request goes ahead alone: no storm
        others = self._other_requests if now < self._other_requests_until else 0
        if self._count_in_use(now) + others < self.capacity - min(spared, self.capacity - 1):
            return 0.0
        return self._next_change(now, others)

    def acquire(self, now: float | None = None) -> None:
        """Count a request that is about to be sent."""
        self._in_flight += 1
        if now is not None:
            insort(self._sent_at, now)

    def cancel(self, sent_at: float) -> None:
        """Take back what was counted as sent then: it was not."""
        self._in_flight -= 1
        self._sent_at.remove(sent_at)

    def release(self, now: float, *, sent_at: float | None = None, answered: bool = True) -> None:
        """Count a reply to what was `sent` then, or the lack of one: its slot is free one window later."""
        self._in_flight -= 1
        if sent_at in self._sent_at:
            self._sent_at.remove(sent_at)
        head_start = 0.0
        if sent_at is not None and answered:
            self._min_latency = min(self._min_latency, now - sent_at)
            self._latencies.append(now - sent_at)
            head_start = self._latency_credit
        insort(self._counted_at, now - head_start)
        stale = bisect_right(self._counted_at, now - 3 * self.seconds)
        del self._counted_at[:stale]

    def on_success(self, *, sent_at: float) -> None:
        """Note an answer that is no refusal: it ends the caution after one, if it was sent later."""
        if sent_at >= self._last_429_at:
            self._consecutive_429s = 0

    def on_429(self, *, sent_at: float, now: float, retry_after: float | None = None) -> float:
        """Note that the reply just given back was a 429; return the seconds for which nothing is sent.

        `wait`: what HubSpot named; without it one window, twice as long after the second refusal in a row, and so on.
        """
        if self._counted_at:
            self._counted_at.pop()  # what was refused fills no slot
        if sent_at >= self._last_429_at:  # those that were in the air together count as one
            self._consecutive_429s += 1
            self._last_429_at = now
            self._caution_seconds = max(self._margin_seconds, CAUTION_FACTOR * self._caution_seconds)
        pause = min(retry_after if retry_after is not None else self.seconds * self._consecutive_429s, MAX_PAUSE_SECONDS)
        self._paused_until = max(self._paused_until, now + pause)
        return self._paused_until - now

    def update_limits(self, *, limit: int | None, seconds: float | None, remaining: int | None, sent_at: float, now: float) -> None:
        """Take over what a reply's headers say of the window, which may be shared with others."""
        self.limit = limit or self.limit
        self.seconds = seconds or self.seconds
        if remaining is not None:
            # The headers were written after `sent`: none of ours that HubSpot may have counted by then is taken for another's.
            self._other_requests = max(
                0, self.limit - remaining - self._count_in_use(sent_at, hold_seconds=self.seconds * (1 + CLOCK_DRIFT_SHARE))
            )
            self._other_requests_until = now + self.seconds

    @property
    def _hold_seconds(self) -> float:
        """How long a slot is held, in seconds."""
        return self.seconds + self._margin_seconds

    @property
    def _margin_seconds(self) -> float:
        return max(MARGIN_SHARE * self.seconds, MIN_MARGIN_SECONDS)

    @property
    def _latency_credit(self) -> float:
        """How long before its reply a request was counted at the latest, in seconds."""
        return max(0.0, self._min_latency - self._caution_seconds)

    def _count_in_use(self, moment: float, *, hold_seconds: float | None = None) -> int:
        before = moment - (self._hold_seconds if hold_seconds is None else hold_seconds)
        lag = self._max_count_delay()
        gone = bisect_right(self._counted_at, before) + (0 if lag is None else bisect_right(self._sent_at, before - lag))
        return self._in_flight + len(self._counted_at) - gone

    def _max_count_delay(self) -> float | None:
        """Return how long after its sending a request in flight may be counted; None while that is not known."""
        if len(self._latencies) < MIN_LATENCY_SAMPLES:
            return None
        return max(self._latencies) - self._latency_credit

    def _next_change(self, now: float, other_requests: int) -> float | None:
        before = now - self._hold_seconds
        answered = bisect_right(self._counted_at, before)
        changes = self._counted_at[answered : answered + 1]
        if (lag := self._max_count_delay()) is not None:
            waiting = bisect_right(self._sent_at, before - lag)
            changes += [sent + lag for sent in self._sent_at[waiting : waiting + 1]]
        moments = [moment + self._hold_seconds for moment in changes] + ([self._other_requests_until] if other_requests else [])
        return max(min(moments) - now, MIN_WAIT_SECONDS) if moments else None
