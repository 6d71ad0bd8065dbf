"""The hand-off of new MQLs to sales, through all channels. A channel that fails does not block another one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

import structlog

from sync_worker.store.database import Store
from sync_worker.store.saved_state import hand_off_pauses
from sync_worker.store.saved_state.hand_off_pauses import HandOffPause
from sync_worker.store.writes import hand_offs
from sync_worker.store.writes.hand_offs import HandOffCounts
from sync_worker.store.writes.rejections import retry_distance
from sync_worker.sync.handoff.refusals import MAX_DISTANCE
from sync_worker.timestamps import to_ms

ABANDONED_AFTER: Final = timedelta(days=7)  # a channel that is missing in the settings may come back
CLOSED_HINT: Final = "The contact has left HubSpot or the list of MQLs, or the channel has left the settings."

log = structlog.get_logger()


class Delivery(Protocol):
    """The messages of one channel."""

    @property
    def channel_id(self) -> str:
        """The channel in the table of messages."""

    def deliver(self, store: Store, notes: list[str]) -> bool:
        """Send what waits; return whether the channel works. If not, save the reason. Add messages for the operator to `notes`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOff:
    """Delivers the messages of a run. A channel that has failed is tried again in the next run, then at growing distance."""

    deliveries: Sequence[Delivery]
    clock: Callable[[], datetime]

    def deliver(self, store: Store, notes: list[str]) -> HandOffCounts:
        """Return the counts, with `sent` of this run."""
        closed = self._close(store)
        with store.transaction() as tx:
            before = hand_offs.count(tx)
        for delivery in self.deliveries:
            self._deliver(delivery, store, notes)
        closed += self._close(store)  # a delivery may find that a contact has left HubSpot
        if closed:
            log.info("hand_off.closed", messages=closed)
            notes.append(f"Messages to sales that are not sent: {closed:,}. {CLOSED_HINT}")
        with store.transaction() as tx:
            after = hand_offs.count(tx)
        return after._replace(sent=after.sent - before.sent)

    def _deliver(self, delivery: Delivery, store: Store, notes: list[str]) -> None:
        channel, now = delivery.channel_id, to_ms(self.clock())
        with store.transaction() as tx:
            pause = hand_off_pauses.load(tx, channel)
        if pause and now < pause.retry_at:
            return
        works, tries = delivery.deliver(store, notes), pause.tries + 1 if pause else 1
        failed = HandOffPause(tries=tries, retry_at=now + retry_distance(tries, MAX_DISTANCE))
        with store.transaction() as tx:
            hand_off_pauses.save(tx, channel, None if works else failed)
            if pause and works:
                hand_offs.clear_reason(tx, channel)

    def _close(self, store: Store) -> int:
        with store.transaction() as tx:
            channels = [delivery.channel_id for delivery in self.deliveries]
            return hand_offs.close(tx, channels, before=to_ms(self.clock() - ABANDONED_AFTER))
