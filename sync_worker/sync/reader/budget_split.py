"""How reads and writes share HubSpot's call budgets, so that a run takes the least time.

List pages, email subscriptions and writes share one budget; searches have another. Contacts that search can read before the last of these
calls is sent are left to search: each list page less is a write more, or a page of events while events use the budget up.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from math import ceil
from typing import Final

CONTACTS_PER_LIST_PAGE: Final = 100
CONTACTS_PER_SEARCH_PAGE: Final = 200
CONTACTS_PER_CALL: Final = 100  # for statuses of email subscriptions, and for writes
SPARE_SHARE: Final = 0.06  # of the calls, for list members, half-full batches and retries


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


def split_budget(contacts: int, rates: CallRates, *, further_calls: int) -> ListShare:
    """Return the share of the list if each batch of contacts takes `further_calls` beyond its read: all fit into the fewest windows."""
    further = further_calls * ceil(contacts / CONTACTS_PER_CALL)
    return next(found for windows in count(1) if (found := _fit_into(windows, contacts, further, rates)))


def _fit_into(windows: int, contacts: int, further: int, rates: CallRates) -> ListShare | None:
    start, room = rates.window * (windows - 1), rates.burst * windows - further
    searched = CONTACTS_PER_SEARCH_PAGE * rates.searches  # contacts per second
    # Most calls of the last window are sent at its start; search needs longer if the list has room for too few contacts.
    until = max(start, (contacts - CONTACTS_PER_LIST_PAGE * room) / searched)
    if room < 0 or until >= start + rates.window:
        return None
    listed = min(room, ceil(max(0.0, contacts - searched * until) / CONTACTS_PER_LIST_PAGE))
    # Further pages end the scan earlier, so that its last contacts are evaluated in time.
    more = max(0, room - listed - ceil(SPARE_SHARE * rates.burst * windows))
    return ListShare(list_pages=listed + more, until=until)
