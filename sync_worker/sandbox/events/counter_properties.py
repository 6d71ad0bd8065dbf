"""Adds calculated counters to contacts, computed from their events (sandbox/counters)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from sync_worker.sandbox.base.portal_data import PortalData, Row
from sync_worker.sandbox.events.portal_events import Engagement

CounterFunction = Callable[[PortalData], Mapping[str, Mapping[str, str]]]


def empty_counters(_: PortalData) -> Mapping[str, Mapping[str, str]]:
    """Return no counters."""
    return {}


def add_counters(data: PortalData, engagement: Engagement, deals: Sequence[Row], counters: CounterFunction) -> Iterable[Row]:
    """Yield the contact rows with computed counters; a computed value replaces a value of the row.

    Events are read from `engagement`, because the iterables of `data` can be read only once.
    """
    contacts = list(data.contacts) if isinstance(data.contacts, Iterator) else data.contacts
    portal_data = replace(
        data,
        contacts=contacts,
        email_events=engagement.email_events,
        events=engagement.occurrences,
        forms=list(engagement.forms.by_id.values()),
        submissions=engagement.submissions,
        deals=deals,
    )
    computed = counters(portal_data)
    for row in contacts:
        values = computed.get(row["id"])
        yield {**row, "properties": {**row["properties"], **values}} if values else row


def contact_counters(
    data: PortalData, contact: Row, engagement: Engagement, deals: Sequence[Row], counters: CounterFunction
) -> Mapping[str, str]:
    """Return the current counters of one contact; the rows of `data` are not read."""
    properties = contact["properties"]
    others = (properties.get("hs_additional_emails") or "").split(";")
    addresses = [address.lower() for address in (properties.get("email"), *others) if address]
    portal_data = replace(
        data,
        contacts=[contact],
        email_events=[row for address in addresses for row in engagement.email_events.contact_rows(address)],
        events=[{**row, "objectId": contact["id"]} for row in engagement.occurrences.contact_rows(contact["id"])],
        forms=list(engagement.forms.by_id.values()),
        submissions=[row for address in addresses for row in engagement.submissions.contact_rows(address)],
        deals=[{**deal, "contactIds": [contact["id"]]} for deal in deals],
    )
    return counters(portal_data).get(contact["id"], {})
