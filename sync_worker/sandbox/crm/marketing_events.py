"""Marketing events and who took part in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from sync_worker.sandbox.base.portal_data import Row
from sync_worker.sandbox.crm.event_timeline import Key, Timeline

STATES = ("REGISTERED", "CANCELLED", "ATTENDED", "NO_SHOW")


def event_of(row: Row) -> str:
    """Return the id of the marketing event that a participation belongs to."""
    return str(row["associations"]["marketingEvent"]["marketingEventId"])


def _kind(row: Row) -> str:
    return f"{event_of(row)} {row['properties']['attendanceState']}"


PARTICIPATIONS = Key(
    at=lambda row: int(row["properties"]["occurredAt"]),
    kind=_kind,
    who=lambda row: str(row["associations"]["contact"]["contactId"]),
)


class MarketingEvents:
    """The marketing events of a portal by id, and the present state of everybody who has to do with them."""

    def __init__(self, events: Iterable[Row], participations: Iterable[Row]) -> None:
        self.by_id = {str(row["objectId"]): row for row in sorted(events, key=lambda row: int(row["objectId"]))}
        self._set(participations)

    def counts(self, event_id: str) -> Mapping[str, int]:
        """Return how many are in each state."""
        return {state: self._states[f"{event_id} {state}"] for state in STATES}

    def participations(self, event_id: str, *, state: str | None = None, who: str | None = None) -> Iterator[int]:
        """Yield the positions of the participations in an event, the oldest first."""
        kinds = {f"{event_id} {each}" for each in ([state] if state else STATES)}
        everywhere = range(len(self.timeline))
        return (at for at in self.timeline.of(everywhere, who=who) if self.timeline.kind(at) in kinds)

    def take_part(self, row: Row) -> None:
        """Let somebody take part; a row of the same id takes the place of the earlier one."""
        self._set([*(each for each in self.timeline if str(each["id"]) != str(row["id"])), row])

    def _set(self, participations: Iterable[Row]) -> None:
        self.timeline = Timeline(participations, PARTICIPATIONS)
        self._states = Counter(self.timeline.kind(at) for at in range(len(self.timeline)))
