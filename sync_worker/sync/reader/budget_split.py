"""How reads and writes share HubSpot's call budgets, so that a run takes the least time.

List pages and writes share one budget; searches have another. Contacts that search can read before the last write is sent are left to
search: each list page less is a write more, or a page of events while events use the budget up.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from math import ceil
from typing import Final

LISTED: Final = 100  # contacts in a list page
FOUND: Final = 200  # contacts in a search page
WRITTEN: Final = 100  # contacts in a write
SPENT: Final = 0.25  # share of the spare calls for list pages; the rest is for list members, half-full batches and retries


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """The rate limits: burst calls in any `window` seconds, and searches per second."""

    burst: int
    window: float
    searches: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """The number of list pages to read; by `until` (seconds from the start), search should have read the rest."""

    list_pages: int
    until: float

    def enough(self, elapsed: Callable[[], float]) -> Callable[[int], bool]:
        """Return a function of the list pages read so far: whether the rest is left to search. After `until`, it never is."""
        return lambda pages: pages >= self.list_pages and elapsed() < self.until


@dataclass(slots=True)
class Saturation:
    """Whether a budget is used up again and again; `seen` (monotonic seconds) is when it last was, initially the start."""

    window: float  # seconds; the budget must be used up once in each window
    seen: float

    def lasts(self, now: float, *, used_up: bool) -> bool:
        """Record whether the budget is used up now; return whether the saturation lasts."""
        self.seen = now if used_up else self.seen
        return now - self.seen <= self.window


def share(contacts: int, pace: Pace) -> Share:
    """Return the share of the list if each contact is read and written: all calls fit into the fewest windows."""
    writes = ceil(contacts / WRITTEN)
    return next(found for windows in count(1) if (found := _within(windows, contacts, writes, pace)))


def _within(windows: int, contacts: int, writes: int, pace: Pace) -> Share | None:
    until = pace.window * (windows - 1)  # the calls of the last window are sent at its start
    listed = ceil(max(0.0, contacts - FOUND * pace.searches * until) / LISTED)
    left = pace.burst * windows - writes - listed
    return Share(list_pages=listed + int(SPENT * left), until=until) if left >= 0 else None
