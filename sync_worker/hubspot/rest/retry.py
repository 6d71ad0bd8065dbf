"""The one retry policy: what is tried again, how often, and how long in all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import TypeVar

import tenacity

from sync_worker.errors import OutOfQuota, RateLimited, SyncWorkerError, TryAgain, Unavailable
from sync_worker.hubspot.rest.clock import Clock

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How much is borne before a call fails. Times are seconds."""

    attempts: int = 10
    attempts_at_first: int = 3  # until HubSpot has answered once: the address may be wrong, and somebody waits to be told
    total: float = 300.0
    first: float = 1.0  # the longest wait after the first failure; it doubles with each
    longest: float = 30.0


class Retrying:
    """Repeats what failed for a while: exponential waits with full jitter, longer where HubSpot names a time.

    `on_retry` is told the error and the seconds until the next attempt.
    """

    def __init__(self, patience: Patience, clock: Clock, *, rng: Random, on_retry: Callable[[SyncWorkerError, float], None]) -> None:
        self._patience = patience
        self._clock = clock
        self._rng = rng
        self._on_retry = on_retry
        self._met = False

    def meet(self) -> None:
        """Note that HubSpot has answered, whatever it said: from now on its silence is worth all patience."""
        self._met = True

    def call(self, function: Callable[[], T], *, once: bool = False) -> T:
        """Return what the function returns in the end; raise its last error when patience is at its end.

        With `once`, only what HubSpot has refused to look at is tried again: anything else may have been done without an answer.
        """
        started = self._clock.monotonic()
        return tenacity.Retrying(
            retry=tenacity.retry_if_exception(_was_not_done if once else _may_pass),
            wait=self._wait,
            stop=lambda state: self._is_over(state, started),
            sleep=self._clock.sleep,
            before_sleep=self._note,
            reraise=True,
        )(function)

    def _note(self, state: tenacity.RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, SyncWorkerError):
            self._on_retry(error, state.upcoming_sleep)

    def _wait(self, state: tenacity.RetryCallState) -> float:
        step = min(self._patience.first * 2 ** (state.attempt_number - 1), self._patience.longest)
        return _named_wait(state) + self._rng.uniform(0, step)

    def _is_over(self, state: tenacity.RetryCallState, started: float) -> bool:
        spent = self._clock.monotonic() - started + state.upcoming_sleep
        attempts = self._patience.attempts if self._met else self._patience.attempts_at_first
        return state.attempt_number >= attempts or spent > self._patience.total


def _may_pass(error: BaseException) -> bool:
    return isinstance(error, TryAgain) and not isinstance(error, OutOfQuota)


def _was_not_done(error: BaseException) -> bool:
    return isinstance(error, RateLimited)


def _named_wait(state: tenacity.RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    return error.retry_after or 0.0 if isinstance(error, Unavailable) else 0.0
