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
from sync_worker.store.database import Store
from sync_worker.store.facts import events
from sync_worker.store.facts.events import EventRow
from sync_worker.store.writes import memberships
from sync_worker.sync.portal import portal
from sync_worker.sync.portal.hidden_kinds import select_hidden_kinds
from sync_worker.sync.portal.managed_properties import CrmSchema
from sync_worker.sync.portal.portal import PortalInfo
from tests.store.database_factories import temporary_store
from tests.sync.model_factories import make_crm_schema

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
class FakeHubSpot:
    """A double of the APIs that return facts about the portal."""

    portal_id: int = 42
    shows_occurrences: bool = True
    shows_page_views: bool = True
    counts_page_views: bool = True
    lists: dict[str, str] = field(default_factory=dict)
    missing_properties: frozenset[str] = frozenset()
    identity: str = "token-1"
    request_count: int = 0
    quota: DailyQuota = field(default_factory=lambda: DailyQuota(Clock()))

    def hubspot(self) -> HubSpot:
        parts: dict[str, Any] = {
            "identity": self.identity,
            "properties": SimpleNamespace(list_all=self.properties),
            "account": SimpleNamespace(
                read_details=lambda: AccountDetails(portal_id=self.portal_id, time_zone="Europe/Berlin", account_type="STANDARD")
            ),
            "event_occurrences": SimpleNamespace(is_available=lambda: self.shows_occurrences, has_page_views=lambda: self.shows_page_views),
            "contacts": SimpleNamespace(counts_page_views=lambda: self.counts_page_views),
            "lists": SimpleNamespace(find_by_name=self.find),
            "budgets": SimpleNamespace(set_time_zone=self.quota.set_time_zone),
        }
        return cast("HubSpot", SimpleNamespace(**parts))

    def properties(self, _kind: str) -> dict[str, PropertyDefinition]:
        self.request_count += 1
        managed = {each.name: each for prefix in ("lead", "fit") for each in make_crm_schema(prefix=prefix).properties}
        return {name: each for name, each in {**managed, "lifecyclestage": STAGES}.items() if name not in self.missing_properties}

    def find(self, name: str) -> ContactList | None:
        self.request_count += 1
        return ContactList(id=self.lists[name], name=name, processing_type="MANUAL") if name in self.lists else None


@pytest.fixture(scope="module")
def outputs() -> CrmSchema:
    return make_crm_schema()


@pytest.fixture
def store() -> Iterator[Store]:
    with temporary_store() as store:
        yield store


def load_portal(store: Store, fake: FakeHubSpot, outputs: CrmSchema, now: datetime = NOW, **options: bool) -> PortalInfo:
    return portal.load_or_fetch(store, fake.hubspot(), outputs, now, **{"force_refresh": False, **options})


@pytest.mark.parametrize(("shown", "counted", "hidden"), [(True, True, False), (False, False, False), (False, True, True)])
def test_page_views_are_hidden_if_they_are_counted_and_not_shown(
    store: Store, outputs: CrmSchema, *, shown: bool, counted: bool, hidden: bool
) -> None:
    fake = FakeHubSpot(shows_page_views=shown, counts_page_views=counted)
    portal_info = load_portal(store, fake, outputs)
    assert ("page_view" in portal_info.select_hidden_kinds(outputs.model.event_kinds)) is hidden


def test_page_views_that_were_read_once_are_not_hidden(store: Store, outputs: CrmSchema) -> None:
    with store.transaction() as tx:
        events.save(tx, [EventRow(kind="page_view", id="1", at=1, contact_id=1)])
    portal_info = load_portal(store, FakeHubSpot(shows_page_views=False), outputs)
    assert portal_info.shows_page_views


def test_portal_facts_are_fetched_once_an_hour(store: Store, outputs: CrmSchema) -> None:
    fake = FakeHubSpot()
    first = load_portal(store, fake, outputs)
    assert first == PortalInfo(id=42, time_zone="Europe/Berlin", stages=("subscriber", "lead"), shows_occurrences=True)
    assert load_portal(store, fake, outputs, NOW + timedelta(minutes=59)) == first
    assert fake.request_count == 1
    load_portal(store, fake, outputs, NOW + timedelta(hours=1))
    assert fake.request_count == 2


def test_portal_facts_are_fetched_when_forced_and_when_properties_or_token_change(store: Store, outputs: CrmSchema) -> None:
    fake = FakeHubSpot()
    load_portal(store, fake, outputs)
    load_portal(store, fake, outputs, force_refresh=True)
    load_portal(store, fake, make_crm_schema(prefix="fit"))
    assert fake.request_count == 3
    fake.identity = "token-2"
    load_portal(store, fake, make_crm_schema(prefix="fit"))
    assert fake.request_count == 4


def test_a_state_belongs_to_one_portal(store: Store, outputs: CrmSchema) -> None:
    first = load_portal(store, FakeHubSpot(), outputs)
    with pytest.raises(ConfigurationError, match="belongs to portal 42, and the token opens portal 43"):
        load_portal(store, FakeHubSpot(portal_id=43), outputs, force_refresh=True)
    assert portal.load(store) == first


def test_before_the_first_fetch_no_portal_is_saved(store: Store) -> None:
    assert portal.load(store) is None


def test_a_portal_that_lacks_our_properties_is_refused_with_their_names(store: Store, outputs: CrmSchema) -> None:
    with pytest.raises(ConfigurationError, match=r"no property lead_grade, lead_score\. Run `sync-worker setup`"):
        load_portal(store, FakeHubSpot(missing_properties=frozenset({"lead_grade", "lead_score"})), outputs)


def test_a_portal_without_lifecycle_stages_has_none(store: Store, outputs: CrmSchema) -> None:
    assert load_portal(store, FakeHubSpot(missing_properties=frozenset({"lifecyclestage"})), outputs).stages == ()


