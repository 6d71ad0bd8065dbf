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

CONTACTS_PER_LIST_PAGE: Final = 100
CONTACTS_PER_SEARCH_PAGE: Final = 200
CONTACTS_PER_WRITE: Final = 100
LIST_SHARE_OF_SPARE_CALLS: Final = 0.25  # the rest is for list members, half-full batches and retries


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRates:
    """The rate limits: burst calls in any `window` seconds, and searches per second."""

    burst: int
    window: float
    searches: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ListShare:
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


def split_budget(contacts: int, rates: CallRates) -> ListShare:
    """Return the share of the list if each contact is read and written: all calls fit into the fewest windows."""
    writes = ceil(contacts / CONTACTS_PER_WRITE)
    return next(found for windows in count(1) if (found := _fit_into(windows, contacts, writes, rates)))


def _fit_into(windows: int, contacts: int, writes: int, rates: CallRates) -> ListShare | None:
    until = rates.window * (windows - 1)  # the calls of the last window are sent at its start
    listed = ceil(max(0.0, contacts - CONTACTS_PER_SEARCH_PAGE * rates.searches * until) / CONTACTS_PER_LIST_PAGE)
    left = rates.burst * windows - writes - listed
    return ListShare(list_pages=listed + int(LIST_SHARE_OF_SPARE_CALLS * left), until=until) if left >= 0 else None
