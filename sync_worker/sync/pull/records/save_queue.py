"""Saves scanned contacts in groups, while others are read: the statuses of their email subscriptions take calls of their own.

A group is saved in one transaction with the ranges of ids that are complete with it, so an interrupted scan has no contact without its
subscriptions. The groups are large, because the last batch of addresses of a group is rarely full.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from sync_worker.hubspot.records.models import Contact
from sync_worker.intervals import Interval
from sync_worker.sync.pull.context import PullContext
from sync_worker.sync.reader.keyed_stream import StreamBatch

GROUP_SIZE: Final = 2_000  # contacts
MAX_GROUPS: Final = 8  # that wait for their statuses; memory does not grow with the portal


@dataclass(slots=True, kw_only=True)
class SaveQueue:
    """Contacts of one scan that are not saved yet. Without subscriptions, they are saved at once."""

    context: PullContext
    save: Callable[[Sequence[Contact], Sequence[Interval]], None]
    _contacts: list[Contact] = field(default_factory=list)
    _intervals: list[Interval] = field(default_factory=list)
    _saves: deque[Future[None]] = field(default_factory=deque)

    def add(self, batches: Sequence[StreamBatch[Contact]]) -> int:
        """Add contacts, and wait while too many groups are in progress; return the number of contacts."""
        contacts, intervals = [row for batch in batches for row in batch.rows], [batch.interval for batch in batches]
        if not self.context.reads_subscriptions:
            self.save(contacts, intervals)
            return len(contacts)
        self._contacts += contacts
        self._intervals += intervals
        if len(self._contacts) >= GROUP_SIZE:
            self._start_group()
        return len(contacts)

    def finish(self) -> None:
        """Wait until all contacts are saved."""
        if self._intervals:
            self._start_group()
        while self._saves:
            self._saves.popleft().result()

    def _start_group(self) -> None:
        while len(self._saves) >= MAX_GROUPS:
            self._saves.popleft().result()
        group = partial(self.save, self._contacts, self._intervals)
        self._contacts, self._intervals = [], []
        self._saves.append(self.context.threads.start("subscriptions", group))
