"""Request metrics: requests by endpoint, replies by status, retries, rate-limited replies, rows that were left out."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import structlog

from sync_worker.errors import SyncWorkerError

NO_REPLY: Final = "none"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestCounts:
    """Requests by endpoint (method and path template without ids), retries, and replies with 429.

    `replies` counts by endpoint and HTTP status, or `NO_REPLY`. `unreadable` is the number of rows that were left out, by operation and
    reason.
    """

    requests: Mapping[str, int] = field(default_factory=dict)
    retries: int = 0
    rate_limited: int = 0
    unreadable: Mapping[tuple[str, str], int] = field(default_factory=dict)
    replies: Mapping[tuple[str, str], int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """The number of all requests."""
        return sum(self.requests.values())

    def subtract(self, earlier: RequestCounts) -> RequestCounts:
        """Return the difference to an earlier snapshot."""
        return RequestCounts(
            requests=dict(Counter(self.requests) - Counter(earlier.requests)),
            retries=self.retries - earlier.retries,
            rate_limited=self.rate_limited - earlier.rate_limited,
            unreadable=dict(Counter(self.unreadable) - Counter(earlier.unreadable)),
            replies=dict(Counter(self.replies) - Counter(earlier.replies)),
        )


class RequestMetrics:
    """Counters that any thread may increment."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: Counter[str] = Counter()
        self._retries = 0
        self._rate_limited = 0
        self._unreadable: Counter[tuple[str, str]] = Counter()
        self._replies: Counter[tuple[str, str]] = Counter()

    def snapshot(self) -> RequestCounts:
        """Return the current counts."""
        with self._lock:
            return RequestCounts(
                requests=dict(sorted(self._requests.items())),
                retries=self._retries,
                rate_limited=self._rate_limited,
                unreadable=dict(sorted(self._unreadable.items())),
                replies=dict(sorted(self._replies.items())),
            )

    def count_request(self, endpoint: str) -> None:
        """Count one attempt of a request."""
        with self._lock:
            self._requests[endpoint] += 1

    def count_reply(self, endpoint: str, status: int | None) -> None:
        """Count the reply to one attempt of a request; None: no reply arrived."""
        with self._lock:
            self._replies[endpoint, NO_REPLY if status is None else str(status)] += 1

    def count_retry(self, error: SyncWorkerError, wait: float) -> None:
        """Count and log a retry that starts in `wait` seconds."""
        log.warning("request.retried", operation=error.operation, reason=error.message, wait=round(wait, 1))
        with self._lock:
            self._retries += 1

    def count_unreadable(self, operation: str, reason: str) -> None:
        """Count a row of a reply that was left out."""
        with self._lock:
            self._unreadable[operation, reason] += 1

    def count_rate_limited(self) -> None:
        """Count a reply with 429."""
        with self._lock:
            self._rate_limited += 1
