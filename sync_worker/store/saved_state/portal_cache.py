"""What HubSpot last reported about the portal; `sync.portal.portal` refreshes it once an hour."""

from __future__ import annotations

from typing import Final

import msgspec
from sqlalchemy import Connection

from sync_worker.store.saved_state import key_value

_KEY: Final = "portal"


class PortalCache(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    rename={"portal_id": "id", "property_names": "asked", "fetched_at": "looked_at"},
):
    """The portal of this state."""

    portal_id: int
    time_zone: str
    stages: tuple[str, ...]  # the lifecycle stages in their order
    shows_occurrences: bool  # single page views and custom events
    shows_page_views: bool = True  # False: HubSpot counts page views and shows none
    shows_subscriptions: bool | None = None  # the email subscriptions of contacts; None: no model has used them yet
    property_names: tuple[str, ...] = ()  # our properties, which the portal had
    identity: str | None = None  # a hash of the token and the address of HubSpot; None in old states
    fetched_at: int  # milliseconds


def load(tx: Connection) -> PortalCache | None:
    """Return the portal, or None in a new state."""
    return key_value.load(tx, _KEY, PortalCache)


def save(tx: Connection, portal: PortalCache) -> None:
    """Save the portal."""
    key_value.put(tx, _KEY, portal)
