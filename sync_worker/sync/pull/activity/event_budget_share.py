"""How much of the burst budget the list of contacts leaves to the events that are read at the same time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self

from sync_worker.hubspot.budgets import CallBudget
from sync_worker.sync.reader.budget_split import Saturation

BACKLOG_EVENTS: Final = 500  # events in one run; more are a backlog
BACKLOG_WAIT_SECONDS: Final = 1.0  # seconds that the list waits for a backlog to show
BACKLOG_RESERVE_SHARE: Final = 0.9  # share of the burst for a backlog, while it uses the burst up: search reads contacts meanwhile
EVENT_RESERVE_SHARE: Final = 0.05  # share of the burst for few events: some are read one request after the other


@dataclass(slots=True, kw_only=True)
class EventReserve:
    """The share of the burst that is reserved for events while they are read. Times are monotonic seconds."""

    burst: CallBudget
    monotonic: Callable[[], float]
    is_backlog: bool = False
    saturation: Saturation = field(init=False)

    def __enter__(self) -> Self:
        """Reserve the share of a backlog until its size is known."""
        window = self.burst.window_seconds
        self.saturation = Saturation(window=window, seen=self.monotonic() - window + BACKLOG_WAIT_SECONDS)
        self.burst.set_reserve(BACKLOG_RESERVE_SHARE)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        """Release the reserve."""
        self.burst.set_reserve(0)

    def update(self, events_read: int) -> None:
        """Adapt the share to the number of events that were read in this run so far."""
        if not self.is_backlog and events_read > BACKLOG_EVENTS:
            self.is_backlog, self.saturation.seen = True, self.monotonic()
            self.burst.set_reserve(BACKLOG_RESERVE_SHARE)
        if not self.saturation.lasts(self.monotonic(), used_up=self.is_backlog and self.burst.is_used_up):
            self.burst.set_reserve(EVENT_RESERVE_SHARE)
