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
from collections.abc import Sequence
from math import inf
from typing import Final

MARGIN: Final = 0.01  # share of the window; a server that is busy counts late what it answers in time, and two clocks never run alike
LEAST_MARGIN: Final = 0.01  # seconds; a busy server is as late in a short window as in a long one
CAUTION: Final = 4  # times as much latency is given up after a refusal as after the one before
CLOCKS_APART: Final = 0.0005  # share of the window, where others' requests are told from ours
SHORTEST_WAIT: Final = 0.001  # seconds; a rounding error must not make a waiter spin
RECENT: Final = 50  # replies whose latencies are remembered
ENOUGH: Final = 5  # of them tell something
LONGEST_PAUSE: Final = 120.0  # seconds; a longer wait is for the caller to decide on, not for everybody in the queue


class Window:
    """The slots of one budget: `limit` requests in any `seconds`, of which the share `reserve` is left to others.

    All times are monotonic seconds, handed in by the caller.
    """

    def __init__(self, *, limit: int, seconds: float, reserve: float = 0.0) -> None:
        self.limit = limit
        self.seconds = seconds
        self._reserve = reserve
        self._in_flight = 0
        self._sent: list[float] = []  # when those in flight were sent, ascending
        self._counted: list[float] = []  # by when HubSpot had counted what was answered, ascending
        self._shortest = inf  # latency that was seen
        self._expected = inf  # latency, from an earlier run
        self._latencies: deque[float] = deque(maxlen=RECENT)
        self._caution = 0.0  # seconds of the shortest latency that are not taken off
        self._others = 0  # requests of other apps that fill the window as well
        self._others_until = -inf
        self._refusals = 0  # in a row
        self._refused_at = -inf
        self._paused_until = -inf

    @property
    def capacity(self) -> int:
        """How many slots we may hold at a time; never less than one."""
        return max(1, int(self.limit * (1 - self._reserve)))

    def expect(self, latency: float | None) -> None:
        """Suppose that a reply can come so soon, in seconds, though none has: the first are late, where many are asked for at once."""
        self._expected = inf if latency is None else latency

    @property
    def latency(self) -> float | None:
        """The shortest between sending and reply, in seconds: seen, or else expected; None where nothing is known of it."""
        return next((latency for latency in (self._shortest, self._expected) if latency < inf), None)

    def delay(self, now: float, *, spared: int = 0) -> float | None:
        """Return the seconds until a slot may be free beside those to be `spared`: 0 for now, None when that depends on a reply."""
        if now < self._paused_until:
            return self._paused_until - now
        if self._refusals and self._in_flight:
            return None  # after a refusal one request goes ahead alone: no storm
        others = self._others if now < self._others_until else 0
        if self._held_since(now) + others < self.capacity - min(spared, self.capacity - 1):
            return 0.0
        return self._next_change(now, others)

    def take(self, now: float | None = None) -> None:
        """Count a request that is about to be sent."""
        self._in_flight += 1
        if now is not None:
            insort(self._sent, now)

    def cancel(self, sent: float) -> None:
        """Take back what was counted as sent then: it was not."""
        self._in_flight -= 1
        self._sent.remove(sent)

    def give_back(self, now: float, *, sent: float | None = None, answered: bool = True) -> None:
        """Count a reply to what was `sent` then, or the lack of one: its slot is free one window later."""
        self._in_flight -= 1
        if sent in self._sent:
            self._sent.remove(sent)
        head_start = 0.0
        if sent is not None and answered:
            self._shortest = min(self._shortest, now - sent)
            self._latencies.append(now - sent)
            head_start = self._head_start
        insort(self._counted, now - head_start)
        stale = bisect_right(self._counted, now - 3 * self.seconds)
        del self._counted[:stale]

    def held(self, now: float) -> list[float]:
        """Return how many seconds ago what was answered and still fills the window had been counted, the longest first."""
        return [now - counted for counted in self._counted[bisect_right(self._counted, now - self._full) :]]

    def fill(self, now: float, ages: Sequence[float]) -> None:
        """Count what somebody else was answered so many seconds ago."""
        for age in ages:
            insort(self._counted, now - age)

    def succeed(self, *, sent: float) -> None:
        """Note an answer that is no refusal: it ends the caution after one, if it was sent later."""
        if sent >= self._refused_at:
            self._refusals = 0

    def refuse(self, *, sent: float, now: float, wait: float | None = None) -> float:
        """Note that the reply just given back was a 429; return the seconds for which nothing is sent.

        `wait`: what HubSpot named; without it one window, twice as long after the second refusal in a row, and so on.
        """
        if self._counted:
            self._counted.pop()  # what was refused fills no slot
        if sent >= self._refused_at:  # those that were in the air together count as one
            self._refusals += 1
            self._refused_at = now
            self._caution = max(self._margin, CAUTION * self._caution)
        pause = min(wait if wait is not None else self.seconds * self._refusals, LONGEST_PAUSE)
        self._paused_until = max(self._paused_until, now + pause)
        return self._paused_until - now

    def learn(self, *, limit: int | None, seconds: float | None, remaining: int | None, sent: float, now: float) -> None:
        """Take over what a reply's headers say of the window, which may be shared with others."""
        self.limit = limit or self.limit
        self.seconds = seconds or self.seconds
        if remaining is not None:
            # The headers were written after `sent`: none of ours that HubSpot may have counted by then is taken for another's.
            self._others = max(0, self.limit - remaining - self._held_since(sent, held=self.seconds * (1 + CLOCKS_APART)))
            self._others_until = now + self.seconds

    @property
    def _full(self) -> float:
        """How long a slot is held, in seconds."""
        return self.seconds + self._margin

    @property
    def _margin(self) -> float:
        return max(MARGIN * self.seconds, LEAST_MARGIN)

    @property
    def _head_start(self) -> float:
        """How long before its reply a request was counted at the latest, in seconds."""
        return max(0.0, min(self._shortest, self._expected) - self._caution)

    def _held_since(self, moment: float, *, held: float | None = None) -> int:
        before = moment - (self._full if held is None else held)
        lag = self._lag()
        gone = bisect_right(self._counted, before) + (0 if lag is None else bisect_right(self._sent, before - lag))
        return self._in_flight + len(self._counted) - gone

    def _lag(self) -> float | None:
        """Return how long after its sending a request in flight may be counted; None while that is not known."""
        if len(self._latencies) < ENOUGH:
            return None
        return max(self._latencies) - self._head_start

    def _next_change(self, now: float, others: int) -> float | None:
        before = now - self._full
        answered = bisect_right(self._counted, before)
        changes = self._counted[answered : answered + 1]
        if (lag := self._lag()) is not None:
            waiting = bisect_right(self._sent, before - lag)
            changes += [sent + lag for sent in self._sent[waiting : waiting + 1]]
        moments = [moment + self._full for moment in changes] + ([self._others_until] if others else [])
        return max(min(moments) - now, SHORTEST_WAIT) if moments else None