def test_a_downgraded_portal_lowers_no_score(store: Store, outputs: CrmSchema) -> None:
    load_portal(store, FakeHubSpot(), outputs)
    less = FakeHubSpot(shows_occurrences=False)
    with pytest.raises(Forbidden, match="no longer shows single page views"):
        load_portal(store, less, outputs, force_refresh=True)
    assert not load_portal(store, less, outputs, force_refresh=True, accept_downgrade=True).shows_occurrences
    assert not load_portal(store, less, outputs, force_refresh=True).shows_occurrences


def test_a_cached_portal_sets_the_reset_of_the_daily_limit(store: Store, outputs: CrmSchema) -> None:
    load_portal(store, FakeHubSpot(), outputs)
    fake = FakeHubSpot()
    load_portal(store, fake, outputs)
    assert fake.request_count == 0
    resets_at = fake.quota.next_reset()
    assert resets_at is not None
    assert resets_at.astimezone(ZoneInfo("Europe/Berlin")).time() == time()


def test_managed_lists_are_located_once(store: Store, outputs: CrmSchema) -> None:
    fake = FakeHubSpot(lists={name: str(number) for number, name in enumerate(outputs.list_names.values(), 1)})
    portal.locate_lists(store, fake.hubspot(), outputs)
    portal.locate_lists(store, fake.hubspot(), outputs)
    assert fake.request_count == len(outputs.list_names)
    with store.transaction() as tx:
        assert memberships.load_list_ids(tx)["mql"] == "1"


def test_a_missing_list_is_named(store: Store, outputs: CrmSchema) -> None:
    with pytest.raises(ConfigurationError, match="no list “MQL”"):
        portal.locate_lists(store, FakeHubSpot().hubspot(), outputs)


class TestHiddenEventKinds:
    """Event kinds that a portal does not show."""

    KINDS = frozenset({"page_view", "custom:demo", "email_click", "form_submission", "webinar"})

    def test_page_views_and_custom_events_need_enterprise_and_webinars_do_not(self) -> None:
        assert select_hidden_kinds(self.KINDS, shows_occurrences=False, shows_subscriptions=True) == {"page_view", "custom:demo"}

    def test_enterprise_shows_all_events(self) -> None:
        assert select_hidden_kinds(self.KINDS, shows_occurrences=True, shows_subscriptions=True) == frozenset()

    def test_unused_event_kinds_are_not_hidden(self) -> None:
        assert select_hidden_kinds(frozenset({"email_click"}), shows_occurrences=False, shows_subscriptions=False) == frozenset()


def portal_in_zone(at: time = time(2, 0), zone: str = "Europe/Berlin") -> tuple[PortalInfo, time]:
    return PortalInfo(id=1, time_zone=zone, stages=(), shows_occurrences=True), at


class TestStartOfDay:
    """The start of the portal's day."""

    @pytest.mark.parametrize(
        ("now", "day_start"),
        [
            ("2026-11-20T12:00:00Z", "2026-11-20T01:00:00Z"),
            ("2026-11-20T01:00:00Z", "2026-11-20T01:00:00Z"),
            ("2026-11-20T00:59:59Z", "2026-11-19T01:00:00Z"),
            ("2026-07-01T00:00:00Z", "2026-07-01T00:00:00Z"),
            # On 25 October, two o'clock occurs twice: the day starts the first time.
            ("2026-10-25T00:30:00Z", "2026-10-25T00:00:00Z"),
            ("2026-10-25T01:30:00Z", "2026-10-25T00:00:00Z"),
        ],
    )
    def test_the_day_starts_at_two_in_the_time_zone_of_the_portal(self, now: str, day_start: str) -> None:
        portal, at = portal_in_zone()
        assert portal.day_start(datetime.fromisoformat(now), at) == datetime.fromisoformat(day_start)

    @given(
        start=st.integers(0, 2 * 365 * 24 * 60).map(lambda minutes: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)),
        steps=st.lists(st.integers(1, 90), max_size=60),
        at=st.times().map(lambda at: at.replace(second=0, microsecond=0)),
        zone=st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"]),
    )
    def test_the_start_is_never_in_the_future_and_advances_by_a_day(self, start: datetime, steps: list[int], at: time, zone: str) -> None:
        portal, at = portal_in_zone(at, zone)
        now, before = start, None
        for step in [0, *steps]:
            now += timedelta(minutes=step)
            day_start = portal.day_start(now, at)
            assert timedelta(0) <= now - day_start <= timedelta(hours=25)
            assert before is None or day_start >= before
            before = day_start

    @pytest.mark.parametrize(("around", "at"), [("2026-10-25T00:00:00+00:00", time(2, 30)), ("2026-03-29T00:00:00+00:00", time(2, 30))])
    def test_the_start_advances_across_daylight_saving_changes(self, around: str, at: time) -> None:
        portal, at = portal_in_zone(at)
        nights = [datetime.fromisoformat(around) + timedelta(minutes=minute) for minute in range(-180, 240)]
        day_starts = [portal.day_start(now, at) for now in nights]
        assert day_starts == sorted(day_starts)
        assert all(each <= now for each, now in zip(day_starts, nights, strict=True))
        assert len(set(day_starts)) == 2

    def test_an_unknown_time_zone_is_utc(self) -> None:
        portal, at = portal_in_zone(zone="Mars/Olympus")
        assert portal.day_start(NOW, at) == datetime(2026, 11, 20, 2, tzinfo=UTC)

    def test_the_start_is_in_utc(self) -> None:
        portal, at = portal_in_zone()
        assert portal.day_start(NOW.astimezone(ZoneInfo("Asia/Tokyo")), at).utcoffset() == timedelta(0)
