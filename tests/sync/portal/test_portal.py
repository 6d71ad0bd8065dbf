from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from types import SimpleNamespace
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_worker.errors import ConfigurationError, Forbidden
from sync_worker.hubspot.client import HubSpot
from sync_worker.hubspot.records.models import AccountDetails, ContactList, PropertyDefinition, PropertyOption
from sync_worker.hubspot.rest.clock import Clock
from sync_worker.hubspot.rest.daily_quota import DailyQuota
from sync_worker.store import differences
from sync_worker.store.database import Store
from sync_worker.sync.portal import portal
from sync_worker.sync.portal.crm_schema import CrmSchema
from sync_worker.sync.portal.portal import PortalInfo
from tests.store.database_factories import a_store
from tests.sync.model_factories import outputs_of

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
STAGES = PropertyDefinition(
    name="lifecyclestage",
    label="Stage",
    type="enumeration",
    field_type="radio",
    group="g",
    options=(PropertyOption(value="lead", label="Lead", order=2), PropertyOption(value="subscriber", label="Subscriber", order=1)),
)


@dataclass
class OtherSide:
    """HubSpot, as far as a run asks about the portal."""

    portal_id: int = 42
    shows: bool = True
    lists: dict[str, str] = field(default_factory=dict)
    without: frozenset[str] = frozenset()
    identity: str = "token-1"
    asked: int = 0
    quota: DailyQuota = field(default_factory=lambda: DailyQuota(Clock()))

    def hubspot(self) -> HubSpot:
        parts: dict[str, Any] = {
            "identity": self.identity,
            "properties": SimpleNamespace(all=self.properties),
            "account": SimpleNamespace(
                details=lambda: AccountDetails(portal_id=self.portal_id, time_zone="Europe/Berlin", account_type="STANDARD")
            ),
            "occurrences": SimpleNamespace(available=lambda: self.shows),
            "lists": SimpleNamespace(find=self.find),
            "transport": SimpleNamespace(throttle=SimpleNamespace(quota=self.quota)),
        }
        return cast("HubSpot", SimpleNamespace(**parts))

    def properties(self, _kind: str) -> dict[str, PropertyDefinition]:
        self.asked += 1
        ours = {each.name: each for prefix in ("lead", "fit") for each in outputs_of(prefix=prefix).properties}
        return {name: each for name, each in {**ours, "lifecyclestage": STAGES}.items() if name not in self.without}

    def find(self, name: str) -> ContactList | None:
        self.asked += 1
        return ContactList(id=self.lists[name], name=name, processing_type="MANUAL") if name in self.lists else None


@pytest.fixture(scope="module")
def outputs() -> CrmSchema:
    return outputs_of()


@pytest.fixture
def store() -> Iterator[Store]:
    with a_store() as store:
        yield store


def known(store: Store, other: OtherSide, outputs: CrmSchema, now: datetime = NOW, **how: bool) -> PortalInfo:
    return portal.load_or_fetch(store, other.hubspot(), outputs, now, **{"fresh": False, **how})


def test_a_portal_is_looked_at_once_an_hour(store: Store, outputs: CrmSchema) -> None:
    other = OtherSide()
    first = known(store, other, outputs)
    assert first == PortalInfo(id=42, time_zone="Europe/Berlin", stages=("subscriber", "lead"), shows_occurrences=True)
    assert known(store, other, outputs, NOW + timedelta(minutes=59)) == first
    assert other.asked == 1
    known(store, other, outputs, NOW + timedelta(hours=1))
    assert other.asked == 2


def test_a_portal_is_looked_at_when_it_is_to_be_fresh_and_when_properties_or_token_are_others(store: Store, outputs: CrmSchema) -> None:
    other = OtherSide()
    known(store, other, outputs)
    known(store, other, outputs, fresh=True)
    known(store, other, outputs_of(prefix="fit"))
    assert other.asked == 3
    other.identity = "token-2"
    known(store, other, outputs_of(prefix="fit"))
    assert other.asked == 4


def test_a_state_belongs_to_one_portal(store: Store, outputs: CrmSchema) -> None:
    first = known(store, OtherSide(), outputs)
    with pytest.raises(ConfigurationError, match="belongs to portal 42, and the token opens portal 43"):
        known(store, OtherSide(portal_id=43), outputs, fresh=True)
    assert portal.load(store) == first


def test_before_the_first_look_no_portal_is_remembered(store: Store) -> None:
    assert portal.load(store) is None


def test_a_portal_that_lacks_our_properties_is_refused_with_their_names(store: Store, outputs: CrmSchema) -> None:
    with pytest.raises(ConfigurationError, match=r"no property lead_grade, lead_score\. Run `sync-worker setup`"):
        known(store, OtherSide(without=frozenset({"lead_grade", "lead_score"})), outputs)


def test_a_portal_without_lifecycle_stages_has_none(store: Store, outputs: CrmSchema) -> None:
    assert known(store, OtherSide(without=frozenset({"lifecyclestage"})), outputs).stages == ()


