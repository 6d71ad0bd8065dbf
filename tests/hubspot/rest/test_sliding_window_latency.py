"""The window against a server that refuses: whatever the latency, hardly anything is lost and hardly anything refused."""

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
    """Counts a request when it has gone the first leg of its way, and refuses it where its window is full."""

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
    """Send until so many requests were let in; `legs` are the seconds before and after the server counts."""
    server = RemoteWindow(window.limit, window.seconds)
    ways: list[tuple[float, str, float, bool]] = []  # when, what, sent when, refused
    now, done, on_the_line, refused, last = 0.0, 0, 0, 0, 0.0
    backs: dict[float, float] = {}
    while done < request_count:
        delay = window.delay(now) if on_the_line < in_flight and done + on_the_line < request_count else None
        if delay == 0:
            window.acquire(now)
            there, back = latencies_of_request()
            backs[now] = back
            heapq.heappush(ways, (now + there, "counted", now, False))
            on_the_line += 1
            now += 1e-6
            continue
        if ways and (delay is None or ways[0][0] <= now + delay):
            now, what, sent, no = heapq.heappop(ways)
            if what == "counted":
                heapq.heappush(ways, (now + backs.pop(sent), "replied", sent, server.rejects(now)))
                continue
            on_the_line -= 1
            window.release(now, sent_at=sent)
            if no:
                refused += 1
                window.on_429(sent_at=sent, now=now)
            else:
                done, last = done + 1, now
                window.on_success(sent_at=sent)
        else:
            assert delay is not None
            now += delay
    return Result(last, refused)


latencies = st.floats(0.02, 2)


@given(latency=latencies, share=st.floats(0, 1), jitter=st.floats(0, 0.5), seed=st.integers(0, 10**6))
@settings(max_examples=60, deadline=None)
def test_with_constant_latency_under_one_percent_is_rejected(latency: float, share: float, jitter: float, seed: int) -> None:
    random, number = make_random(seed), 400

    def legs() -> tuple[float, float]:
        late = latency * jitter
        return latency * share + random.uniform(0, late), latency * (1 - share) + random.uniform(0, late)

    result = simulate(SlidingWindow(limit=20, seconds=1), number, legs, in_flight=100)

    assert result.rejected <= number / 100


@given(latency=latencies, seed=st.integers(0, 10**6))
@settings(max_examples=40, deadline=None)
def test_the_margin_adapts_to_a_server_that_counts_at_any_moment(latency: float, seed: int) -> None:
    random, number = make_random(seed), 2_000

    def legs() -> tuple[float, float]:
        share = random.random()
        return latency * share, latency * (1 - share)

    result = simulate(SlidingWindow(limit=5, seconds=1), number, legs, in_flight=20)

    assert result.rejected <= number / 100


@given(latency=latencies, share=st.floats(0, 1))
@settings(max_examples=40, deadline=None)
def test_latency_costs_its_first_window_and_no_more(latency: float, share: float) -> None:
    windows = 30
    result = simulate(SlidingWindow(limit=5, seconds=1), 5 * windows, lambda: (latency * share, latency * (1 - share)), in_flight=100)

    assert result.seconds <= (1.01 + MIN_MARGIN_SECONDS) * (windows - 1) + 2 * latency
    assert result.rejected == 0


@given(latency=latencies, late=st.floats(0.05, 0.9), place=st.integers(10, 90))
@settings(max_examples=40, deadline=None)
def test_one_late_count_slows_only_a_moment(latency: float, late: float, place: int) -> None:
    windows, sent = 60, count()

    def legs() -> tuple[float, float]:
        # As quick as ever, but counted later than the others: that can be seen from the refusals alone.
        there = latency / 2 * (1 + late * (next(sent) == place))
        return there, latency - there

    result = simulate(SlidingWindow(limit=5, seconds=1), 5 * windows, legs, in_flight=100)

    assert result.rejected <= 5
    assert result.seconds <= (1.01 + 4 * MIN_MARGIN_SECONDS) * (windows - 1) + 2 * latency + (4 + latency if result.rejected else 0)
