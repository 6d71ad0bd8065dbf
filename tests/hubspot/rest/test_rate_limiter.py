from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from functools import partial

import pytest

from sync_worker.hubspot.rest.clock import Clock, ConnectionClosed
from sync_worker.hubspot.rest.rate_limiter import Budget, Limiter, RateLimiter, RateLimitSettings
from sync_worker.hubspot.rest.sliding_window import SlidingWindow
from tests.hubspot.fakes import FakeClock, run_in_threads


class BlockingClock(FakeClock):
    """A fake clock whose waits for another thread really block."""

    def __init__(self) -> None:
        super().__init__()
        self._blocked = threading.Semaphore(0)

    def wait(self, condition: threading.Condition, seconds: float | None) -> None:
        if seconds is None:
            self._blocked.release()
            Clock.wait(self, condition, 20)
        else:
            super().wait(condition, seconds)

    def start_blocked(self, function: Callable[[], None]) -> threading.Thread:
        """Run a function in a thread. Returns when the thread waits for a slot."""
        thread = threading.Thread(target=function, daemon=True)
        thread.start()
        assert self._blocked.acquire(timeout=20)
        return thread


def join_all(threads: Iterable[threading.Thread]) -> None:
    for thread in threads:
        thread.join(timeout=20)


def test_a_full_window_makes_the_next_call_wait(clock: FakeClock) -> None:
    limiter = Limiter(SlidingWindow(limit=2, seconds=10), clock)
    for _ in range(2):
        limiter.acquire()
        limiter.release()

    assert 1_010 <= limiter.acquire() < 1_010.2


def test_budgets_do_not_wait_for_each_other(clock: FakeClock) -> None:
    rate_limiter = RateLimiter(RateLimitSettings(burst=1, search=1, associations=1), clock)

    sent_at = [rate_limiter.limiter(budget).acquire() for budget in Budget]

    assert sent_at == [1_000.0] * 3


def test_threads_are_served_in_order_of_arrival() -> None:
    clock, served = BlockingClock(), []
    limiter = Limiter(SlidingWindow(limit=1, seconds=1), clock)
    limiter.acquire()

    def call(number: int) -> None:
        limiter.acquire()
        served.append(number)
        limiter.release()

    threads = [clock.start_blocked(partial(call, number)) for number in range(5)]
    limiter.release()
    join_all(threads)

    assert served == [0, 1, 2, 3, 4]


def test_many_threads_never_use_more_slots_than_the_limit() -> None:
    clock, lock, in_flight, highest, calls = BlockingClock(), threading.Lock(), 0, 0, 0
    limiter = Limiter(SlidingWindow(limit=3, seconds=1), clock)

    def work(_: int) -> None:
        nonlocal in_flight, highest, calls
        for _ in range(10):
            limiter.acquire()
            with lock:
                in_flight += 1
                highest = max(highest, in_flight)
            with lock:
                in_flight -= 1
                calls += 1
            limiter.release()

    run_in_threads(8, work)

    assert highest <= 3
    assert calls == 80


def test_waiting_threads_wake_when_the_connection_closes() -> None:
    clock = BlockingClock()
    rate_limiter = RateLimiter(RateLimitSettings(burst=1), clock)
    limiter = rate_limiter.limiter(Budget.BURST)
    limiter.acquire()
    errors: list[ConnectionClosed] = []

    def call() -> None:
        try:
            limiter.acquire()
        except ConnectionClosed as error:
            errors.append(error)

    threads = [clock.start_blocked(call) for _ in range(3)]
    clock.stop()
    rate_limiter.interrupt()
    join_all(threads)

    assert len(errors) == 3


def test_no_request_starts_after_close(clock: FakeClock) -> None:
    limiter = Limiter(SlidingWindow(limit=1, seconds=1), clock)
    clock.stop()

    with pytest.raises(ConnectionClosed):
        limiter.acquire()


def test_headers_without_limits_change_nothing(clock: FakeClock) -> None:
    limiter = Limiter(SlidingWindow(limit=5, seconds=1), clock)

    limiter.update_from_headers({"Content-Type": "application/json"}, sent_at=1_000.0)

    assert limiter.window.limit == 5


