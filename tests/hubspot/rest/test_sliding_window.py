from __future__ import annotations

import heapq
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from sync_worker.hubspot.rest.sliding_window import SlidingWindow

LIMIT, SECONDS = 5, 10.0


@dataclass
class Simulation:
    """Senders, a network of changing latency, and a server that counts each request between sending and reply."""

    window: SlidingWindow
    in_flight: int
    headers: bool = False
    now: float = 0.0
    counted: list[float] = field(default_factory=list)
    sent: list[float] = field(default_factory=list)
    replies: list[tuple[float, float, float]] = field(default_factory=list)  # reply, sending, count

    def run(self, requests: list[tuple[float, float]]) -> None:
        """Send requests, each with its latency and the share of it after which the server counts."""
        for latency, share in requests:
            self._wait()
            self.window.acquire()
            self.sent.append(self.now)
            moment = self.now + share * latency
            self.counted.append(moment)
            heapq.heappush(self.replies, (self.now + latency, self.now, moment))

    def _wait(self) -> None:
        while True:
            self._receive()
            delay = self.window.delay(self.now)
            if delay == 0 and len(self.replies) < self.in_flight:
                return
            later = [self.replies[0][0]] if self.replies else []
            later += [self.now + delay] if delay else []
            self.now = min(later)  # fails if nothing can end the wait

    def _receive(self) -> None:
        while self.replies and self.replies[0][0] <= self.now:
            replied, sent, counted = heapq.heappop(self.replies)
            self.window.release(replied)
            self.window.on_success(sent_at=sent)
            if self.headers:
                remaining = self.window.limit - self.count_in_window(counted)
                self.window.update_limits(limit=None, seconds=None, remaining=remaining, sent_at=sent, now=replied)

    def count_in_window(self, moment: float) -> int:
        """Return the requests in the rolling window that ends at a moment, both ends included."""
        ordered = sorted(self.counted)
        return bisect_right(ordered, moment) - bisect_left(ordered, moment - SECONDS)


requests_of_any_latency = st.lists(st.tuples(st.floats(0.001, 30), st.floats(0, 1)), min_size=1, max_size=60)


@given(requests=requests_of_any_latency, in_flight=st.integers(1, 12))
@settings(max_examples=150, deadline=None)
def test_no_window_of_the_server_exceeds_its_limit(requests: list[tuple[float, float]], in_flight: int) -> None:
    simulation = Simulation(SlidingWindow(limit=LIMIT, seconds=SECONDS), in_flight)

    simulation.run(requests)

    assert max(simulation.count_in_window(moment) for moment in simulation.counted) <= LIMIT


@given(requests=requests_of_any_latency, in_flight=st.integers(1, 12))
@settings(max_examples=100, deadline=None)
def test_headers_of_an_unshared_window_do_not_slow_the_worker(requests: list[tuple[float, float]], in_flight: int) -> None:
    without_headers = Simulation(SlidingWindow(limit=LIMIT, seconds=SECONDS), in_flight)
    with_headers = Simulation(SlidingWindow(limit=LIMIT, seconds=SECONDS), in_flight, headers=True)

    without_headers.run(requests)
    with_headers.run(requests)

    assert with_headers.sent == without_headers.sent


@given(latency=st.floats(0.001, 2), number=st.integers(1, 60))
@settings(max_examples=50, deadline=None)
def test_the_whole_limit_is_used(latency: float, number: int) -> None:
    simulation = Simulation(SlidingWindow(limit=LIMIT, seconds=SECONDS), in_flight=100)

    simulation.run([(latency, 0.5)] * number)

    full_windows = (number - 1) // LIMIT
    assert simulation.sent[-1] <= full_windows * (1.011 * SECONDS + latency)


def test_the_reserve_is_not_used() -> None:
    window = SlidingWindow(limit=100, seconds=10, reserve=0.25)

    for _ in range(75):
        assert window.delay(0) == 0
        window.acquire()

    assert window.delay(0) is None


