"""A backfill of the wrong portal, and the share of the burst budget that is reserved for events."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sync_worker.errors import ConfigurationError
from sync_worker.hubspot.budgets import Budgets, CallBudget
from sync_worker.hubspot.client import HubSpot, connect
from sync_worker.hubspot.records.models import AccountDetails
from sync_worker.hubspot.rest.clock import Clock
from sync_worker.hubspot.rest.rate_limiter import RateLimiter, RateLimitSettings
from sync_worker.store.database import open_store
from sync_worker.store.facts.contacts import count
from sync_worker.store.saved_state import key_value
from sync_worker.sync.pull.activity.event_budget_share import (
    BACKLOG_EVENTS,
    BACKLOG_RESERVE_SHARE,
    BACKLOG_WAIT_SECONDS,
    EVENT_RESERVE_SHARE,
    EventReserve,
)
from tests.harness import Harness, start_harness


class MethodOverride:
    """A noun of HubSpot with some of its methods replaced."""

    def __init__(self, noun: Any, **methods: Callable[..., Any]) -> None:
        self._noun = noun
        vars(self).update(methods)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._noun, name)


def test_a_backfill_of_another_portal_saves_nothing(harness: Harness) -> None:
    def another(**how: Any) -> HubSpot:
        hubspot = connect(**how)
        details = hubspot.account.read_details

        def account() -> AccountDetails:
            return replace(details(), portal_id=43)

        hubspot.account.read_details = account  # type: ignore[method-assign]
        return hubspot

    harness.setup()
    harness.connect_hubspot = another

    with pytest.raises(ConfigurationError, match="belongs to portal 42, and the token opens portal 43"):
        harness.backfill()

    store = open_store(harness.state_url)
    with store.transaction() as tx:
        assert count(tx) == 0
        assert key_value.get(tx, "sweep") is None
    store.close()


class SteppedClock(Clock):
    """A clock that can be moved forward."""

    def __init__(self) -> None:
        super().__init__()
        self.offset = 0.0

    def monotonic(self) -> float:
        return self.offset

    def advance(self, seconds: float) -> None:
        self.offset += seconds


def make_burst(clock: Clock) -> CallBudget:
    return Budgets.of(RateLimiter(RateLimitSettings(burst=10, search=10), clock), clock).burst


def test_the_list_of_contacts_leaves_most_of_the_burst_to_a_backlog_of_events_while_it_uses_the_burst_up() -> None:
    clock = SteppedClock()
    burst = make_burst(clock)
    with EventReserve(burst=burst, monotonic=clock.monotonic) as reserve:
        shares = [burst.reserved_share]
        clock.advance(BACKLOG_WAIT_SECONDS + 1)
        for events, seconds in ((BACKLOG_EVENTS, 0.0), (BACKLOG_EVENTS + 1, burst.window_seconds + 1), (BACKLOG_EVENTS + 1, 0.0)):
            reserve.update(events)
            shares.append(burst.reserved_share)
            clock.advance(seconds)
    assert shares == [BACKLOG_RESERVE_SHARE, EVENT_RESERVE_SHARE, BACKLOG_RESERVE_SHARE, EVENT_RESERVE_SHARE]
    assert burst.reserved_share == 0


def test_events_are_read_with_a_reserve_that_ends_with_them(tmp_path: Path) -> None:
    shares: list[float] = []
    budgets: list[CallBudget] = []

    def connect_hubspot(**how: Any) -> HubSpot:
        hubspot = connect(**how)
        budgets.append(hubspot.budgets.burst)
        list_types = hubspot.event_occurrences.list_types

        def record_share() -> Sequence[str]:
            shares.append(budgets[0].reserved_share)
            return list_types()

        return replace(hubspot, event_occurrences=MethodOverride(hubspot.event_occurrences, list_types=record_share))

    with start_harness(tmp_path) as harness:
        harness.setup()
        budgets.clear()
        harness.connect_hubspot = connect_hubspot
        assert harness.backfill().exit_code == 0
    assert shares == [BACKLOG_RESERVE_SHARE]
    assert budgets[0].reserved_share == 0
