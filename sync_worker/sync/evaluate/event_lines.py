"""Events from the lines of a portal folder, thousands of lines at a time.

Two million rows as Python objects take a minute and gigabytes. So lines with the fields and types that HubSpot documents are decoded
straight into columns; a chunk with any other line is left to the reader of rows, which knows the exceptions and names the line.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from itertools import chain
from typing import Final, TypeVar

import msgspec
import polars as pl

from sync_worker.hubspot.api.event_occurrences import event_kind, is_occurrence
from sync_worker.hubspot.records.field_types import FIRST_EVENT, LATEST, MAX_ID, Email, Milliseconds, RecordId, TextId, normalize_email
from sync_worker.hubspot.records.models import Event
from sync_worker.model.compiled.facts import EVENT_SCHEMA, TIMESTAMP
from sync_worker.model.compiled.frames import build_frame, build_series

EventLine = TypeVar("EventLine", bound=msgspec.Struct)

#: The contacts with an email address; HubSpot counts events for the first one.
AddressOwners = Mapping[str, tuple[int, ...]]

#: The columns of events as a file has them. `replaced_at`: when HubSpot replaced the event; `shared`: HubSpot counts it for another one.
LINE_COLUMNS: Final[Mapping[str, pl.DataType | type[pl.DataType]]] = {
    **{name: dtype for name, dtype in EVENT_SCHEMA.items() if name != "form_name"},
    "replaced_at": TIMESTAMP,
    "shared": pl.Boolean,
}
_ISO_8601: Final = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:[0-5]\d(\.\d+)?Z$"


class _Reference(msgspec.Struct, gc=False):
    created: Milliseconds
    id: TextId | None = None


class _EmailEventLine(msgspec.Struct, rename="camel", gc=False):
    id: TextId
    created: Milliseconds
    type: TextId
    recipient: Email
    url: str | None = None
    email_campaign_id: TextId | RecordId | None = None
    user_agent: str | None = None
    sent_by: _Reference | None = None
    obsoleted_by: _Reference | None = None
    filtered_event: bool | None = None


class _OccurrenceLine(msgspec.Struct, rename="camel", gc=False):
    id: TextId
    event_type: TextId
    object_id: TextId
    occurred_at: TextId
    properties: dict[str, str | None] | None = None


_EMAIL_EVENTS: Final = msgspec.json.Decoder(_EmailEventLine)
_OCCURRENCES: Final = msgspec.json.Decoder(_OccurrenceLine)


def read_email_events(content: bytes, kinds: Collection[str], owners: AddressOwners) -> pl.DataFrame | None:
    """Return the email events of some kinds with a row for each contact with the address, or None if a line is not as usual."""
    if (lines := _decode(content, _EMAIL_EVENTS)) is None:
        return None
    emails = [normalize_email(line.recipient) for line in lines]
    if not all(emails):
        return None
    by_type = {name: f"email_{name.lower()}" for name in {line.type for line in lines}}
    contacts = [owners.get(email or "", ()) if by_type[line.type] in kinds else () for line, email in zip(lines, emails, strict=True)]
    lines = [line for line, ids in zip(lines, contacts, strict=True) for _ in ids]
    return _build(
        len(lines),
        contact_id=list(chain.from_iterable(contacts)),
        event_id=[f"{line.id}:{line.created}" for line in lines],
        kind=[by_type[line.type] for line in lines],
        at=[line.created for line in lines],
        url=[line.url for line in lines],
        campaign=[str(line.email_campaign_id) if line.email_campaign_id else None for line in lines],
        user_agent=[line.user_agent for line in lines],
        sent_at=[(line.sent_by and line.sent_by.created) or None for line in lines],
        filtered=[bool(line.filtered_event) for line in lines],
        replaced_at=[line.obsoleted_by and line.obsoleted_by.created for line in lines],
        shared=[place > 0 for ids in contacts for place in range(len(ids))],
    )


def read_occurrences(content: bytes, kinds: Collection[str]) -> pl.DataFrame | None:
    """Return the page views and custom events of some kinds, or None if a line is not as usual."""
    if not (lines := _decode(content, _OCCURRENCES)):
        return None
    ids, times = _parse_ids([line.object_id for line in lines]), _parse_times([line.occurred_at for line in lines])
    if ids is None or times is None:
        return None
    by_type = {name: event_kind(name) for name in {line.event_type for line in lines}}
    properties = [line.properties or {} for line in lines]
    found = _build(
        len(lines),
        contact_id=ids,
        event_id=[line.id for line in lines],
        kind=[by_type[line.event_type] for line in lines],
        at=times,
        url=[values.get("hs_url") for values in properties],
        form_id=[values.get("hs_form_guid") for values in properties],
        campaign=[values.get("hs_utm_campaign") for values in properties],
        name=[values.get("hs_title") for values in properties],
        user_agent=[values.get("hs_user_agent") for values in properties],
        filtered=[False] * len(lines),
        shared=[False] * len(lines),
    )
    return found.filter(pl.col("kind").is_in([kind for kind in by_type.values() if is_occurrence(kind) and kind in kinds]))


def build_events(events: Sequence[tuple[Event, datetime | None]], owners: AddressOwners) -> pl.DataFrame:
    """Return the frame of events that were read as rows, each with the time when HubSpot replaced it."""
    rows = [
        (
            *(contact_id, event.id, event.kind, event.at, event.url, event.form_id, event.campaign, event.name),
            *(event.user_agent, event.sent_at, event.filtered, replaced_at, place > 0),
        )
        for event, replaced_at in events
        for place, contact_id in enumerate(owners.get(event.email or "", ()) if event.contact_id is None else (event.contact_id,))
    ]
    return build_frame(rows, LINE_COLUMNS)


def _decode(content: bytes, decoder: msgspec.json.Decoder[EventLine]) -> list[EventLine] | None:
    try:
        if not content.isascii():
            content.decode()  # the decoder does not check the UTF-8 of other fields
        lines = decoder.decode_lines(content)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    # Two values in one line, or one in two, are mistakes.
    content = content.rstrip(b"\n")
    return lines if len(lines) - 1 == content.count(b"\n") == content.count(b"\n{") else None


def _parse_ids(texts: Sequence[str]) -> pl.Series | None:
    series = pl.Series(texts, dtype=pl.String)
    ids = series.cast(pl.Int64, strict=False)
    is_usual = not ids.has_nulls() and (ids.cast(pl.String) == series).all() and (ids > 0).all() and (ids < MAX_ID).all()
    return ids if is_usual else None


def _parse_times(texts: Sequence[str]) -> pl.Series | None:
    series = pl.Series(texts, dtype=pl.String)
    if not series.str.contains(_ISO_8601).all():
        return None
    times = series.str.to_datetime("%Y-%m-%dT%H:%M:%S%.fZ", time_unit="ms", strict=False).dt.replace_time_zone("UTC")
    return times if not times.has_nulls() and (times >= FIRST_EVENT).all() and (times < LATEST).all() else None


def _build(height: int, **columns: Sequence[object] | pl.Series) -> pl.DataFrame:
    """Return a frame with the columns of `LINE_COLUMNS`; times are milliseconds, and a missing column has no values."""
    empty = [None] * height
    found = {name: columns.get(name, empty) for name in LINE_COLUMNS}
    return pl.DataFrame(
        values.alias(name) if isinstance(values, pl.Series) else build_series(name, values, LINE_COLUMNS[name])
        for name, values in found.items()
    )
