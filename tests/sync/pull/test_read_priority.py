"""What a backfill saves of a wrong portal, and how long events keep the burst budget to themselves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from sync_worker.errors import ConfigurationError
from sync_worker.hubspot.budgets import CallBudget
from sync_worker.hubspot.client import HubSpot, connect
from sync_worker.hubspot.records.models import AccountDetails
from sync_worker.hubspot.rest.clock import Clock
from sync_worker.store import key_value
from sync_worker.store.contacts import count
from sync_worker.store.database import open_store
from sync_worker.sync.pull import full_scan
from sync_worker.sync.pull.pull import BACKLOG_RESERVE_SHARE, EVENT_RESERVE_SHARE
from tests.harness import DAY, NOW_MS, Harness, make_page_view, small_portal, start_harness

MANY_PAGE_VIEWS = [make_page_view(number, 1, NOW_MS - DAY - number) for number in range(101)]  # one more than a page


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


class SlowClock(Clock):
    """A clock that can be moved forward."""

    def __init__(self) -> None:
        super().__init__()
        self.late = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.late


def test_events_that_do_not_use_the_burst_up_do_not_keep_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(full_scan, "MIN_CONTACTS_FOR_SEARCH", 0)
    clock, given_up = SlowClock(), Event()
    held: list[float] = []
    limiters: list[CallBudget] = []

    def connect_hubspot(**how: Any) -> HubSpot:
        hubspot = connect(**how, clock=clock)
        limiter, page = hubspot.budgets.burst, hubspot.event_occurrences.read_page
        limiters.append(limiter)

        def slowly(*args: Any, **more: Any) -> Any:
            held.append(limiter.reserved_share)
            clock.late += 11
            for _ in range(500):
                if limiter.reserved_share == EVENT_RESERVE_SHARE:
                    given_up.set()
                    break
                Event().wait(0.01)
            return page(*args, **more)

        return replace(hubspot, event_occurrences=MethodOverride(hubspot.event_occurrences, read_page=slowly))

    with start_harness(tmp_path, small_portal(events=MANY_PAGE_VIEWS)) as harness:
        harness.setup()
        harness.connect_hubspot = connect_hubspot
        assert harness.backfill().exit_code == 0
        assert limiters[0].reserved_share == 0
    assert held[0] == BACKLOG_RESERVE_SHARE
    assert given_up.is_set()
