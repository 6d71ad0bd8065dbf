"""The searches of one run that HubSpot still counts when the next begins: of that budget no reply says how much of it is left."""

from __future__ import annotations

from typing import Final

from sync_worker.hubspot.client import HubSpot
from sync_worker.hubspot.rest.rate_limiter import Budget
from sync_worker.store import key_value
from sync_worker.store.database import Store
from sync_worker.timestamps import to_ms

KEY: Final = "searches"


def remember(store: Store, hubspot: HubSpot) -> None:
    """Keep when HubSpot counted what still fills the window."""
    ages = hubspot.transport.rate_limiter.limiter(Budget.SEARCH).snapshot()
    now = to_ms(hubspot.transport.clock.now())
    with store.transaction() as tx:
        key_value.put(tx, KEY, {"identity": hubspot.identity, "counted": [now - round(1000 * age) for age in ages]})


def recall(store: Store, hubspot: HubSpot) -> None:
    """Let what an earlier run asked with this token at this address fill the window, unless this very connection did."""
    lane, now = hubspot.transport.rate_limiter.limiter(Budget.SEARCH), to_ms(hubspot.transport.clock.now())
    with store.transaction() as tx:
        row = key_value.get(tx, KEY)
    if row and row["identity"] == hubspot.identity and not lane.snapshot():
        lane.restore([(now - at) / 1000 for at in row["counted"] if at <= now])
