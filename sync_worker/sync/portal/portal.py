"""Facts about the portal that a run needs, cached for an hour."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sync_worker.errors import ConfigurationError, Forbidden
from sync_worker.hubspot.api.event_occurrences import event_kind
from sync_worker.hubspot.client import HubSpot
from sync_worker.hubspot.records.models import AccountDetails
from sync_worker.model.compiled.model import Model
from sync_worker.store.database import Store
from sync_worker.store.facts import events
from sync_worker.store.saved_state import portal_cache
from sync_worker.store.saved_state.portal_cache import PortalCache
from sync_worker.store.writes import memberships
from sync_worker.sync.portal.hidden_kinds import PAGE_VIEW, select_hidden_kinds
from sync_worker.sync.portal.managed_lists import find_list
from sync_worker.sync.portal.managed_properties import CrmSchema
from sync_worker.timestamps import from_ms, to_ms

CACHE_TTL: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalInfo:
    """Id, time zone and ordered lifecycle stages of a portal, and whether it shows single events, in particular page views.

    `shows_subscriptions`, the email subscriptions of contacts: None before a model uses them.
    """

    id: int
    time_zone: str
    stages: tuple[str, ...]
    shows_occurrences: bool
    shows_page_views: bool = True
    shows_subscriptions: bool | None = None

    def select_hidden_kinds(self, kinds: frozenset[str]) -> frozenset[str]:
        """Return those of a model's `source_kinds` that this portal does not show."""
        return select_hidden_kinds(
            kinds,
            shows_occurrences=self.shows_occurrences,
            shows_page_views=self.shows_page_views,
            shows_subscriptions=self.shows_subscriptions is not False,
        )

    def day_start(self, now: datetime, at: time) -> datetime:
        """Return the start of the portal's current day, which begins at the local time `at`. Contacts are re-evaluated once a day."""
        try:
            zone: tzinfo = ZoneInfo(self.time_zone)
        except (ZoneInfoNotFoundError, ValueError):
            zone = UTC
        day = now.astimezone(zone).date()
        # Compare in UTC: with daylight saving time, some local times occur twice or never.
        today, yesterday = (datetime.combine(day - timedelta(days=back), at, zone).astimezone(UTC) for back in (0, 1))
        return today if today <= now else yesterday


def read_hidden_kinds(hubspot: HubSpot, model: Model, *, shows_occurrences: bool) -> frozenset[str]:
    """Ask HubSpot which of the model's `source_kinds` it does not show."""
    return select_hidden_kinds(
        model.source_kinds,
        shows_occurrences=shows_occurrences,
        shows_page_views=shows_occurrences and check_page_views(hubspot, model.event_kinds),
        shows_subscriptions=not model.uses_subscriptions or hubspot.subscriptions.is_available(),
    )


def check_page_views(hubspot: HubSpot, kinds: frozenset[str]) -> bool:
    """Return whether the portal shows page views, if they are among the kinds of event that are read.

    Below Enterprise, HubSpot may answer with no rows instead of an error. If it counts page views all the same, they are hidden.
    """
    return PAGE_VIEW not in kinds or hubspot.event_occurrences.has_page_views() or not hubspot.contacts.counts_page_views()


def load_or_fetch(
    store: Store, hubspot: HubSpot, crm_schema: CrmSchema, now: datetime, *, force_refresh: bool, accept_downgrade: bool = False
) -> PortalInfo:
    """Return the portal, from the cache if it is fresh, and check that it is the right one and set up.

    Raises:
        ConfigurationError: the token belongs to another portal, or our properties are missing.
        Forbidden: the portal no longer shows single events, and `accept_downgrade` is not set.
    """
    with store.transaction() as tx:
        cached = portal_cache.load(tx)
    names = crm_schema.portal_names
    if cached:  # needed if the daily limit is used up before HubSpot has returned the time zone
        hubspot.budgets.set_time_zone(cached.time_zone)
        same = cached.property_names == names and cached.identity == hubspot.identity
        same = same and (cached.shows_subscriptions is not None or not crm_schema.inputs.uses_subscriptions)
        if not force_refresh and same and now < from_ms(cached.fetched_at) + CACHE_TTL:
            return _from_cache(cached)
    portal = _fetch(store, hubspot, crm_schema)
    if cached and not accept_downgrade:
        _raise_if_downgraded(cached, portal)
    cache = PortalCache(
        portal_id=portal.id,
        time_zone=portal.time_zone,
        stages=portal.stages,
        shows_occurrences=portal.shows_occurrences,
        shows_page_views=portal.shows_page_views,
        shows_subscriptions=portal.shows_subscriptions,
        property_names=names,
        identity=hubspot.identity,
        fetched_at=to_ms(now),
    )
    with store.transaction() as tx:
        portal_cache.save(tx, cache)
    return portal


