"""A reading of everybody begins by what was seen last, while HubSpot says which portal this is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from sync_worker.errors import ConfigurationError
from sync_worker.hubspot.client import HubSpot, connect
from sync_worker.hubspot.records.models import AccountDetails
from sync_worker.hubspot.rest.clock import Clock
from sync_worker.hubspot.rest.rate_limiter import Budget
from sync_worker.sandbox.base.portal_data import PortalData, Row
from sync_worker.store import key_value
from sync_worker.store.contacts import count
from sync_worker.store.database import open_store
from sync_worker.sync.pull import scan_hints
from sync_worker.sync.pull.pull import BACKLOG_RESERVE_SHARE, EVENT_RESERVE_SHARE
from tests.harness import DAY, NOW_MS, Harness, make_click, make_page_view, small_portal, start_harness


@dataclass
class OrderCheckingHubSpot:
    """HubSpot, whose account says which portal it is when contacts have been asked for, and never before."""

    portal_id: int | None = None

    def connect_hubspot(self, **how: Any) -> HubSpot:
        hubspot, asked = connect(**how), Event()
        details, page = hubspot.account.read_details, hubspot.contacts.list_from_id

        def list_contacts(*args: Any, **more: Any) -> Any:
            asked.set()
            return page(*args, **more)

        def account() -> AccountDetails:
            assert asked.wait(20)
            found = details()
            return replace(found, portal_id=self.portal_id or found.portal_id)

        changed: dict[str, Any] = {
            "account": MethodOverride(hubspot.account, read_details=account),
            "contacts": MethodOverride(hubspot.contacts, list_from_id=list_contacts),
        }
        return replace(hubspot, **changed)


class MethodOverride:
    """A noun, some of whose methods are others."""

    def __init__(self, noun: Any, **methods: Callable[..., Any]) -> None:
        self._noun = noun
        vars(self).update(methods)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._noun, name)


def test_after_setup_the_first_contacts_are_requested_in_parallel_with_the_portal(harness: Harness) -> None:
    harness.setup()
    harness.connect_hubspot = OrderCheckingHubSpot().connect_hubspot

    assert harness.backfill().exit_code == 0
    assert harness.score(1) > 0


def test_nothing_is_kept_of_a_portal_that_turns_out_to_be_another(harness: Harness) -> None:
    harness.setup()
    harness.connect_hubspot = OrderCheckingHubSpot(portal_id=43).connect_hubspot

    with pytest.raises(ConfigurationError, match="belongs to portal 42, and the token opens portal 43"):
        harness.backfill()

    store = open_store(harness.state_url)
    with store.transaction() as tx:
        assert count(tx) == 0
        assert key_value.get(tx, "sweep") is None
    store.close()


MANY_VIEWS = [make_page_view(number, 1, NOW_MS - DAY - number) for number in range(101)]  # a page and one


def has_event_backlog(harness: Harness) -> bool:
    with harness.worker() as worker:
        expected = scan_hints.remembered(worker.store, worker.hubspot, harness.clock())
    assert expected is not None
    return expected.eventful


@pytest.mark.parametrize(
    ("portal", "expected"),
    [
        (small_portal(events=MANY_VIEWS), True),
        (small_portal(events=[], email_events=[make_click(n, "p1@example.com", NOW_MS - DAY - n) for n in range(1_001)]), True),
        (small_portal(events=[], email_events=[]), False),
        (small_portal(), False),
        (small_portal(tier="starter", events=MANY_VIEWS), False),
    ],
    ids=["views", "clicks", "nothing", "a page of each", "nothing that can be seen"],
)
def test_setup_detects_an_event_backlog(tmp_path: Path, portal: PortalData, *, expected: bool) -> None:
    with start_harness(tmp_path, portal) as harness:
        harness.setup()
        assert has_event_backlog(harness) is expected


def test_what_has_been_read_is_not_expected_again(tmp_path: Path) -> None:
    with start_harness(tmp_path, small_portal(events=MANY_VIEWS)) as harness:
        harness.setup()
        harness.backfill()
        after_reading = has_event_backlog(harness)
        harness.setup()

        assert (after_reading, has_event_backlog(harness)) == (False, False)


@pytest.mark.parametrize(
    ("events", "share"), [(MANY_VIEWS, BACKLOG_RESERVE_SHARE), ([], EVENT_RESERVE_SHARE)], ids=["much happened", "nothing happened"]
)
def test_contacts_leave_the_burst_budget_to_a_large_event_backlog(tmp_path: Path, events: list[Row], share: float) -> None:
    with start_harness(tmp_path, small_portal(events=events)) as harness:
        harness.setup()
        with harness.worker() as worker, worker._start_run("backfill", dry_run=True) as parts:
            run, lane = parts.build_run(), parts.hubspot.transport.rate_limiter.limiter(Budget.BURST)
            during = lane._spared
            run.full()

    assert (during, lane._spared) == (share, 0)


class SlowClock(Clock):
    """A machine on which some things take long."""

    def __init__(self) -> None:
        super().__init__()
        self.late = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.late


def test_what_does_not_use_the_burst_up_does_not_keep_it(tmp_path: Path) -> None:
    clock, given_up = SlowClock(), Event()

    def reach(**how: Any) -> HubSpot:
        hubspot = connect(**how, clock=clock)
        lane, page = hubspot.transport.rate_limiter.limiter(Budget.BURST), hubspot.event_occurrences.read_page

        def slowly(*args: Any, **more: Any) -> Any:
            clock.late += 11
            for _ in range(500):
                if lane._spared == EVENT_RESERVE_SHARE:
                    given_up.set()
                    break
                Event().wait(0.01)
            return page(*args, **more)

        return replace(hubspot, event_occurrences=MethodOverride(hubspot.event_occurrences, read_page=slowly))

    with start_harness(tmp_path, small_portal(events=MANY_VIEWS)) as harness:
        harness.setup()
        harness.connect_hubspot = reach
        assert harness.backfill().exit_code == 0
    assert given_up.is_set()
