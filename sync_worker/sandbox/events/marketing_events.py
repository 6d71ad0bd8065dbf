"""Marketing events and the attendance of contacts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from sync_worker.sandbox.base.portal_data import Row
from sync_worker.sandbox.events.event_timeline import EventTimeline, RowKey

ATTENDANCE_STATES = ("REGISTERED", "CANCELLED", "ATTENDED", "NO_SHOW")


def participation_event_id(row: Row) -> str:
    """Return the id of the marketing event that a participation belongs to."""
    return str(row["associations"]["marketingEvent"]["marketingEventId"])


def _event_and_state(row: Row) -> str:
    return f"{participation_event_id(row)} {row['properties']['attendanceState']}"


PARTICIPATION_KEY = RowKey(
    timestamp=lambda row: int(row["properties"]["occurredAt"]),
    kind=_event_and_state,
    contact_key=lambda row: str(row["associations"]["contact"]["contactId"]),
)


class MarketingEventStore:
    """The marketing events of a portal by id, with the current attendance state of each contact."""

    def __init__(self, events: Iterable[Row], participations: Iterable[Row]) -> None:
        self.by_id = {str(row["objectId"]): row for row in sorted(events, key=lambda row: int(row["objectId"]))}
        self._replace_participations(participations)

    def count_by_state(self, event_id: str) -> Mapping[str, int]:
        """Return the number of contacts in each attendance state."""
        return {state: self._state_counts[f"{event_id} {state}"] for state in ATTENDANCE_STATES}

    def participation_positions(self, event_id: str, *, state: str | None = None, contact_id: str | None = None) -> Iterator[int]:
        """Yield the positions of the participations in an event, oldest first."""
        kinds = {f"{event_id} {each}" for each in ([state] if state else ATTENDANCE_STATES)}
        positions = range(len(self.timeline))
        return (at for at in self.timeline.select(positions, contact_key=contact_id) if self.timeline.kind(at) in kinds)

    def save_participation(self, row: Row) -> None:
        """Add a participation; it replaces a row with the same id."""
        self._replace_participations([*(each for each in self.timeline if str(each["id"]) != str(row["id"])), row])

    def _replace_participations(self, participations: Iterable[Row]) -> None:
        self.timeline = EventTimeline(participations, PARTICIPATION_KEY)
        self._state_counts = Counter(self.timeline.kind(at) for at in range(len(self.timeline)))
