from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_worker.errors import BadRequest, NotFound, QuotaExceeded, RateLimited, SyncWorkerError, Unauthorized, Unavailable
from sync_worker.hubspot.rest.clock import ConnectionClosed
from sync_worker.hubspot.rest.retry import Retrier, RetryPolicy
from tests.hubspot.fakes import FakeClock, make_random


def fail_times(failures: int, error: SyncWorkerError) -> Callable[[], str]:
    """Return a function that fails some times before it works."""
    left = iter([error] * failures)

    def function() -> str:
        for each in left:
            raise each
        return "done"

    return function


def make_retrier(clock: FakeClock, policy: RetryPolicy | None = None, retries: list[None] | None = None) -> Retrier:
    retried = retries if retries is not None else []
    retrier = Retrier(policy or RetryPolicy(), clock, rng=make_random(1), on_retry=lambda *_: retried.append(None))
    retrier.mark_reachable()
    return retrier


def test_a_transient_error_is_retried(clock: FakeClock) -> None:
    retries: list[None] = []

    assert make_retrier(clock, retries=retries).start()(fail_times(3, Unavailable())) == "done"
    assert len(retries) == len(clock.slept) == 3


@pytest.mark.parametrize("error", [Unauthorized(), BadRequest(), NotFound(), QuotaExceeded(), ConnectionClosed()])
def test_other_errors_are_not_retried(clock: FakeClock, error: SyncWorkerError) -> None:
    with pytest.raises(type(error)):
        make_retrier(clock).start()(fail_times(1, error))

    assert clock.slept == []


def test_the_last_error_is_raised(clock: FakeClock) -> None:
    error = Unavailable("HubSpot answered 502.")

    with pytest.raises(Unavailable) as caught:
        make_retrier(clock, RetryPolicy(max_attempts=3)).start()(fail_times(99, error))

    assert caught.value is error
    assert len(clock.slept) == 2


@given(seed=st.integers(), total=st.floats(1, 100))
def test_waits_never_exceed_the_total_time(seed: int, total: float) -> None:
    clock = FakeClock()
    retrier = Retrier(RetryPolicy(max_attempts=1_000, max_total_seconds=total), clock, rng=make_random(seed), on_retry=lambda *_: None)
    retrier.mark_reachable()

    with pytest.raises(Unavailable):
        retrier.start()(fail_times(10_000, Unavailable()))

    assert clock.time - 1_000 <= total


def test_waits_grow_to_a_bound_and_are_spread() -> None:
    def wait_times(seed: int) -> list[float]:
        clock = FakeClock()
        policy = Retrier(
            RetryPolicy(max_attempts=9, max_total_seconds=1_000, initial_wait_seconds=1, max_wait_seconds=30),
            clock,
            rng=make_random(seed),
            on_retry=lambda *_: None,
        )
        policy.mark_reachable()
        with pytest.raises(Unavailable):
            policy.start()(fail_times(99, Unavailable()))
        return clock.slept

    waits_of_attempt = list(zip(*map(wait_times, range(100)), strict=True))

    for waits, bound in zip(waits_of_attempt, (1, 2, 4, 8, 16, 30, 30, 30), strict=True):
        assert 0 <= min(waits) < 0.1 * bound
        assert 0.9 * bound < max(waits) <= bound


def test_retry_after_is_respected(clock: FakeClock) -> None:
    make_retrier(clock).start()(fail_times(1, RateLimited(retry_after=17)))

    assert 17 <= clock.slept[0] <= 18


def test_retry_after_beyond_the_maximum_wait_fails_at_once(clock: FakeClock) -> None:
    with pytest.raises(Unavailable):
        make_retrier(clock).start()(fail_times(1, Unavailable(retry_after=24 * 3_600)))

    assert clock.slept == []


def test_a_server_that_never_answered_gets_fewer_attempts(clock: FakeClock) -> None:
    retrier = Retrier(
        RetryPolicy(max_attempts=10, max_attempts_before_first_response=3), clock, rng=make_random(1), on_retry=lambda *_: None
    )

    with pytest.raises(Unavailable):
        retrier.start()(fail_times(99, Unavailable()))

    assert len(clock.slept) == 2
