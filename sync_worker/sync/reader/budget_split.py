"""How reading and writing share HubSpot's budgets, so that both are over soonest.

List pages and writes draw on one budget, searches on another. Whatever search can read before the last write can be sent is better
left to it: each list page less is a write more. Or a page of what contacts did, as long as that uses the budget up.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from math import ceil
from typing import Final

LISTED: Final = 100  # contacts in a page of the list
FOUND: Final = 200  # contacts in a page of a search
WRITTEN: Final = 100  # contacts in a call that writes
SPENT: Final = 0.25  # share of the calls left over that goes to the list; the rest is for lists' members, half-full batches, second tries


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """What may be sent: calls of the burst in any `window` seconds, and searches a second."""

    burst: int
    window: float
    searches: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """How many list pages may be asked for; `until` (seconds from the beginning) the rest should have been found."""

    list_pages: int
    until: float

    def enough(self, elapsed: Callable[[], float]) -> Callable[[int], bool]:
        """Return what tells from a number of list pages whether the rest is left to search; when it is late, nothing is."""
        return lambda pages: pages >= self.list_pages and elapsed() < self.until


@dataclass(slots=True)
class Saturation:
    """Whether a budget is being used up; `seen` (monotonic seconds) is when it was last, at first when that was begun."""

    window: float  # seconds, in each of which it is used up once while it lasts
    seen: float

    def lasts(self, now: float, *, used_up: bool) -> bool:
        """Take a look, and tell."""
        self.seen = now if used_up else self.seen
        return now - self.seen <= self.window


def share(contacts: int, pace: Pace) -> Share:
    """Return the share of the reading where each contact is read and written: the fewest windows in which all calls can be sent."""
    writes = ceil(contacts / WRITTEN)
    return next(found for windows in count(1) if (found := _within(windows, contacts, writes, pace)))


def _within(windows: int, contacts: int, writes: int, pace: Pace) -> Share | None:
    until = pace.window * (windows - 1)  # the calls of the last window are sent as it begins
    listed = ceil(max(0.0, contacts - FOUND * pace.searches * until) / LISTED)
    left = pace.burst * windows - writes - listed
    return Share(list_pages=listed + int(SPENT * left), until=until) if left >= 0 else None
