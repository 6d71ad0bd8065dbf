"""Request metrics: requests by endpoint, retries, rate-limited replies."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import structlog

from sync_worker.errors import SyncWorkerError

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestCounts:
    """Requests by endpoint (method and path template without ids), retries, and replies with 429."""

    requests: Mapping[str, int] = field(default_factory=dict)
    retries: int = 0
    rate_limited: int = 0

    @property
    def total(self) -> int:
        """The number of all requests."""
        return sum(self.requests.values())

    def subtract(self, earlier: RequestCounts) -> RequestCounts:
        """Return the difference to an earlier snapshot."""
        grown = {endpoint: number - earlier.requests.get(endpoint, 0) for endpoint, number in self.requests.items()}
        return RequestCounts(
            requests={endpoint: number for endpoint, number in grown.items() if number},
            retries=self.retries - earlier.retries,
            rate_limited=self.rate_limited - earlier.rate_limited,
        )


class RequestMetrics:
    """Counters that any thread may increment."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: Counter[str] = Counter()
        self._retries = 0
        self._rate_limited = 0

    def snapshot(self) -> RequestCounts:
        """Return the current counts."""
        with self._lock:
            return RequestCounts(requests=dict(sorted(self._requests.items())), retries=self._retries, rate_limited=self._rate_limited)

    def count_request(self, endpoint: str) -> None:
        """Count one attempt of a request."""
        with self._lock:
            self._requests[endpoint] += 1

    def count_retry(self, error: SyncWorkerError, wait: float) -> None:
        """Count and log a retry that starts in `wait` seconds."""
        log.warning("request.retried", operation=error.operation, reason=error.message, wait=round(wait, 1))
        with self._lock:
            self._retries += 1

    def count_rate_limited(self) -> None:
        """Count a reply with 429."""
        with self._lock:
            self._rate_limited += 1