def test_the_limit_of_the_headers_is_used() -> None:
    window = SlidingWindow(limit=1, seconds=10)
    window.acquire()
    window.release(0.1)
    assert window.delay(0.1) != 0

    window.update_limits(limit=190, seconds=10, remaining=189, sent_at=0, now=0.1)

    assert window.delay(0.1) == 0
    assert window.capacity == 190


def test_slots_used_by_other_apps_are_not_used() -> None:
    window = SlidingWindow(limit=100, seconds=10)
    window.acquire()
    window.release(0.1)
    window.update_limits(limit=100, seconds=10, remaining=40, sent_at=0, now=0.1)  # 59 by other apps

    sent = 0
    while window.delay(0.2) == 0:
        window.acquire()
        sent += 1

    assert sent == 40


def test_slots_used_by_other_apps_are_free_one_window_later() -> None:
    window = SlidingWindow(limit=10, seconds=10)
    window.acquire()
    window.release(0.1)
    window.update_limits(limit=10, seconds=10, remaining=0, sent_at=0, now=0.1)
    delay = window.delay(0.1)

    assert delay is not None
    assert 9.9 < delay <= 10.1
    assert window.delay(0.1 + delay) == 0


def test_a_429_pauses_all_requests_and_then_releases_one() -> None:
    window = SlidingWindow(limit=10, seconds=10)
    window.acquire()
    window.release(1.0)
    window.on_429(sent_at=0.5, now=1.0)

    assert window.delay(5.0) == 6.0
    assert window.delay(11.1) == 0
    window.acquire()
    assert window.delay(11.1) is None  # all other calls wait for its reply

    window.release(11.2)
    window.on_success(sent_at=11.1)
    assert window.delay(11.2) == 0


def test_each_429_in_a_row_pauses_longer() -> None:
    window = SlidingWindow(limit=10, seconds=10)

    pauses = [window.on_429(sent_at=now, now=now) for now in (0.0, 20.0, 60.0)]

    assert pauses == [10.0, 20.0, 30.0]


def test_429s_of_calls_in_flight_together_count_once() -> None:
    window = SlidingWindow(limit=10, seconds=1)

    pauses = [window.on_429(sent_at=0.0, now=0.1) for _ in range(8)]

    assert pauses == [1.0] * 8


def test_retry_after_sets_the_pause() -> None:
    assert SlidingWindow(limit=10, seconds=10).on_429(sent_at=0, now=0, retry_after=3) == 3


def test_a_reply_to_an_older_call_does_not_end_the_caution() -> None:
    window = SlidingWindow(limit=10, seconds=10)
    window.on_429(sent_at=0.0, now=1.0)
    window.acquire()

    window.on_success(sent_at=0.5)

    assert window.delay(12.0) is None


@given(others=st.integers(1, 30), latency=st.floats(0.01, 0.2))
@settings(max_examples=25, deadline=None)
def test_the_worker_uses_the_remaining_slots_with_few_429s(others: int, latency: float) -> None:
    limit, seconds, until = 40, 10.0, 200.0
    window = SlidingWindow(limit=limit, seconds=seconds)
    other_apps = [seconds * each / others for each in range(-others, int(until / seconds + 2) * others)]
    own: list[float] = []
    rejected, now = 0, 0.0
    while now < until:
        delay = window.delay(now)
        assert delay is not None
        now += delay
        if delay:
            continue
        window.acquire()
        sent, now = now, now + latency
        used = sum(bisect_right(moments, sent) - bisect_right(moments, sent - seconds) for moments in (own, other_apps))
        window.release(now)
        window.update_limits(limit=limit, seconds=seconds, remaining=max(0, limit - 1 - used), sent_at=sent, now=now)
        if used >= limit:
            rejected += 1
            window.on_429(sent_at=sent, now=now)
        else:
            own.append(sent)
            window.on_success(sent_at=sent)

    assert len(own) >= 0.8 * (limit - others) * until / seconds
    assert rejected <= 5
