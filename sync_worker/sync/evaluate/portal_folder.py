"""The records of a portal folder, and those of them that are events."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from sync_worker.hubspot.api.email_events import parse_email_event
from sync_worker.hubspot.api.event_occurrences import parse_occurrence
from sync_worker.hubspot.api.forms import UNREADABLE_TYPES, parse_submission
from sync_worker.hubspot.api.marketing_events import parse_attendance, parse_marketing_event
from sync_worker.hubspot.records.models import Event
from sync_worker.hubspot.records.row_parser import JsonObject
from sync_worker.sync.pull.hubspot_streams import is_occurrence
from sync_worker.timestamps import from_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalFolder:
    """The records of a portal as HubSpot's JSON. Each iterable is read once."""

    contacts: Iterable[JsonObject]
    companies: Iterable[JsonObject]
    email_events: Iterable[JsonObject]
    events: Iterable[JsonObject]
    forms: Iterable[JsonObject]
    submissions: Iterable[JsonObject]
    marketing_events: Iterable[JsonObject]
    participations: Iterable[JsonObject]
    subscriptions: Iterable[JsonObject]
    shows_occurrences: bool
    deals: Iterable[JsonObject] = ()
    property_history: Iterable[JsonObject] = ()

    def read_events(self) -> Iterator[tuple[Event, datetime | None]]:
        """Yield the events that a backfill reads, each with the time when HubSpot replaced it.

        A submission that HubSpot also shows as an occurrence is yielded once.
        """
        for row in self.email_events:
            newer = row.get("obsoletedBy")
            yield parse_email_event(row), from_ms(newer["created"]) if newer else None
        yield from ((event, None) for event in map(parse_occurrence, self.events) if is_occurrence(event.kind))
        hidden_forms = {row["id"] for row in self.forms if row.get("formType") in UNREADABLE_TYPES}
        for row in self.submissions:
            if (form_id := str(row["formId"])) not in hidden_forms:
                yield parse_submission(row, form_id), None
        webinars = {event.id: event for event in map(parse_marketing_event, self.marketing_events) if event.is_webinar}
        for row in self.participations:
            webinar = webinars.get(str(row["associations"]["marketingEvent"]["marketingEventId"]))
            if webinar and (attendance := parse_attendance(row, webinar)):
                yield attendance, None
