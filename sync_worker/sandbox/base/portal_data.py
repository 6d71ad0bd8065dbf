"""The rows that a sandbox portal is loaded from, in HubSpot's JSON shapes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

Row = dict[str, Any]
Tier = Literal["starter", "professional", "enterprise"]
SubscriptionStatus = Literal["SUBSCRIBED", "UNSUBSCRIBED", "NOT_SPECIFIED"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalData:
    """The rows of one portal; each iterable is read once, from first to last.

    `now` is the portal's current time (aware UTC). Rows have the shape of the lines of a portal folder: contacts and companies
    {id, properties, createdAt, updatedAt, archived}; email_events as in email events v1; events {id, eventType, objectId,
    occurredAt, properties}; forms {id, name}; submissions {formId, submittedAt ms, values, pageUrl}; marketing_events {objectId,
    eventName, eventType ...} and participations {id, properties: {attendanceState, occurredAt ms}, associations: {contact:
    {contactId}, marketingEvent: {marketingEventId}}} as in HubSpot's marketing events API; deals {id, properties, contactIds};
    properties {objectType, name, type, fieldType, options ...} of the portal's own properties; lists {listId, name, contactIds};
    property_history {objectType, id, name, value, timestamp}: earlier values of properties, which only `snapshot` reads;
    subscriptions {email, subscription, status, timestamp}, where `subscription` is the name of a subscription type.
    Rows contain no calculated counters: sandbox/counters computes them from the events, as HubSpot does.
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
    properties: Iterable[Row] = field(default=())
    lists: Iterable[Row] = field(default=())
    property_history: Iterable[Row] = field(default=())
    subscriptions: Iterable[Row] = field(default=())