def test_headers_set_limit_and_window(clock: FakeClock) -> None:
    limiter = Limiter(SlidingWindow(limit=100, seconds=10), clock)

    limiter.update_from_headers(
        {
            "X-HubSpot-RateLimit-Max": "190",
            "X-HubSpot-RateLimit-Remaining": "189",
            "X-HubSpot-RateLimit-Interval-Milliseconds": "5000",
        },
        sent_at=1_000.0,
    )

    assert (limiter.window.limit, limiter.window.seconds) == (190, 5.0)


def test_burst_headers_do_not_change_the_search_limit(clock: FakeClock) -> None:
    rate_limiter = RateLimiter(RateLimitSettings(search=5), clock)

    rate_limiter.update_from_headers(
        Budget.SEARCH, {"X-HubSpot-RateLimit-Max": "190", "X-HubSpot-RateLimit-Remaining": "189"}, sent_at=1_000.0
    )

    assert (rate_limiter.limiter(Budget.SEARCH).window.limit, rate_limiter.limiter(Budget.BURST).window.limit) == (5, 100)


def test_a_reserved_slot_is_used_by_the_next_request_only(clock: FakeClock) -> None:
    limiter = Limiter(SlidingWindow(limit=2, seconds=10), clock)

    with limiter.reserve():
        clock.time += 3
        first = limiter.acquire()
    limiter.release(first)
    second = limiter.acquire()

    assert (first, second) == (1_003.0, 1_003.0)
    assert limiter.is_used_up


def test_an_unused_reserved_slot_is_released(clock: FakeClock) -> None:
    limiter = Limiter(SlidingWindow(limit=1, seconds=10), clock)

    with limiter.reserve():
        assert limiter.is_used_up

    assert limiter.acquire() == 1_000.0


def test_direct_calls_go_first_and_low_priority_slots_last() -> None:
    clock, served = BlockingClock(), []
    limiter = Limiter(SlidingWindow(limit=1, seconds=1), clock)
    limiter.acquire()

    def call_directly() -> None:
        limiter.acquire()
        served.append("direct")
        limiter.release()

    def call_reserved() -> None:
        with limiter.reserve():
            served.append("reserved")
            limiter.acquire()
        limiter.release()

    def call_low_priority() -> None:
        with limiter.reserve_low_priority():
            served.append("low priority")
            limiter.acquire()
        limiter.release()

    arrivals = (call_low_priority, call_reserved, call_low_priority, call_reserved, call_directly)
    threads = [clock.start_blocked(call) for call in arrivals]
    limiter.release()
    join_all(threads)

    assert served == ["direct", "reserved", "reserved", "low priority", "low priority"]


def test_the_limiter_reports_whether_the_next_call_must_wait(clock: FakeClock) -> None:
    limiter = Limiter(SlidingWindow(limit=2, seconds=10), clock)
    used_up = []

    for _ in range(2):
        used_up.append(limiter.is_used_up)
        limiter.acquire()
        limiter.release()
    used_up.append(limiter.is_used_up)
    clock.time += 11

    assert [*used_up, limiter.is_used_up] == [False, False, True, False]


def test_the_reserve_is_closed_to_low_priority_slots_only(clock: FakeClock) -> None:
    limiter = Limiter(SlidingWindow(limit=10, seconds=10), clock)

    def call_low_priority() -> float:
        with limiter.reserve_low_priority():
            sent_at = limiter.acquire()
        limiter.release()
        return sent_at

    limiter.set_reserve(0.2)
    sent_at = [call_low_priority() for _ in range(8)]
    with limiter.reserve():
        sent_at.append(limiter.acquire())
    limiter.release()
    sent_at.append(limiter.acquire())
    limiter.release()

    assert sent_at == [1_000.0] * 10
    assert call_low_priority() >= 1_010


def test_the_reserve_never_blocks_low_priority_slots_permanently(clock: FakeClock) -> None:
    limiter = Limiter(SlidingWindow(limit=10, seconds=10), clock)
    limiter.set_reserve(1.0)

    with limiter.reserve_low_priority():
        assert limiter.acquire() == 1_000.0
