"""Log of the requests: counts by endpoint and status, and the last requests."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import asdict, dataclass
from typing import Any

MAX_REQUESTS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedRequest:
    """One request with the status of its response."""

    endpoint: str  # method and path template
    status: int
    at: int  # epoch milliseconds
    policy: str | None = None  # the exceeded limit of a 429


class RequestLog:
    """Counts since the start or since the last reset."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Set all counts to zero."""
        self._counts: Counter[tuple[str, int]] = Counter()
        self._rate_limited: Counter[str] = Counter()
        self._last_requests: deque[LoggedRequest] = deque(maxlen=MAX_REQUESTS)

    def add(self, request: LoggedRequest) -> None:
        """Count a request."""
        self._counts[request.endpoint, request.status] += 1
        self._last_requests.append(request)
        if request.policy is not None:
            self._rate_limited[request.policy] += 1

    def summary(self) -> dict[str, Any]:
        """Return {total, byEndpoint: {endpoint: {status: n}}, rateLimited: {policy: n}}."""
        endpoints: dict[str, dict[str, int]] = {}
        for (endpoint, status), count in sorted(self._counts.items()):
            endpoints.setdefault(endpoint, {})[str(status)] = count
        return {"total": self._counts.total(), "byEndpoint": endpoints, "rateLimited": dict(self._rate_limited)}

    def last_requests(self, limit: int) -> list[dict[str, Any]]:
        """Return the last requests, oldest first."""
        return [asdict(request) for request in list(self._last_requests)[-limit:]]
