"""The least that HubSpot's budgets allow: requests, and seconds."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from math import ceil

WINDOW_SECONDS = 10.0  # seconds of the burst budget
SEARCHES_PER_SECOND = 5  # a second
LIST_PAGE_SIZE, SEARCH_PAGE_SIZE = 100, 200  # contacts in a page of the list, of a search


def min_seconds(requests: int, *, rate: int, latency: float, contacts: int = 0) -> float:
    """Return when the last of so many requests can be answered, at the earliest.

    `requests` draw on the burst budget (`rate` in any ten seconds, the first at once); `contacts` are read beside them in pages of the
    list, out of the same budget, and by search, out of its own. One latency is added to the moment at which the last may be sent.
    """
    return next(second for second in count() if _fits_budgets(second, requests, rate=rate, contacts=contacts)) + latency


def _fits_budgets(second: int, requests: int, *, rate: int, contacts: int) -> bool:
    burst = rate * (int(second // WINDOW_SECONDS) + 1)
    found = SEARCH_PAGE_SIZE * min(SEARCHES_PER_SECOND * (second + 1), ceil(contacts / SEARCH_PAGE_SIZE))
    return requests + ceil(max(0, contacts - found) / LIST_PAGE_SIZE) <= burst


def min_requests(rows: Mapping[str, int], sizes: Mapping[str, int]) -> int:
    """Return how many pages so many rows of each kind fill; an empty kind is asked for once all the same."""
    return sum(max(1, ceil(number / sizes[kind])) for kind, number in rows.items())
