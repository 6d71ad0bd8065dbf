"""What a run must know of the portal before it reads a contact; looked at once an hour, not in every cycle."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sync_worker.errors import ConfigurationError, Forbidden
from sync_worker.hubspot.client import HubSpot
from sync_worker.hubspot.records.models import AccountDetails
from sync_worker.store import memberships, portal_cache
from sync_worker.store.database import Store
from sync_worker.store.portal_cache import PortalCache
from sync_worker.sync.portal.crm_schema import CrmSchema
from sync_worker.sync.portal.managed_lists import find_list
from sync_worker.timestamps import from_ms, to_ms

CACHE_TTL: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalInfo:
    """One portal: who it is, its order of lifecycle stages, and whether it shows single events."""

    id: int
    time_zone: str
    stages: tuple[str, ...]
    shows_occurrences: bool

    def select_hidden_kinds(self, kinds: frozenset[str]) -> frozenset[str]:
        """Return which of these kinds of event this portal does not show one by one."""
        return select_hidden_kinds(kinds, shows_occurrences=self.shows_occurrences)

    def day_start(self, now: datetime, at: time) -> datetime:
        """Return when the portal's day began, at that time of its clock: verdicts are made anew once a day."""
        try:
            zone: tzinfo = ZoneInfo(self.time_zone)
        except (ZoneInfoNotFoundError, ValueError):
            zone = UTC
        day = now.astimezone(zone).date()
        # Compared in UTC: the clock on the wall shows some times twice, and others never.
        today, yesterday = (datetime.combine(day - timedelta(days=back), at, zone).astimezone(UTC) for back in (0, 1))
        return today if today <= now else yesterday


def select_hidden_kinds(kinds: frozenset[str], *, shows_occurrences: bool) -> frozenset[str]:
    """Return which of these kinds of event are not to be seen one by one: page views and custom events take a large plan."""
    return frozenset(kind for kind in kinds if not shows_occurrences and (kind == "page_view" or kind.startswith("custom:")))


def load_or_fetch(
    store: Store, hubspot: HubSpot, crm_schema: CrmSchema, now: datetime, *, force_refresh: bool, accept_downgrade: bool = False
) -> PortalInfo:
    """Return the portal, from memory where that is fresh enough, and make sure that it is the one and is set up.

    Raises ConfigurationError where the token belongs to another portal, or our properties are missing; Forbidden where the portal
    shows less than before, unless this is to settle for it.
    """
    with store.transaction() as tx:
        remembered = portal_cache.load(tx)
    if remembered:  # should the day's calls be used up before HubSpot has said when its day ends
        hubspot.transport.rate_limiter.quota.set_time_zone(remembered.time_zone)
    asked = tuple(crm_schema.property_names)
    same = remembered and remembered.property_names == asked and remembered.identity == hubspot.identity
    if remembered and not force_refresh and same and now < from_ms(remembered.fetched_at) + CACHE_TTL:
        return _from_cache(remembered)
    portal = _fetch(store, hubspot, crm_schema)
    if remembered and remembered.shows_occurrences and not portal.shows_occurrences and not accept_downgrade:
        # What cannot be read any more must not look like something that nobody did.
        raise Forbidden(
            "The portal no longer shows page views and custom events one by one.",
            operation="look at the portal",
            hint="Give the token its access back; if the plan has changed, run `sync-worker setup`, and counters stand in for them.",
        )
    cache = PortalCache(
        portal_id=portal.id,
        time_zone=portal.time_zone,
        stages=portal.stages,
        shows_occurrences=portal.shows_occurrences,
        property_names=asked,
        identity=hubspot.identity,
        fetched_at=to_ms(now),
    )
    with store.transaction() as tx:
        portal_cache.save(tx, cache)
    return portal


def check_portal_id(store: Store, account: AccountDetails) -> None:
    """Raise ConfigurationError where this state belongs to another portal than the one that the token opens."""
    place = load(store)
    if place and place.id != account.portal_id:
        raise ConfigurationError(
            f"This state belongs to portal {place.id}, and the token opens portal {account.portal_id}.",
            hint="Use the token of the first, or another state with SYNC_WORKER_STATE_URL.",
        )


def load(store: Store) -> PortalInfo | None:
    """Return the portal that this state belongs to, if it has met one."""
    with store.transaction() as tx:
        row = portal_cache.load(tx)
    return _from_cache(row) if row else None


def _fetch(store: Store, hubspot: HubSpot, crm_schema: CrmSchema) -> PortalInfo:
    with ThreadPoolExecutor(3) as pool:  # none depends on another, and each is a latency before the first contact
        details, definitions = pool.submit(hubspot.account.read_details), pool.submit(hubspot.properties.list_all, "contacts")
        available = pool.submit(hubspot.event_occurrences.is_available)
    # Looked at in this order: which portal it is matters more than what it lacks.
    check_portal_id(store, account := details.result())
    properties = definitions.result()
    missing = [name for name in crm_schema.property_names if name not in properties]
    if missing:
        raise ConfigurationError(f"The portal has no property {', '.join(missing)}.", hint="Run `sync-worker setup` first.")
    stages = sorted(properties["lifecyclestage"].options, key=lambda option: option.order) if "lifecyclestage" in properties else []
    return PortalInfo(
        id=account.portal_id,
        time_zone=account.time_zone,
        stages=tuple(option.value for option in stages),
        shows_occurrences=available.result(),
    )


def locate_lists(store: Store, hubspot: HubSpot, crm_schema: CrmSchema) -> None:
    """Learn where our lists are, where that is not known yet; raises ConfigurationError where one is missing."""
    with store.transaction() as tx:
        ids = memberships.load_list_ids(tx)
    for key, name in crm_schema.list_names.items():
        if key not in ids:
            found = find_list(hubspot.lists, crm_schema, key, ids)
            if found is None:
                raise ConfigurationError(f"The portal has no list “{name}”.", hint="Run `sync-worker setup`.")
            with store.transaction() as tx:
                memberships.save_list(tx, key, list_id=found.id, name=found.name)


def _from_cache(cache: PortalCache) -> PortalInfo:
    return PortalInfo(id=cache.portal_id, time_zone=cache.time_zone, stages=cache.stages, shows_occurrences=cache.shows_occurrences)
