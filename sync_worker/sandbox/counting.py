"""Contacts with the counters that HubSpot computes from what they did."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from sync_worker.sandbox.data import PortalData, Row
from sync_worker.sandbox.engagement import Engagement

Counters = Callable[[PortalData], Mapping[str, Mapping[str, str]]]


def with_counters(data: PortalData, engagement: Engagement, deals: list[Row], counters: Counters | None) -> Iterable[Row]:
    """Return the rows of the contacts, with what `counters` computes of the events over their own values.

    The events are read from `engagement`, since the rows of `data` may be readable only once.
    """
    if counters is None:
        return data.contacts
    contacts = list(data.contacts) if isinstance(data.contacts, Iterator) else data.contacts
    forms = engagement.forms
    computed = counters(
        replace(
            data,
            contacts=contacts,
            email_events=engagement.email_events,
            events=engagement.occurrences,
            forms=list(forms.by_id.values()),
            submissions=_Again(forms.all_submissions),
            deals=deals,
        )
    )
    return _counted(contacts, computed)


@dataclass(frozen=True, slots=True)
class _Again:
    rows: Callable[[], Iterator[Row]]

    def __iter__(self) -> Iterator[Row]:
        return self.rows()


def _counted(contacts: Iterable[Row], computed: Mapping[str, Mapping[str, str]]) -> Iterator[Row]:
    for row in contacts:
        own = computed.get(row["id"])
        yield {**row, "properties": {**row["properties"], **own}} if own else row
