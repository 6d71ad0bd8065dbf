"""Retry policy: which errors are retried, how often, and for how long in total.

error_translation.py turns a status into an error; sliding_window.py has the pause after a 429.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

import tenacity

from sync_worker.errors import RateLimited, SyncWorkerError, Unavailable
from sync_worker.hubspot.rest.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """Limits of the retries of one call. Times are seconds."""

    max_attempts: int = 10
    max_attempts_before_first_response: int = 3  # until HubSpot has answered once, so that a wrong URL fails fast
    max_total_seconds: float = 300.0
    initial_wait_seconds: float = 1.0  # the longest wait before the first retry; it doubles with each retry
    max_wait_seconds: float = 30.0


class Retrier:
    """Retries transient errors with exponential backoff and full jitter, plus the time of a Retry-After header.

    `on_retry` gets the error and the seconds until the next attempt.
    """

    def __init__(self, policy: RetryPolicy, clock: Clock, *, rng: Random, on_retry: Callable[[SyncWorkerError, float], None]) -> None:
        self._policy = policy
        self._clock = clock
        self._rng = rng
        self._on_retry = on_retry
        self._is_reachable = False

    def mark_reachable(self) -> None:
        """Record that HubSpot has answered. From now on, calls get `max_attempts`."""
        self._is_reachable = True

    def start(self, *, non_idempotent: bool = False) -> tenacity.Retrying:
        """Return the retries of one call: `start()(function, *arguments)` returns the function's result or raises its last error.

        With `non_idempotent`, only rate-limited calls are retried: after any other error, HubSpot may have processed the request.
        """
        started = self._clock.monotonic()
        return tenacity.Retrying(
            retry=tenacity.retry_if_exception(_is_rate_limited if non_idempotent else _is_transient),
            wait=self._next_wait,
            stop=lambda state: self._is_exhausted(state, started),
            sleep=self._clock.sleep,
            before_sleep=self._report_retry,
            reraise=True,
        )

    def _report_retry(self, state: tenacity.RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, SyncWorkerError):
            self._on_retry(error, state.upcoming_sleep)

    def _next_wait(self, state: tenacity.RetryCallState) -> float:
        step = min(self._policy.initial_wait_seconds * 2 ** (state.attempt_number - 1), self._policy.max_wait_seconds)
        return _server_wait(state) + self._rng.uniform(0, step)

    def _is_exhausted(self, state: tenacity.RetryCallState, started_at: float) -> bool:
        spent = self._clock.monotonic() - started_at + state.upcoming_sleep
        attempts = self._policy.max_attempts if self._is_reachable else self._policy.max_attempts_before_first_response
        return state.attempt_number >= attempts or spent > self._policy.max_total_seconds


def _is_transient(error: BaseException) -> bool:
    return isinstance(error, Unavailable)


def _is_rate_limited(error: BaseException) -> bool:
    return isinstance(error, RateLimited)


def _server_wait(state: tenacity.RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    return error.retry_after or 0.0 if isinstance(error, Unavailable) else 0.0
