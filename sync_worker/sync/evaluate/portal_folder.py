"""The records of a portal folder, and those of them that are events."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import chain
from typing import Final, Protocol, TypeVar

import polars as pl

from sync_worker.batched import batched
from sync_worker.hubspot.api.email_events import parse_email_event
from sync_worker.hubspot.api.event_occurrences import is_occurrence, parse_occurrence
from sync_worker.hubspot.api.forms import UNREADABLE_TYPES, parse_submission
from sync_worker.hubspot.api.marketing_events import parse_attendance, parse_marketing_event
from sync_worker.hubspot.records.field_types import parse_optional_timestamp
from sync_worker.hubspot.records.models import Event
from sync_worker.hubspot.records.row_parser import PARSE_ERRORS, JsonObject, parse_readable_fields
from sync_worker.sync.evaluate.event_lines import AddressOwners, build_events, read_email_events, read_occurrences

T = TypeVar("T")
_ROWS_PER_FRAME: Final = 20_000


class LineChunk(Protocol):
    """Some lines of a file. Iteration validates and yields the rows; an error names the line."""

    @property
    def content(self) -> bytes:
        """The lines as they are."""

    def __iter__(self) -> Iterator[JsonObject]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalFolder:
    """The records of a portal as HubSpot's JSON. Each iterable is read once."""

    contacts: Iterable[JsonObject]
    companies: Iterable[JsonObject]
    email_events: Iterable[LineChunk]
    events: Iterable[LineChunk]
    forms: Iterable[JsonObject]
    submissions: Iterable[JsonObject]
    marketing_events: Iterable[JsonObject]
    participations: Iterable[JsonObject]
    subscriptions: Iterable[JsonObject]
    shows_occurrences: bool
    deals: Iterable[JsonObject] = ()
    property_history: Iterable[JsonObject] = ()
    unreadable: Counter[str] = field(default_factory=Counter)  # rows of events that could not be read in full, by file

    def read_events(self, kinds: Collection[str], owners: AddressOwners) -> Iterator[pl.DataFrame]:
        """Yield the events of some kinds that a backfill reads, with `LINE_COLUMNS`; rows that cannot be read are counted.

        A submission that HubSpot also shows as an occurrence is yielded once.
        """
        for chunk in self.email_events:
            found = read_email_events(chunk.content, kinds, owners)
            yield _build(self._parse_email_events(chunk), kinds, owners) if found is None else found
        for chunk in self.events:
            found = read_occurrences(chunk.content, kinds)
            yield _build(self._parse_occurrences(chunk), kinds, owners) if found is None else found
        for part in batched(chain(self._parse_submissions(), self._parse_attendances()), _ROWS_PER_FRAME):
            yield _build(((event, None) for event in part), kinds, owners)

    def _parse_email_events(self, rows: Iterable[JsonObject]) -> Iterator[tuple[Event, datetime | None]]:
        for row in rows:
            if (event := self._parse("email_events", parse_email_event, row)) is not None:
                newer = row.get("obsoletedBy")
                yield event, parse_optional_timestamp(newer.get("created")) if isinstance(newer, dict) else None

    def _parse_occurrences(self, rows: Iterable[JsonObject]) -> Iterator[tuple[Event, None]]:
        occurrences = (self._parse("events", parse_occurrence, row) for row in rows)
        return ((event, None) for event in occurrences if event is not None and is_occurrence(event.kind))

    def _parse_submissions(self) -> Iterator[Event]:
        hidden_forms = {row["id"] for row in self.forms if row.get("formType") in UNREADABLE_TYPES}
        for row in self.submissions:
            if (form_id := str(row["formId"])) not in hidden_forms:
                submission = self._parse("submissions", partial(parse_submission, form_id=form_id), row)
                yield from () if submission is None else (submission,)

    def _parse_attendances(self) -> Iterator[Event]:
        parsed = (self._parse("marketing_events", parse_marketing_event, row) for row in self.marketing_events)
        webinars = {event.id: event for event in parsed if event is not None and event.is_webinar}
        for row in self.participations:
            webinar = webinars.get(str(row["associations"]["marketingEvent"]["marketingEventId"]))
            if webinar and (attendance := self._parse("participations", partial(parse_attendance, event=webinar), row)):
                yield attendance

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


def _build(events: Iterable[tuple[Event, datetime | None]], kinds: Collection[str], owners: AddressOwners) -> pl.DataFrame:
    return build_events([(event, replaced_at) for event, replaced_at in events if event.kind in kinds], owners)
