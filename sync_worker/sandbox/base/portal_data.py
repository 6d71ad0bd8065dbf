"""What a sandbox portal is filled with, in HubSpot's own shapes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

Row = dict[str, Any]
Tier = Literal["starter", "professional", "enterprise"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalData:
    """One portal's worth of rows, each iterable read once, from first to last.

    `now` is the portal's present (aware UTC). The rows of each kind have the shape that the portal folder
    has, one JSON object a line: contacts and companies {id, properties, createdAt, updatedAt, archived}; email_events as of
    e-mail events v1; events {id, eventType, objectId, occurredAt, properties}; forms {id, name}; submissions {formId,
    submittedAt, values, pageUrl}; marketing_events {objectId, eventName, eventType ...} and participations {id, properties:
    {attendanceState, occurredAt ms}, associations: {contact: {contactId}, marketingEvent: {marketingEventId}}} as HubSpot's marketing
    events API tells them; deals {id, properties, contactIds}. Calculated counters are not in the rows: whoever
    serves or scores them computes these from the events, as HubSpot does.
    """

    portal_id: int
    tier: Tier
    time_zone: str
    now: datetime
    contacts: Iterable[Row] = field(default=())
    companies: Iterable[Row] = field(default=())
    email_events: Iterable[Row] = field(default=())
    events: Iterable[Row] = field(default=())
    forms: Iterable[Row] = field(default=())
    submissions: Iterable[Row] = field(default=())
    marketing_events: Iterable[Row] = field(default=())
    participations: Iterable[Row] = field(default=())
    deals: Iterable[Row] = field(default=())