def _raise_if_downgraded(cached: PortalCache, portal: PortalInfo) -> None:
    """Raise Forbidden if the portal no longer shows what it did: what can no longer be read must not count as "no activity"."""
    restore = "Restore the access of the token. If the plan was downgraded, run `sync-worker setup`"
    if cached.shows_occurrences and not portal.shows_occurrences:
        raise Forbidden(
            "The portal no longer shows single page views and custom events.",
            operation="read the portal",
            hint=f"{restore}; aggregate counters then replace single events.",
        )
    if cached.shows_subscriptions and portal.shows_subscriptions is False:
        raise Forbidden(
            "The portal no longer shows the email subscriptions of contacts.",
            operation="read the portal",
            hint=f"{restore}; criteria on subscriptions are then not visible. `sync-worker check` names a missing scope.",
        )


def find_unknown_kinds(hubspot: HubSpot, crm_schema: CrmSchema) -> frozenset[str]:
    """Return the custom events that only the shadow model uses and the portal lacks: a comparison must not stop a run."""
    further = crm_schema.inputs.event_kinds - crm_schema.model.event_kinds
    custom = frozenset(kind for kind in further if kind.startswith("custom:"))
    return custom.difference(map(event_kind, hubspot.event_occurrences.list_types())) if custom else frozenset()


def check_portal_id(store: Store, account: AccountDetails) -> None:
    """Raise ConfigurationError if the state and the token belong to different portals."""
    portal = load(store)
    if portal and portal.id != account.portal_id:
        raise ConfigurationError(
            f"This state belongs to portal {portal.id}, and the token opens portal {account.portal_id}.",
            hint=f"Use the token of portal {portal.id}, or set another state with SYNC_WORKER_STATE_URL.",
        )


def load(store: Store) -> PortalInfo | None:
    """Return the portal that the state belongs to, or None for a new state."""
    with store.transaction() as tx:
        cached = portal_cache.load(tx)
    return _from_cache(cached) if cached else None


def _fetch(store: Store, hubspot: HubSpot, crm_schema: CrmSchema) -> PortalInfo:
    uses_subscriptions = crm_schema.inputs.uses_subscriptions
    with ThreadPoolExecutor(4) as pool:  # in parallel, because each call delays the first read
        details, definitions = pool.submit(hubspot.account.read_details), pool.submit(hubspot.properties.list_all, "contacts")
        available = pool.submit(hubspot.event_occurrences.is_available)
        subscriptions = pool.submit(hubspot.subscriptions.is_available) if uses_subscriptions else None
    # Check the portal id first: a wrong portal is worse than missing properties.
    check_portal_id(store, account := details.result())
    properties = definitions.result()
    missing = [name for name in crm_schema.portal_names if name not in properties]
    if missing:
        raise ConfigurationError(f"The portal has no property {', '.join(missing)}.", hint="Run `sync-worker setup` first.")
    stages = sorted(properties["lifecyclestage"].options, key=lambda option: option.order) if "lifecyclestage" in properties else []
    return PortalInfo(
        id=account.portal_id,
        time_zone=account.time_zone,
        stages=tuple(option.value for option in stages),
        shows_occurrences=available.result(),
        shows_page_views=not available.result() or _has_page_views(store) or check_page_views(hubspot, crm_schema.inputs.event_kinds),
        shows_subscriptions=subscriptions.result() if subscriptions else None,
    )


def _has_page_views(store: Store) -> bool:
    # Page views that were read once stay visible: an empty reply now means that there are no new ones.
    with store.transaction() as tx:
        return events.exists(tx, PAGE_VIEW)


def locate_lists(store: Store, hubspot: HubSpot, crm_schema: CrmSchema) -> None:
    """Find the lists without a known id and save their ids. Raises ConfigurationError if one is missing."""
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
    return PortalInfo(
        id=cache.portal_id,
        time_zone=cache.time_zone,
        stages=cache.stages,
        shows_occurrences=cache.shows_occurrences,
        shows_page_views=cache.shows_page_views,
        shows_subscriptions=cache.shows_subscriptions,
    )
