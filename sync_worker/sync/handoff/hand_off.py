"""The hand-off of new MQLs to sales, through all channels. A channel that fails does not block another one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from sync_worker.store.database import Store
from sync_worker.store.writes import hand_offs
from sync_worker.store.writes.hand_offs import HandOffCounts


class Delivery(Protocol):
    """The messages of one channel."""

    def deliver(self, store: Store, notes: list[str]) -> None:
        """Send what waits, and save the reason if that fails. Messages for the operator are added to `notes`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOff:
    """Delivers the messages of a run."""

    deliveries: Sequence[Delivery]

    def deliver(self, store: Store, notes: list[str]) -> HandOffCounts:
        """Return the counts, with `sent` of this run."""
        with store.transaction() as tx:
            before = hand_offs.count(tx)
        for delivery in self.deliveries:
            delivery.deliver(store, notes)
        with store.transaction() as tx:
            after = hand_offs.count(tx)
        return after._replace(sent=after.sent - before.sent)
