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
from tests.harness import World


@dataclass
class Stopped(Clock):
    """A clock that stands still; a new program may begin to count at another moment."""

    wall: int = 1_000_000
    began: float = 50.0

    def __post_init__(self) -> None:
        super().__init__()

    def monotonic(self) -> float:
        return self.began + self.wall / 1000

    def now(self) -> Any:
        return from_ms(self.wall)


@pytest.fixture
def store(tmp_path: Path) -> Any:
    store = open_store(f"sqlite:///{tmp_path}/state.db")
    yield store
    store.close()


def hubspot(clock: Clock, token: str = "pat-x") -> HubSpot:  # noqa: S107 -- nobody's
    return connect(token=token, base_url="http://127.0.0.1:1", clock=clock)


def asked(clock: Stopped, *ages_ms: int, token: str = "pat-x") -> HubSpot:  # noqa: S107 -- nobody's
    found = hubspot(clock, token)
    lane, now = found.transport.rate_limiter.limiter(Budget.SEARCH), clock.wall
    for age in ages_ms:
        clock.wall = now - age
        lane.acquire()
        lane.release()
    clock.wall = now
    return found


def held(found: HubSpot) -> list[int]:
    return [round(1000 * age) for age in found.transport.rate_limiter.limiter(Budget.SEARCH).snapshot()]


def test_what_a_run_asked_within_the_second_fills_the_window_of_the_next(store: Store) -> None:
    clock = Stopped()
    search_budget.remember(store, asked(clock, 1_500, 800, 100))

    later = Stopped(wall=clock.wall + 150, began=7.0)
    next_ = hubspot(later)
    search_budget.recall(store, next_)

    assert held(next_) == [950, 250]


def test_what_is_past_does_not_count(store: Store) -> None:
    clock = Stopped()
    search_budget.remember(store, asked(clock, 800, 100))
    for wall in (clock.wall + 5_000, clock.wall - 500):  # the second: a clock that was put back
        next_ = hubspot(Stopped(wall=wall))
        search_budget.recall(store, next_)
        assert all(age >= 0 for age in held(next_))
        assert len(held(next_)) <= 1


def test_what_another_token_asked_does_not_count(store: Store) -> None:
    search_budget.remember(store, asked(Stopped(), 100))
    next_ = hubspot(Stopped(), token="pat-another")
    search_budget.recall(store, next_)
    assert held(next_) == []


def test_what_the_same_connection_asked_counts_once(store: Store) -> None:
    clock = Stopped()
    found = asked(clock, 800, 100)
    search_budget.remember(store, found)
    search_budget.recall(store, found)
    assert held(found) == [800, 100]


def test_a_run_remembers_what_it_asked(world: World) -> None:
    world.backfill()
    asked_by_now = to_ms(Clock().now())
    store = open_store(world.state_url)
    with world.worker() as worker:
        search_budget.recall(store, worker.hubspot)
        found = held(worker.hubspot)
    store.close()
    assert len(found) >= 1 or to_ms(Clock().now()) > asked_by_now + 900
