from __future__ import annotations

import threading

import pytest

from sync_worker.hubspot.rest.clock import Clock, ConnectionClosed
from sync_worker.hubspot.rest.rate_limiter import Budget, Limiter, RateLimiter, RateLimitSettings
from sync_worker.hubspot.rest.sliding_window import SlidingWindow
from tests.hubspot.fakes import FakeClock, run_in_threads


class BlockingClock(FakeClock):
    """Hand-wound, but a waiter who depends on others really waits for them."""

    def wait(self, condition: threading.Condition, seconds: float | None) -> None:
        if seconds is None:
            Clock.wait(self, condition, 20)
        else:
            super().wait(condition, seconds)


def test_a_full_window_makes_the_next_one_wait(clock: FakeClock) -> None:
    lane = Limiter(SlidingWindow(limit=2, seconds=10), clock)
    for _ in range(2):
        lane.acquire()
        lane.release()

    taken = lane.acquire()

    assert 1_010 <= taken < 1_010.2


def test_budgets_do_not_wait_for_each_other(clock: FakeClock) -> None:
    throttle = RateLimiter(RateLimitSettings(burst=1, search=1, associations=1), clock)

    taken = [throttle.limiter(budget).acquire() for budget in Budget]

    assert taken == [1_000.0] * 3


def test_threads_are_served_in_order_of_arrival() -> None:
    clock, served = BlockingClock(), []
    lane = Limiter(SlidingWindow(limit=1, seconds=1), clock)
    lane.acquire()

    def queue_up(number: int) -> None:
        lane.acquire()
        served.append(number)
        lane.release()

    threads = []
    for number in range(5):
        threads.append(threading.Thread(target=queue_up, args=(number,)))
        threads[-1].start()
        while len(lane._queue) <= number:
            pass
    lane.release()
    for thread in threads:
        thread.join(timeout=20)

    assert served == [0, 1, 2, 3, 4]


def test_many_threads_never_hold_more_than_the_limit() -> None:
    clock, lock, holding, most = BlockingClock(), threading.Lock(), 0, 0
    lane = Limiter(SlidingWindow(limit=3, seconds=1), clock)

    def work(_: int) -> None:
        nonlocal holding, most
        for _ in range(10):
            lane.acquire()
            with lock:
                holding += 1
                most = max(most, holding)
            with lock:
                holding -= 1
            lane.release()

    run_in_threads(8, work)

    assert most <= 3
    assert not lane._queue


def test_waiting_threads_wake_when_the_connection_closes() -> None:
    clock = BlockingClock()
    throttle = RateLimiter(RateLimitSettings(burst=1), clock)
    lane = throttle.limiter(Budget.BURST)
    lane.acquire()
    ends: list[type[BaseException]] = []

    def queue_up(_: int) -> None:
        try:
            lane.acquire()
        except ConnectionClosed as end:
            ends.append(type(end))

    threads = [threading.Thread(target=queue_up, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    while len(lane._queue) < 3:
        pass
    clock.stop()
    throttle.interrupt()
    for thread in threads:
        thread.join(timeout=20)

    assert ends == [ConnectionClosed] * 3


def test_no_request_starts_after_close(clock: FakeClock) -> None:
    lane = Limiter(SlidingWindow(limit=1, seconds=1), clock)
    clock.stop()

    with pytest.raises(ConnectionClosed):
        lane.acquire()


def test_headers_without_limits_change_nothing(clock: FakeClock) -> None:
    lane = Limiter(SlidingWindow(limit=5, seconds=1), clock)

    lane.update_from_headers({"Content-Type": "application/json"}, sent_at=1_000.0)

    assert lane.window.limit == 5


def test_headers_teach_limit_and_window(clock: FakeClock) -> None:
    lane = Limiter(SlidingWindow(limit=100, seconds=10), clock)

    lane.update_from_headers(
        {
            "X-HubSpot-RateLimit-Max": "190",
            "X-HubSpot-RateLimit-Remaining": "189",
            "X-HubSpot-RateLimit-Interval-Milliseconds": "5000",
        },
        sent_at=1_000.0,
    )

    assert (lane.window.limit, lane.window.seconds) == (190, 5.0)


def test_headers_of_the_burst_never_widen_the_search(clock: FakeClock) -> None:
    throttle = RateLimiter(RateLimitSettings(search=5), clock)

    throttle.update_from_headers(Budget.SEARCH, {"X-HubSpot-RateLimit-Max": "190", "X-HubSpot-RateLimit-Remaining": "189"}, sent_at=1_000.0)

    assert (throttle.limiter(Budget.SEARCH).window.limit, throttle.limiter(Budget.BURST).window.limit) == (5, 100)


def test_a_reserved_slot_is_used_by_the_next_request_only(clock: FakeClock) -> None:
    lane = Limiter(SlidingWindow(limit=2, seconds=10), clock)

    with lane.reserve():
        clock.time += 3
        first = lane.acquire()
    lane.release(first)
    second = lane.acquire()

    assert (first, second) == (1_003.0, 1_003.0)
    assert lane.window.delay(clock.time) != 0


def test_an_unused_reserved_slot_is_released(clock: FakeClock) -> None:
    lane = Limiter(SlidingWindow(limit=1, seconds=10), clock)

    with lane.reserve():
        assert lane.window.delay(clock.time) != 0

    assert lane.acquire() == 1_000.0


def test_high_priority_goes_first_and_low_priority_last() -> None:
    clock, served = BlockingClock(), []
    lane = Limiter(SlidingWindow(limit=1, seconds=1), clock)
    lane.acquire()

    def acquire_urgently() -> None:
        lane.acquire()
        served.append("pressing")
        lane.release()

    def acquire_ahead() -> None:
        with lane.reserve():
            served.append("ahead")
            lane.acquire()
        lane.release()

    def acquire_behind() -> None:
        with lane.reserve_low_priority():
            served.append("behind")
            lane.acquire()
        lane.release()

    queues = {acquire_behind: lane._behind, acquire_ahead: lane._ahead, acquire_urgently: lane._queue}
    threads = []
    for work in (acquire_behind, acquire_ahead, acquire_behind, acquire_ahead, acquire_urgently):
        queue, before = queues[work], len(queues[work])
        threads.append(threading.Thread(target=work))
        threads[-1].start()
        while len(queue) == before:
            pass
    lane.release()
    for thread in threads:
        thread.join(timeout=20)

    assert served == ["pressing", "ahead", "ahead", "behind", "behind"]


def test_the_limiter_says_whether_the_next_request_must_wait(clock: FakeClock) -> None:
    lane = Limiter(SlidingWindow(limit=2, seconds=10), clock)
    used_up = []

    for _ in range(2):
        used_up.append(lane.is_used_up)
        lane.acquire()
        lane.release()
    used_up.append(lane.is_used_up)
    clock.time += 11

    assert [*used_up, lane.is_used_up] == [False, False, True, False]


def test_the_reserve_is_open_to_all_but_low_priority_requests(clock: FakeClock) -> None:
    lane = Limiter(SlidingWindow(limit=10, seconds=10), clock)

    def behind() -> float:
        with lane.reserve_low_priority():
            taken = lane.acquire()
        lane.release()
        return taken

    lane.set_reserve(0.2)
    first = [behind() for _ in range(8)]
    with lane.reserve():
        front = [lane.acquire()]
    lane.release()
    front.append(lane.acquire())  # pressing
    lane.release()
    last = behind()

    assert [*first, *front] == [1_000.0] * 10
    assert last >= 1_010
    lane.set_reserve(1.0)  # one is left, else nobody would ever go on
    clock.time += 20
    assert behind() == clock.time
