"""How much a reading of everybody will find and have to share, how far away HubSpot is and how much it allows, as this state saw it last.

A reading begins with that instead of asking first, which would cost a latency, and far away one of the windows. Nothing depends on its
being right: ranges are divided by it, and divided further where it was not; the first reply tells of another limit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Final

from sync_worker.errors import Forbidden
from sync_worker.hubspot.client import HubSpot
from sync_worker.hubspot.records.models import IdRange
from sync_worker.hubspot.rest.rate_limiter import Budget
from sync_worker.store import coverage, key_value
from sync_worker.store.database import Store
from sync_worker.sync.pull import streams
from sync_worker.timestamps import from_ms, to_ms

KEY: Final = "outlook"
VALID_FOR: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """The contacts of a portal, the shortest time of an answer in seconds if one is known, and how many calls the burst holds.

    `eventful`: what contacts did is still to be read, and much of it.
    """

    extent: IdRange
    latency: float | None
    burst: int
    eventful: bool


def remembered(store: Store, hubspot: HubSpot, now: datetime) -> Outlook | None:
    """Return what was seen last with this token at this address, None where that is not, or long ago."""
    with store.transaction() as tx:
        row = key_value.get(tx, KEY)
    if not row or row["identity"] != hubspot.identity or not timedelta() <= now - from_ms(row["at"]) < VALID_FOR:
        return None
    return Outlook(
        extent=IdRange(**row["extent"]),
        latency=row["latency"] or None,  # 0 in an older state: not known
        burst=row["burst"],
        eventful=row.get("eventful", False),
    )


def remember(store: Store, hubspot: HubSpot, extent: IdRange, now: datetime, *, eventful: bool = False) -> None:
    """Keep what has been seen now."""
    window = hubspot.transport.rate_limiter.limiter(Budget.BURST).window
    seen = {"extent": asdict(extent), "latency": window.latency, "burst": window.limit, "eventful": eventful}
    with store.transaction() as tx:
        key_value.put(tx, KEY, {"identity": hubspot.identity, "at": to_ms(now), **seen})


def is_eventful(store: Store, hubspot: HubSpot, kinds: frozenset[str], now: datetime) -> bool:
    """Tell whether HubSpot has more than a page of some kind of event, of which none has been read."""
    with store.transaction() as tx:
        unread = [kind for kind in sorted(kinds) if not coverage.load(tx, kind)]
    try:
        names = hubspot.event_occurrences.list_types() if any(map(streams.is_occurrence, unread)) else ()
        return any(_has_pages(hubspot, kind, names, now) for kind in unread)
    except Forbidden:
        return False  # what cannot be read takes nothing


def _has_pages(hubspot: HubSpot, kind: str, names: Sequence[str], now: datetime) -> bool:
    span = from_ms(streams.HUBSPOT_EPOCH_MS), now
    if kind in streams.EMAIL_EVENT_TYPES:
        return hubspot.email_events.read_page(streams.EMAIL_EVENT_TYPES[kind], *span).next is not None
    event_type = streams.find_event_type(names, kind)
    return event_type is not None and hubspot.event_occurrences.read_page(event_type, *span).next is not None
