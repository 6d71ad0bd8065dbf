"""The window against a server that rejects calls: at any latency, little throughput is lost and few calls are rejected."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

from hypothesis import given, settings
from hypothesis import strategies as st

from sync_worker.hubspot.rest.sliding_window import MIN_MARGIN_SECONDS, SlidingWindow
from tests.hubspot.fakes import make_random


@dataclass
class RemoteWindow:
    """The server's window. It counts a request on arrival and rejects it if the window is full."""

    limit: int
    seconds: float
    counted: deque[float] = field(default_factory=deque)

    def rejects(self, moment: float) -> bool:
        while self.counted and self.counted[0] <= moment - self.seconds:
            self.counted.popleft()
        if len(self.counted) >= self.limit:
            return True
        self.counted.append(moment)
        return False


@dataclass
class Result:
    seconds: float
    rejected: int


def simulate(window: SlidingWindow, request_count: int, latencies_of_request: Callable[[], tuple[float, float]], in_flight: int) -> Result:
    """Send until `request_count` requests were accepted. `latencies_of_request` returns the seconds before and after the server counts."""
    server = RemoteWindow(window.limit, window.seconds)
    events: list[tuple[float, str, float, bool]] = []  # time, kind, time of sending, rejected
    now, done, open_calls, rejected, last = 0.0, 0, 0, 0, 0.0
    latencies_back: dict[float, float] = {}
    while done < request_count:
        delay = window.delay(now) if open_calls < in_flight and done + open_calls < request_count else None
        if delay == 0:
            window.acquire(now)
            to_server, back = latencies_of_request()
            latencies_back[now] = back
            heapq.heappush(events, (now + to_server, "counted", now, False))
            open_calls += 1
            now += 1e-6
            continue
        if events and (delay is None or events[0][0] <= now + delay):
            now, kind, sent_at, is_rejected = heapq.heappop(events)
            if kind == "counted":
                heapq.heappush(events, (now + latencies_back.pop(sent_at), "replied", sent_at, server.rejects(now)))
                continue
            open_calls -= 1
            window.release(now, sent_at=sent_at)
            if is_rejected:
                rejected += 1
                window.on_429(sent_at=sent_at, now=now)
            else:
                done, last = done + 1, now
                window.on_success(sent_at=sent_at)
        else:
            assert delay is not None
            now += delay
    return Result(last, rejected)


latencies = st.floats(0.02, 2)


@given(latency=latencies, share=st.floats(0, 1), jitter=st.floats(0, 0.5), seed=st.integers(0, 10**6))
@settings(max_examples=60, deadline=None)
def test_with_constant_latency_under_one_percent_is_rejected(latency: float, share: float, jitter: float, seed: int) -> None:
    random, number = make_random(seed), 400

    def draw_latencies() -> tuple[float, float]:
        spread = latency * jitter
        return latency * share + random.uniform(0, spread), latency * (1 - share) + random.uniform(0, spread)

    result = simulate(SlidingWindow(limit=20, seconds=1), number, draw_latencies, in_flight=100)

    assert result.rejected <= number / 100


@given(latency=latencies, seed=st.integers(0, 10**6))
@settings(max_examples=40, deadline=None)
def test_the_margin_adapts_to_a_server_that_counts_at_any_moment(latency: float, seed: int) -> None:
    random, number = make_random(seed), 2_000

    def draw_latencies() -> tuple[float, float]:
        share = random.random()
        return latency * share, latency * (1 - share)

    result = simulate(SlidingWindow(limit=5, seconds=1), number, draw_latencies, in_flight=20)

    assert result.rejected <= number / 100


@given(latency=latencies, share=st.floats(0, 1))
@settings(max_examples=40, deadline=None)
def test_latency_costs_throughput_in_the_first_window_only(latency: float, share: float) -> None:
    windows = 30
    result = simulate(SlidingWindow(limit=5, seconds=1), 5 * windows, lambda: (latency * share, latency * (1 - share)), in_flight=100)

    assert result.seconds <= (1.01 + MIN_MARGIN_SECONDS) * (windows - 1) + 2 * latency
    assert result.rejected == 0


@given(latency=latencies, late=st.floats(0.05, 0.9), late_call=st.integers(10, 90))
@settings(max_examples=40, deadline=None)
def test_one_late_count_slows_the_worker_for_a_moment_only(latency: float, late: float, late_call: int) -> None:
    windows, sent = 60, count()

    def draw_latencies() -> tuple[float, float]:
        # The latency is as usual, but the call is counted later: only the 429s show it.
        to_server = latency / 2 * (1 + late * (next(sent) == late_call))
        return to_server, latency - to_server

    result = simulate(SlidingWindow(limit=5, seconds=1), 5 * windows, draw_latencies, in_flight=100)

    assert result.rejected <= 5
    assert result.seconds <= (1.01 + 4 * MIN_MARGIN_SECONDS) * (windows - 1) + 2 * latency + (4 + latency if result.rejected else 0)
