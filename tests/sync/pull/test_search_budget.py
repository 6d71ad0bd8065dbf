"""Two runs soon after each other, each a program of its own, keep to one budget of searches."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sync_worker.hubspot.client import HubSpot, connect
from sync_worker.hubspot.rest.clock import Clock
from sync_worker.hubspot.rest.rate_limiter import Budget
from sync_worker.store.database import Store, open_store
from sync_worker.sync.pull import search_budget
from sync_worker.timestamps import from_ms, to_ms
from tests.harness import Harness


@dataclass
class FrozenClock(Clock):
    """A clock that stands still; a new program may begin to count at another moment."""

    wall: int = 1_000_000
    offset: float = 50.0

    def __post_init__(self) -> None:
        super().__init__()

    def monotonic(self) -> float:
        return self.offset + self.wall / 1000

    def now(self) -> Any:
        return from_ms(self.wall)


@pytest.fixture
def store(tmp_path: Path) -> Any:
    store = open_store(f"sqlite:///{tmp_path}/state.db")
    yield store
    store.close()


def make_client(clock: Clock, token: str = "pat-x") -> HubSpot:  # noqa: S107 -- nobody's
    return connect(token=token, base_url="http://127.0.0.1:1", clock=clock)


def search_at_ages(clock: FrozenClock, *ages_ms: int, token: str = "pat-x") -> HubSpot:  # noqa: S107 -- nobody's
    found = make_client(clock, token)
    lane, now = found.transport.rate_limiter.limiter(Budget.SEARCH), clock.wall
    for age in ages_ms:
        clock.wall = now - age
        lane.acquire()
        lane.release()
    clock.wall = now
    return found


def search_ages_ms(found: HubSpot) -> list[int]:
    return [round(1000 * age) for age in found.transport.rate_limiter.limiter(Budget.SEARCH).snapshot()]


def test_searches_of_a_run_within_the_second_count_in_the_next_run(store: Store) -> None:
    clock = FrozenClock()
    search_budget.remember(store, search_at_ages(clock, 1_500, 800, 100))

    later = FrozenClock(wall=clock.wall + 150, offset=7.0)
    next_ = make_client(later)
    search_budget.recall(store, next_)

    assert search_ages_ms(next_) == [950, 250]


def test_what_is_past_does_not_count(store: Store) -> None:
    clock = FrozenClock()
    search_budget.remember(store, search_at_ages(clock, 800, 100))
    for wall in (clock.wall + 5_000, clock.wall - 500):  # the second: a clock that was put back
        next_ = make_client(FrozenClock(wall=wall))
        search_budget.recall(store, next_)
        assert all(age >= 0 for age in search_ages_ms(next_))
        assert len(search_ages_ms(next_)) <= 1


def test_searches_of_another_token_do_not_count(store: Store) -> None:
    search_budget.remember(store, search_at_ages(FrozenClock(), 100))
    next_ = make_client(FrozenClock(), token="pat-another")
    search_budget.recall(store, next_)
    assert search_ages_ms(next_) == []


def test_searches_of_the_same_connection_count_once(store: Store) -> None:
    clock = FrozenClock()
    found = search_at_ages(clock, 800, 100)
    search_budget.remember(store, found)
    search_budget.recall(store, found)
    assert search_ages_ms(found) == [800, 100]


def test_a_run_saves_its_searches(harness: Harness) -> None:
    harness.backfill()
    asked_by_now = to_ms(Clock().now())
    store = open_store(harness.state_url)
    with harness.worker() as worker:
        search_budget.recall(store, worker.hubspot)
        found = search_ages_ms(worker.hubspot)
    store.close()
    assert len(found) >= 1 or to_ms(Clock().now()) > asked_by_now + 900
