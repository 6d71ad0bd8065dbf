"""Which webinars must be looked at: HubSpot lists attendance webinar by webinar, and most of them took place long ago.

The list of webinars tells how many attended and when a webinar was changed last. Where that is as it was, the attendance is not read.
It may be told before it can be read, so that a webinar that moved is read again until an overlap has passed; and once a week all are.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection

from sync_worker.hubspot.records.models import MarketingEvent
from sync_worker.store import coverage, events, key_value
from sync_worker.store.database import Store
from sync_worker.timestamps import from_ms, to_ms

EVENT_KIND: Final = "webinar"
RECHECK_INTERVAL: Final = timedelta(days=7)
KEY_PREFIX: Final = f"{EVENT_KIND}:"


@dataclass(frozen=True, slots=True, kw_only=True)
class WebinarWatcher:
    """What is known of the last look at each webinar."""

    store: Store
    now: datetime
    overlap: timedelta

    def select_due(self, webinars: Collection[MarketingEvent]) -> list[MarketingEvent]:
        """Return those whose attendance may be another than the one that is known."""
        with self.store.transaction() as tx:
            known = key_value.get_by_prefix(tx, KEY_PREFIX)
        return [webinar for webinar in webinars if self._is_due(webinar, known.get(_state_key(webinar)))]

    def save(self, tx: Connection, webinar: MarketingEvent, attendances: Collection[str]) -> None:
        """Note that a webinar has been read to its end, and forget the attendance that was taken back."""
        known = key_value.get(tx, _state_key(webinar))
        events.delete_except(tx, EVENT_KIND, webinar.id, attendances)
        moved = known["moved"] if known and known["mark"] == _fingerprint(webinar) else to_ms(self.now)
        key_value.put(tx, _state_key(webinar), {"mark": _fingerprint(webinar), "moved": moved, "read": to_ms(self.now)})

    def mark_done(self) -> None:
        """Note that every webinar has been looked at."""
        with self.store.transaction() as tx:
            coverage.add(tx, EVENT_KIND, 0, to_ms(self.now))

    def _is_due(self, webinar: MarketingEvent, known: dict[str, Any] | None) -> bool:
        if known is None:
            return webinar.attendee_count != 0
        settled = self.now - self.overlap > from_ms(known["moved"]) and self.now - RECHECK_INTERVAL < from_ms(known["read"])
        return known["mark"] != _fingerprint(webinar) or not settled


def _state_key(webinar: MarketingEvent) -> str:
    return f"{KEY_PREFIX}{webinar.id}"


def _fingerprint(webinar: MarketingEvent) -> str:
    changed = to_ms(webinar.updated_at) if webinar.updated_at else ""
    return f"{changed}/{webinar.attendee_count}"
