"""The records of a portal folder, and those of them that are events."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import TypeVar

from sync_worker.hubspot.api.email_events import parse_email_event
from sync_worker.hubspot.api.event_occurrences import parse_occurrence
from sync_worker.hubspot.api.forms import UNREADABLE_TYPES, parse_submission
from sync_worker.hubspot.api.marketing_events import parse_attendance, parse_marketing_event
from sync_worker.hubspot.records.field_types import parse_optional_timestamp
from sync_worker.hubspot.records.models import Event
from sync_worker.hubspot.records.row_parser import PARSE_ERRORS, JsonObject, parse_readable_fields
from sync_worker.sync.pull.hubspot_streams import is_occurrence

T = TypeVar("T")


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
    unreadable: Counter[str] = field(default_factory=Counter)  # rows of events that could not be read in full, by file

    def read_events(self) -> Iterator[tuple[Event, datetime | None]]:
        """Yield the events that a backfill reads, each with the time when HubSpot replaced it; rows that cannot be read are counted.

        A submission that HubSpot also shows as an occurrence is yielded once.
        """
        for row in self.email_events:
            if (event := self._parse("email_events", parse_email_event, row)) is not None:
                newer = row.get("obsoletedBy")
                yield event, parse_optional_timestamp(newer.get("created")) if isinstance(newer, dict) else None
        occurrences = (self._parse("events", parse_occurrence, row) for row in self.events)
        yield from ((event, None) for event in occurrences if event is not None and is_occurrence(event.kind))
        hidden_forms = {row["id"] for row in self.forms if row.get("formType") in UNREADABLE_TYPES}
        for row in self.submissions:
            if (form_id := str(row["formId"])) not in hidden_forms:
                submission = self._parse("submissions", partial(parse_submission, form_id=form_id), row)
                yield from () if submission is None else ((submission, None),)
        parsed = (self._parse("marketing_events", parse_marketing_event, row) for row in self.marketing_events)
        webinars = {event.id: event for event in parsed if event is not None and event.is_webinar}
        for row in self.participations:
            webinar = webinars.get(str(row["associations"]["marketingEvent"]["marketingEventId"]))
            if webinar and (attendance := self._parse("participations", partial(parse_attendance, event=webinar), row)):
                yield attendance, None

    def _parse(self, file: str, parse: Callable[[JsonObject], T], row: JsonObject) -> T | None:
        """Return the parsed row, or None: a wrong field must not stop the evaluation of all others."""
        ignored: list[str] = []
        try:
            return parse_readable_fields(row, parse, ignored)
        except PARSE_ERRORS:
            ignored.append("the row")
            return None
        finally:
            if ignored:
                self.unreadable[file] += 1
