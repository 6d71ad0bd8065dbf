"""Read from HubSpot what is not known yet, and remember it with the mark that says so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Protocol

from sync_worker.hubspot.client import HubSpot
from sync_worker.hubspot.records import Contact, Event
from sync_worker.pipeline.ranges import Page, Stream, sweep
from sync_worker.pipeline.remembering import Remembering, happening
from sync_worker.store import coverage, happenings, meta, people
from sync_worker.store.coverage import Interval
from sync_worker.store.database import Store
from sync_worker.store.instants import from_ms, to_ms

FOUNDED: Final = 1_149_120_000_000  # HubSpot's first month, June 2006: no event is older
FOR_EVER: Final = 2**62

EMAIL_KINDS: Final = {"email_click": "CLICK", "email_open": "OPEN"}
OCCURRENCE_KINDS: Final = {"page_view": "e_visited_page"}


class Progress(Protocol):
    """Whoever wants to see how far the run is."""

    def __call__(self, what: str, done: int) -> None:
        """Hear that so many more of something are done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pull:
    """Everything that is read, at one instant."""

    hubspot: HubSpot
    store: Store
    remembering: Remembering
    now: datetime
    overlap: timedelta  # re-read behind every cursor: HubSpot's events and its index arrive late
    readers: int
    progress: Progress = lambda _what, _done: None
    counts: Counter[str] = field(default_factory=Counter)

    # What everybody's facts rest on, before the contacts themselves.

    def hidden(self) -> frozenset[str]:
        """Return the kinds of event that the model looks at and that this portal does not show one by one."""
        wanted = self.remembering.outputs.model.event_kinds
        single = {kind for kind in wanted if kind in OCCURRENCE_KINDS or kind.startswith("custom:")}
        return frozenset(single) if single and not self.hubspot.occurrences.available() else frozenset()

    def events(self, hidden: frozenset[str]) -> None:
        """Read the events that the model looks at, from where the last reading ended, less an overlap."""
        for kind in sorted(self.remembering.outputs.model.event_kinds - hidden):
            if kind == "form_submission":
                self._submissions()
            elif kind in EMAIL_KINDS:
                self._timed(kind, self._emails(kind), mirrored=True)
            else:
                self._timed(kind, self._occurrences(kind), mirrored=False)