def test_a_portal_that_shows_less_than_before_is_no_reason_to_think_that_less_was_done(store: Store, outputs: CrmSchema) -> None:
    known(store, OtherSide(), outputs)
    less = OtherSide(shows=False)
    with pytest.raises(Forbidden, match="no longer shows page views"):
        known(store, less, outputs, fresh=True)
    assert not known(store, less, outputs, fresh=True, settle=True).shows_occurrences
    assert not known(store, less, outputs, fresh=True).shows_occurrences


def test_of_a_portal_that_is_known_the_end_of_the_day_is_known(store: Store, outputs: CrmSchema) -> None:
    known(store, OtherSide(), outputs)
    again = OtherSide()
    known(store, again, outputs)
    assert again.asked == 0
    resets_at = again.quota.next_reset()
    assert resets_at is not None
    assert resets_at.astimezone(ZoneInfo("Europe/Berlin")).time() == time()


def test_our_lists_are_looked_for_once(store: Store, outputs: CrmSchema) -> None:
    other = OtherSide(lists={name: str(number) for number, name in enumerate(outputs.list_names.values(), 1)})
    portal.locate_lists(store, other.hubspot(), outputs)
    portal.locate_lists(store, other.hubspot(), outputs)
    assert other.asked == len(outputs.list_names)
    with store.transaction() as tx:
        assert differences.load_list_ids(tx)["mql"] == "1"


def test_a_list_that_is_missing_is_named(store: Store, outputs: CrmSchema) -> None:
    with pytest.raises(ConfigurationError, match="no list “MQL”"):
        portal.locate_lists(store, OtherSide().hubspot(), outputs)


class TestHidden:
    """Which kinds of event a portal does not show one by one."""

    KINDS = frozenset({"page_view", "custom:demo", "email_click", "form_submission", "webinar"})

    def test_page_views_and_custom_events_need_a_large_plan_and_webinars_do_not(self) -> None:
        assert portal.select_hidden_kinds(self.KINDS, shows_occurrences=False) == {"page_view", "custom:demo"}

    def test_a_large_plan_shows_everything(self) -> None:
        assert portal.select_hidden_kinds(self.KINDS, shows_occurrences=True) == frozenset()

    def test_what_is_not_asked_for_is_not_hidden(self) -> None:
        assert portal.select_hidden_kinds(frozenset({"email_click"}), shows_occurrences=False) == frozenset()


def berlin(at: time = time(2, 0), zone: str = "Europe/Berlin") -> tuple[PortalInfo, time]:
    return PortalInfo(id=1, time_zone=zone, stages=(), shows_occurrences=True), at


class TestDay:
    """When the portal's day began."""

    @pytest.mark.parametrize(
        ("now", "began"),
        [
            ("2026-11-20T12:00:00Z", "2026-11-20T01:00:00Z"),
            ("2026-11-20T01:00:00Z", "2026-11-20T01:00:00Z"),
            ("2026-11-20T00:59:59Z", "2026-11-19T01:00:00Z"),
            ("2026-07-01T00:00:00Z", "2026-07-01T00:00:00Z"),
            # In the night to 25 October the clock shows three twice: the day begins the first time.
            ("2026-10-25T00:30:00Z", "2026-10-25T00:00:00Z"),
            ("2026-10-25T01:30:00Z", "2026-10-25T00:00:00Z"),
        ],
    )
    def test_it_begins_at_two_by_the_clock_of_the_portal(self, now: str, began: str) -> None:
        portal, at = berlin()
        assert portal.day_start(datetime.fromisoformat(now), at) == datetime.fromisoformat(began)

    @given(
        start=st.integers(0, 2 * 365 * 24 * 60).map(lambda minutes: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)),
        steps=st.lists(st.integers(1, 90), max_size=60),
        at=st.times().map(lambda at: at.replace(second=0, microsecond=0)),
        zone=st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"]),
    )
    def test_it_never_lies_ahead_never_goes_back_and_lasts_a_day(self, start: datetime, steps: list[int], at: time, zone: str) -> None:
        portal, at = berlin(at, zone)
        now, before = start, None
        for step in [0, *steps]:
            now += timedelta(minutes=step)
            began = portal.day_start(now, at)
            assert timedelta(0) <= now - began <= timedelta(hours=25)
            assert before is None or began >= before
            before = began

    @pytest.mark.parametrize(("around", "at"), [("2026-10-25T00:00:00+00:00", time(2, 30)), ("2026-03-29T00:00:00+00:00", time(2, 30))])
    def test_it_goes_forward_through_the_nights_in_which_the_clock_is_set(self, around: str, at: time) -> None:
        portal, at = berlin(at)
        nights = [datetime.fromisoformat(around) + timedelta(minutes=minute) for minute in range(-180, 240)]
        began = [portal.day_start(now, at) for now in nights]
        assert began == sorted(began)
        assert all(each <= now for each, now in zip(began, nights, strict=True))
        assert len(set(began)) == 2

    def test_a_zone_that_nobody_knows_is_utc(self) -> None:
        portal, at = berlin(zone="Mars/Olympus")
        assert portal.day_start(NOW, at) == datetime(2026, 11, 20, 2, tzinfo=UTC)

    def test_it_is_told_in_utc(self) -> None:
        portal, at = berlin()
        assert portal.day_start(NOW.astimezone(ZoneInfo("Asia/Tokyo")), at).utcoffset() == timedelta(0)
