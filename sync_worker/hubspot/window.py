"""The arithmetic of a rolling window: when may the next request be sent? No threads, no waiting.

HubSpot counts a request at some moment between our sending it and its reply coming in. A slot is therefore taken before the
request is sent and is free again one window after the reply came in: whatever the latency, no window of HubSpot's ever
holds more of our requests than it allows.
"""

from __future__ import annotations

from bisect import bisect_right
from math import inf
from typing import Final

MARGIN: Final = 0.005  # seconds; two clocks never run quite alike
SHORTEST_WAIT: Final = 0.001  # seconds; a rounding error must not make a waiter spin
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
        self._replied: list[float] = []  # when the replies came in, ascending
        self._others = 0  # requests of other apps that fill the window as well
        self._others_until = -inf
        self._refusals = 0  # in a row
        self._refused_at = -inf
        self._paused_until = -inf

    @property
    def capacity(self) -> int:
        """How many slots we may hold at a time; never less than one."""
        return max(1, int(self.limit * (1 - self._reserve)))

    def delay(self, now: float) -> float | None:
        """Return the seconds until a slot may be free: 0 for now, None when that depends on a reply."""
        if now < self._paused_until:
            return self._paused_until - now
        if self._refusals and self._in_flight:
            return None  # after a refusal one request goes ahead alone: no storm
        others = self._others if now < self._others_until else 0
        if self._held_since(now) + others < self.capacity:
            return 0.0
        return self._next_change(now, others)

    def take(self) -> None:
        """Count a request that is about to be sent."""
        self._in_flight += 1

    def give_back(self, now: float) -> None:
        """Count a reply, or the lack of one: the slot is free one window from `now`."""
        self._in_flight -= 1
        self._replied.append(now)
        stale = bisect_right(self._replied, now - 3 * self.seconds)
        del self._replied[:stale]

    def succeed(self, *, sent: float) -> None:
        """Note an answer that is no refusal: it ends the caution after one, if it was sent later."""
        if sent >= self._refused_at:
            self._refusals = 0

    def refuse(self, *, sent: float, now: float, wait: float | None = None) -> float:
        """Note that the reply just given back was a 429; return the seconds for which nothing is sent.

        `wait`: what HubSpot named; without it one window, twice as long after the second refusal in a row, and so on.
        """
        if self._replied:
            self._replied.pop()  # what was refused fills no slot
        if sent >= self._refused_at:  # those that were in the air together count as one
            self._refusals += 1
            self._refused_at = now
        pause = min(wait if wait is not None else self.seconds * self._refusals, LONGEST_PAUSE)
        self._paused_until = max(self._paused_until, now + pause)
        return self._paused_until - now

    def learn(self, *, limit: int | None, seconds: float | None, remaining: int | None, sent: float, now: float) -> None:
        """Take over what a reply's headers say of the window, which may be shared with others."""
        self.limit = limit or self.limit
        self.seconds = seconds or self.seconds
        if remaining is not None:
            # The headers were written after `sent`: none of ours that HubSpot may have counted by then is taken for another's.
            self._others = max(0, self.limit - remaining - self._held_since(sent))
            self._others_until = now + self.seconds

    def _held_since(self, moment: float) -> int:
        gone = bisect_right(self._replied, moment - self.seconds - MARGIN)
        return self._in_flight + len(self._replied) - gone

    def _next_change(self, now: float, others: int) -> float | None:
        oldest = bisect_right(self._replied, now - self.seconds - MARGIN)
        changes = [self._replied[oldest] + self.seconds + MARGIN] if oldest < len(self._replied) else []
        if others:
            changes.append(self._others_until)
        return max(min(changes) - now, SHORTEST_WAIT) if changes else None
