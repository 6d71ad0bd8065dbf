"""What was asked of the portal: counts by endpoint and status, and the last requests."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import asdict, dataclass
from typing import Any

KEPT = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request and how it was answered."""

    endpoint: str  # method and path template
    status: int
    at: int  # epoch milliseconds
    policy: str | None = None  # of a 429


class RequestLog:
    """Counts since the start or the last reset."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Begin again."""
        self._counts: Counter[tuple[str, int]] = Counter()
        self._refused: Counter[str] = Counter()
        self._last: deque[Asked] = deque(maxlen=KEPT)

    def add(self, asked: Asked) -> None:
        """Count a request."""
        self._counts[asked.endpoint, asked.status] += 1
        self._last.append(asked)
        if asked.policy is not None:
            self._refused[asked.policy] += 1

    def summary(self) -> dict[str, Any]:
        """Return {total, byEndpoint: {endpoint: {status: n}}, rateLimited: {policy: n}}."""
        endpoints: dict[str, dict[str, int]] = {}
        for (endpoint, status), count in sorted(self._counts.items()):
            endpoints.setdefault(endpoint, {})[str(status)] = count
        return {"total": self._counts.total(), "byEndpoint": endpoints, "rateLimited": dict(self._refused)}

    def last(self, limit: int) -> list[dict[str, Any]]:
        """Return the last requests, oldest first."""
        return [asdict(asked) for asked in list(self._last)[-limit:]]
