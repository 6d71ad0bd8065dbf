"""The messages that a channel refuses, each tried again at growing distance. Several in a row mean that the channel refuses all."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from sync_worker.store.database import Store
from sync_worker.store.writes import hand_offs, rejections
from sync_worker.store.writes.hand_offs import WaitingHandOff
from sync_worker.store.writes.rejections import Rejection

MAX_IN_A_ROW: Final = 3  # refusals of single messages after which no other one is tried
MAX_DISTANCE: Final = 3_600_000  # milliseconds between two tries


@dataclass(slots=True, kw_only=True)
class Refusals:
    """The refusals of one delivery that started at `at` (milliseconds)."""

    store: Store
    channel: str
    at: int
    in_a_row: int = 0

    def save(self, row: WaitingHandOff, reason: str) -> bool:
        """Save that a message was refused, and why; return whether another one is worth a try."""
        rejection = Rejection(row.contact_id, hand_offs.part(self.channel), row.key, reason)
        with self.store.transaction() as tx:
            hand_offs.save_failure(tx, [row], self.channel, reason)
            rejections.save(tx, [rejection], at=self.at, max_distance=MAX_DISTANCE)
        self.in_a_row += 1
        return self.in_a_row < MAX_IN_A_ROW

    def clear(self, accepted: Collection[WaitingHandOff]) -> None:
        """Save that messages were accepted."""
        self.in_a_row = 0
        with self.store.transaction() as tx:
            rejections.delete_part(tx, hand_offs.part(self.channel), [row.contact_id for row in accepted])
