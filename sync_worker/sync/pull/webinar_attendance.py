"""Which webinars must be looked at: HubSpot lists attendance webinar by webinar, and most of them took place long ago.

The list of webinars tells how many attended and when a webinar was changed last. Where that is as it was, the attendance is not read.
It may be told before it can be read, so that a webinar that moved is read again until an overlap has passed; and once a week all are.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from sync_worker.hubspot.records.models import MarketingEvent
from sync_worker.store import coverage, events, scan_state
from sync_worker.store.database import Store
from sync_worker.store.scan_state import WebinarState
from sync_worker.timestamps import from_ms, to_ms

EVENT_KIND: Final = "webinar"
RECHECK_INTERVAL: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebinarWatcher:
    """What is known of the last look at each webinar."""

    store: Store
    now: datetime
    overlap: timedelta

    def select_due(self, webinars: Collection[MarketingEvent]) -> list[MarketingEvent]:
        """Return those whose attendance may be another than the one that is known."""
        with self.store.transaction() as tx:
            known = scan_state.load_webinars(tx)
        return [webinar for webinar in webinars if self._is_due(webinar, known.get(webinar.id))]

    def save(self, tx: Connection, webinar: MarketingEvent, attendances: Collection[str]) -> None:
        """Note that a webinar has been read to its end, and forget the attendance that was taken back."""
        known = scan_state.load_webinar(tx, webinar.id)
        events.delete_except(tx, EVENT_KIND, webinar.id, attendances)
        moved = known.changed_at if known and known.fingerprint == _fingerprint(webinar) else to_ms(self.now)
        state = WebinarState(fingerprint=_fingerprint(webinar), changed_at=moved, read_at=to_ms(self.now))
        scan_state.save_webinar(tx, webinar.id, state)

    def mark_done(self) -> None:
        """Note that every webinar has been looked at."""
        with self.store.transaction() as tx:
            coverage.add(tx, EVENT_KIND, 0, to_ms(self.now))

    def _is_due(self, webinar: MarketingEvent, known: WebinarState | None) -> bool:
        if known is None:
            return webinar.attendee_count != 0
        settled = self.now - self.overlap > from_ms(known.changed_at) and self.now - RECHECK_INTERVAL < from_ms(known.read_at)
        return known.fingerprint != _fingerprint(webinar) or not settled


def _fingerprint(webinar: MarketingEvent) -> str:
    changed = to_ms(webinar.updated_at) if webinar.updated_at else ""
    return f"{changed}/{webinar.attendee_count}"
