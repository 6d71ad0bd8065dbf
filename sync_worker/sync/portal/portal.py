"""What a run must know of the portal before it reads a contact; looked at once an hour, not in every cycle."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sync_worker.errors import ConfigurationError, Forbidden
from sync_worker.hubspot.client import HubSpot
from sync_worker.hubspot.records.models import AccountDetails
from sync_worker.store import differences, key_value
from sync_worker.store.database import Store
from sync_worker.sync.portal.crm_schema import Outputs
from sync_worker.sync.portal.managed_lists import located
from sync_worker.timestamps import from_ms, to_ms

VALID_FOR: Final = timedelta(hours=1)
KEY: Final = "portal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Portal:
    """One portal: who it is, its order of lifecycle stages, and whether it shows single events."""

    id: int
    time_zone: str
    stages: tuple[str, ...]
    shows_occurrences: bool

    def hidden(self, kinds: frozenset[str]) -> frozenset[str]:
        """Return which of these kinds of event this portal does not show one by one."""
        return hidden_kinds(kinds, shows_occurrences=self.shows_occurrences)

    def seen(self, kinds: frozenset[str]) -> frozenset[str]:
        """Return which of these kinds of event this portal shows one by one."""
        return kinds - self.hidden(kinds)

    def day_began(self, now: datetime, at: time) -> datetime:
        """Return when the portal's day began, at that time of its clock: verdicts are made anew once a day."""
        try:
            zone: tzinfo = ZoneInfo(self.time_zone)
        except (ZoneInfoNotFoundError, ValueError):
            zone = UTC
        day = now.astimezone(zone).date()
        # Compared in UTC: the clock on the wall shows some times twice, and others never.
        today, yesterday = (datetime.combine(day - timedelta(days=back), at, zone).astimezone(UTC) for back in (0, 1))
        return today if today <= now else yesterday


def hidden_kinds(kinds: frozenset[str], *, shows_occurrences: bool) -> frozenset[str]:
    """Return which of these kinds of event are not to be seen one by one: page views and custom events take a large plan."""
    return frozenset(kind for kind in kinds if not shows_occurrences and (kind == "page_view" or kind.startswith("custom:")))


def known(store: Store, hubspot: HubSpot, outputs: Outputs, now: datetime, *, fresh: bool, settle: bool = False) -> Portal:
    """Return the portal, from memory where that is fresh enough, and make sure that it is the one and is set up.

    Raises ConfigurationError where the token belongs to another portal, or our properties are missing; Forbidden where the portal
    shows less than before, unless this is to settle for it.
    """
    with store.transaction() as tx:
        remembered = key_value.get(tx, KEY)
    if remembered:  # should the day's calls be used up before HubSpot has said when its day ends
        hubspot.transport.rate_limiter.quota.set_time_zone(remembered["time_zone"])
    asked = list(outputs.names)
    same = remembered and remembered["asked"] == asked and remembered.get("identity") == hubspot.identity
    if not fresh and same and now < from_ms(remembered["looked_at"]) + VALID_FOR:
        return _read(remembered)
    portal = _looked_at(store, hubspot, outputs)
    if remembered and remembered["shows_occurrences"] and not portal.shows_occurrences and not settle:
        # What cannot be read any more must not look like something that nobody did.
        raise Forbidden(
            "The portal no longer shows page views and custom events one by one.",
            operation="look at the portal",
            hint="Give the token its access back; if the plan has changed, run `sync-worker setup`, and counters stand in for them.",
        )
    row = {"id": portal.id, "time_zone": portal.time_zone, "stages": portal.stages, "shows_occurrences": portal.shows_occurrences}
    with store.transaction() as tx:
        key_value.put(tx, KEY, {**row, "asked": asked, "identity": hubspot.identity, "looked_at": to_ms(now)})
    return portal


def refuse_another(store: Store, account: AccountDetails) -> None:
    """Raise ConfigurationError where this state belongs to another portal than the one that the token opens."""
    place = remembered(store)
    if place and place.id != account.portal_id:
        raise ConfigurationError(
            f"This state belongs to portal {place.id}, and the token opens portal {account.portal_id}.",
            hint="Use the token of the first, or another state with SYNC_WORKER_STATE_URL.",
        )


def remembered(store: Store) -> Portal | None:
    """Return the portal that this state belongs to, if it has met one."""
    with store.transaction() as tx:
        row = key_value.get(tx, KEY)
    return _read(row) if row else None


def _looked_at(store: Store, hubspot: HubSpot, outputs: Outputs) -> Portal:
    with ThreadPoolExecutor(3) as pool:  # none depends on another, and each is a latency before the first contact
        details, definitions = pool.submit(hubspot.account.read_details), pool.submit(hubspot.properties.list_all, "contacts")
        available = pool.submit(hubspot.event_occurrences.is_available)
    # Looked at in this order: which portal it is matters more than what it lacks.
    refuse_another(store, account := details.result())
    properties = definitions.result()
    missing = [name for name in outputs.names if name not in properties]
    if missing:
        raise ConfigurationError(f"The portal has no property {', '.join(missing)}.", hint="Run `sync-worker setup` first.")
    stages = sorted(properties["lifecyclestage"].options, key=lambda option: option.order) if "lifecyclestage" in properties else []
    return Portal(
        id=account.portal_id,
        time_zone=account.time_zone,
        stages=tuple(option.value for option in stages),
        shows_occurrences=available.result(),
    )


def find_lists(store: Store, hubspot: HubSpot, outputs: Outputs) -> None:
    """Learn where our lists are, where that is not known yet; raises ConfigurationError where one is missing."""
    with store.transaction() as tx:
        ids = differences.load_list_ids(tx)
    for key, name in outputs.lists.items():
        if key not in ids:
            found = located(hubspot.lists, outputs, key, ids)
            if found is None:
                raise ConfigurationError(f"The portal has no list “{name}”.", hint="Run `sync-worker setup`.")
            with store.transaction() as tx:
                differences.save_list(tx, key, list_id=found.id, name=found.name)


def _read(row: Mapping[str, Any]) -> Portal:
    return Portal(id=row["id"], time_zone=row["time_zone"], stages=tuple(row["stages"]), shows_occurrences=row["shows_occurrences"])
