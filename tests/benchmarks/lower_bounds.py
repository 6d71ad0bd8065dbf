"""Lower bounds under HubSpot's rate limits: requests and seconds."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from math import ceil

WINDOW_SECONDS = 10.0  # window of the burst budget
SEARCHES_PER_SECOND = 5
LIST_PAGE_SIZE, SEARCH_PAGE_SIZE = 100, 200  # contacts per page


def min_seconds(requests: int, *, rate: int, latency: float, contacts: int = 0) -> float:
    """Return the earliest second at which the last of the requests can be answered.

    `requests` use the burst budget (`rate` in any ten seconds, starting at once). In addition, `contacts` are read in list pages, which
    use the same budget, and by search, which has its own. The result includes one latency.
    """
    return next(second for second in count() if _fits_budgets(second, requests, rate=rate, contacts=contacts)) + latency


def _fits_budgets(second: int, requests: int, *, rate: int, contacts: int) -> bool:
    burst = rate * (int(second // WINDOW_SECONDS) + 1)
    searched = SEARCH_PAGE_SIZE * min(SEARCHES_PER_SECOND * (second + 1), ceil(contacts / SEARCH_PAGE_SIZE))
    return requests + ceil(max(0, contacts - searched) / LIST_PAGE_SIZE) <= burst


def min_requests(rows: Mapping[str, int], sizes: Mapping[str, int]) -> int:
    """Return the number of pages for the rows of each kind; a kind without rows needs one request."""
    return sum(max(1, ceil(number / sizes[kind])) for kind, number in rows.items())
