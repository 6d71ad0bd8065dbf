"""Which webinars must be read: HubSpot lists attendances by webinar, and most webinars took place long ago.

The list of webinars shows the number of attendees and the time of the last change. If both are unchanged, the attendance is not read.
The list may show an attendee before the attendance does, so a changed webinar is read again until an overlap has passed. Once a week, and
in every full scan, all webinars are read.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Final

from sqlalchemy import Connection

from sync_worker.hubspot.records.models import Event, MarketingEvent
from sync_worker.store.facts import coverage, events
from sync_worker.store.saved_state import scan_state
from sync_worker.store.saved_state.scan_state import WebinarState
from sync_worker.sync.pull import hubspot_streams
from sync_worker.sync.pull.activity.event_storage import read_per_item, save_errors, save_events, save_nothing
from sync_worker.sync.pull.context import PullContext
from sync_worker.sync.pull.item_errors import ItemErrors
from sync_worker.sync.reader.keyed_stream import StreamBatch
from sync_worker.timestamps import from_ms, to_ms

EVENT_KIND: Final = "webinar"
RECHECK_INTERVAL: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebinarWatcher:
    """The state of the last read of each webinar."""

    context: PullContext

    def select_due(self, webinars: Collection[MarketingEvent], *, is_full: bool) -> list[MarketingEvent]:
        """Return the webinars whose attendance may have changed; in a full scan, all that have an attendance."""
        known = self.context.transact(scan_state.load_webinars)
        return [webinar for webinar in webinars if (is_full and webinar.id in known) or self._is_due(webinar, known.get(webinar.id))]

    def save(self, tx: Connection, webinar: MarketingEvent, attendances: Collection[str]) -> None:
        """Save that a webinar has been read completely, and delete attendances that HubSpot no longer shows."""
        known = scan_state.load_webinar(tx, webinar.id)
        events.delete_except(tx, EVENT_KIND, webinar.id, attendances)
        now = self.context.now_ms
        changed_at = known.changed_at if known and known.fingerprint == _fingerprint(webinar) else now
        state = WebinarState(fingerprint=_fingerprint(webinar), changed_at=changed_at, read_at=now)
        scan_state.save_webinar(tx, webinar.id, state)

    def mark_done(self) -> None:
        """Save that all webinars have been checked."""
        self.context.transact(lambda tx: coverage.add(tx, EVENT_KIND, 0, self.context.now_ms))

    def _is_due(self, webinar: MarketingEvent, known: WebinarState | None) -> bool:
        if known is None:
            return webinar.attendee_count != 0
        now, overlap = self.context.now, self.context.overlap
        settled = now - overlap > from_ms(known.changed_at) and now - RECHECK_INTERVAL < from_ms(known.read_at)
        return known.fingerprint != _fingerprint(webinar) or not settled


def _fingerprint(webinar: MarketingEvent) -> str:
    changed = to_ms(webinar.updated_at) if webinar.updated_at else ""
    return f"{changed}/{webinar.attendee_count}"


def read_webinars(context: PullContext, *, is_full: bool) -> None:
    """Read the attendances of the webinars that are due."""
    watcher = WebinarWatcher(context=context)
    due = watcher.select_due(context.hubspot.marketing_events.list_webinars(), is_full=is_full)
    errors = ItemErrors("webinar", {webinar.id: webinar.name for webinar in due})
    saver = _AttendanceSaver(context=context, watcher=watcher, webinars=due, attendances=[set() for _ in due], errors=errors)
    read_per_item(context, hubspot_streams.attendances(context.hubspot, due, errors), due, saver.save)
    save_errors(context, errors)
    watcher.mark_done()


@dataclass(frozen=True, slots=True, kw_only=True)
class _AttendanceSaver:
    context: PullContext
    watcher: WebinarWatcher
    webinars: Sequence[MarketingEvent]
    attendances: Sequence[set[str]]  # the ids that were read of each webinar
    errors: ItemErrors

    def save(self, batch: StreamBatch[Event]) -> None:
        number = batch.interval.low
        self.attendances[number].update(event.id for event in batch.rows)
        complete = batch.interval.high > number and not self.errors.is_incomplete(self.webinars[number].id)
        save_events(self.context, EVENT_KIND, batch.rows, partial(self._save_webinar, number=number) if complete else save_nothing)

    def _save_webinar(self, tx: Connection, *, number: int) -> None:
        self.watcher.save(tx, self.webinars[number], self.attendances[number])
