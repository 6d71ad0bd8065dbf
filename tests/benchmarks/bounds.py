"""The least that HubSpot's budgets allow: requests, and seconds."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil

WINDOW = 10.0  # seconds of the burst budget


def least_seconds(requests: int, *, rate: int, latency: float) -> float:
    """Return when the last of so many requests can be answered: `rate` in any ten seconds, the first at once, and one latency."""
    return (max(0, requests - 1) // rate) * WINDOW + latency


def least_requests(rows: Mapping[str, int], sizes: Mapping[str, int]) -> int:
    """Return how many pages so many rows of each kind fill; an empty kind is asked for once all the same."""
    return sum(max(1, ceil(number / sizes[kind])) for kind, number in rows.items())
