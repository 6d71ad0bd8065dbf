"""The counters that HubSpot computes from what contacts did."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from sync_worker.sandbox.base.portal_data import PortalData, Row
from sync_worker.sandbox.events.engagement import Engagement

CounterFunction = Callable[[PortalData], Mapping[str, Mapping[str, str]]]


def empty_counters(_: PortalData) -> Mapping[str, Mapping[str, str]]:
    """Count nothing."""
    return {}


def add_counters(data: PortalData, engagement: Engagement, deals: Sequence[Row], counters: CounterFunction) -> Iterable[Row]:
    """Yield the rows of the contacts, with what `counters` computes of the events over their own values.

    The events are read from `engagement`, since the rows of `data` may be readable only once.
    """
    contacts = list(data.contacts) if isinstance(data.contacts, Iterator) else data.contacts
    seen = replace(
        data,
        contacts=contacts,
        email_events=engagement.email_events,
        events=engagement.occurrences,
        forms=list(engagement.forms.by_id.values()),
        submissions=engagement.submissions,
        deals=deals,
    )
    computed = counters(seen)
    for row in contacts:
        own = computed.get(row["id"])
        yield {**row, "properties": {**row["properties"], **own}} if own else row


def contact_counters(
    data: PortalData, contact: Row, engagement: Engagement, deals: Sequence[Row], counters: CounterFunction
) -> Mapping[str, str]:
    """Return the counters of one contact as they are now; `data` names the portal, its rows are not read."""
    properties = contact["properties"]
    others = (properties.get("hs_additional_emails") or "").split(";")
    addresses = [address.lower() for address in (properties.get("email"), *others) if address]
    seen = replace(
        data,
        contacts=[contact],
        email_events=[row for address in addresses for row in engagement.email_events.contact_rows(address)],
        events=[{**row, "objectId": contact["id"]} for row in engagement.occurrences.contact_rows(contact["id"])],
        forms=list(engagement.forms.by_id.values()),
        submissions=[row for address in addresses for row in engagement.submissions.contact_rows(address)],
        deals=[{**deal, "contactIds": [contact["id"]]} for deal in deals],
    )
    return counters(seen).get(contact["id"], {})
