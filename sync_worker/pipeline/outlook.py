"""How much a reading of everybody will find, how far away HubSpot is and how much it allows, as this state saw it last.

A reading begins with that instead of asking first, which would cost a latency, and far away one of the windows. Nothing depends on its
being right: ranges are divided by it, and divided further where it was not; the first reply tells of another limit.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Final

from sync_worker.hubspot.client import HubSpot
from sync_worker.hubspot.records import Extent
from sync_worker.hubspot.throttle import Budget
from sync_worker.instants import from_ms, to_ms
from sync_worker.store import meta
from sync_worker.store.database import Store

KEY: Final = "outlook"
VALID_FOR: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """The contacts of a portal, the shortest time of an answer in seconds if one is known, and how many calls the burst holds."""

    extent: Extent
    latency: float | None
    burst: int


def remembered(store: Store, hubspot: HubSpot, now: datetime) -> Outlook | None:
    """Return what was seen last with this token at this address, None where that is not, or long ago."""
    with store.transaction() as tx:
        row = meta.get(tx, KEY)
    if not row or row["identity"] != hubspot.identity or not timedelta() <= now - from_ms(row["at"]) < VALID_FOR:
        return None
    return Outlook(
        extent=Extent(**row["extent"]),
        latency=row["latency"] or None,  # 0 in an older state: not known
        burst=row["burst"],
    )


def remember(store: Store, hubspot: HubSpot, extent: Extent, now: datetime) -> None:
    """Keep what has been seen now."""
    window = hubspot.transport.throttle.lane(Budget.BURST).window
    seen = {"extent": asdict(extent), "latency": window.latency, "burst": window.limit}
    with store.transaction() as tx:
        meta.put(tx, KEY, {"identity": hubspot.identity, "at": to_ms(now), **seen})
