"""Counters of all contacts of a portal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sync_worker.sandbox.base.portal_data import PortalData, Row
from sync_worker.sandbox.counters.contact import ZERO_COUNTERS, ContactCounters


def compute_counters(data: PortalData) -> dict[str, Mapping[str, str]]:
    """Return the calculated properties of every contact, by id; each iterable of `data` is read once.

    Email events and submissions contain only an address. They count for the contact with this primary address, otherwise for the
    contact with this additional address. The events of a merged contact count for the
    survivor. Contacts without events share one read-only mapping.
    """
    index = _ContactIndex(data)
    for event in data.email_events:
        if counters := index.by_address(event["recipient"]):
            counters.add_email_event(event)
    for event in data.events:
        if counters := index.by_id(event["objectId"]):
            counters.add_event(event)
    forms: dict[str, str] = {form["id"]: form["name"] for form in data.forms}
    for submission in data.submissions:
        if counters := index.by_address(_submission_email(submission)):
            form: str = submission["formId"]
            counters.add_submission(submission, forms.get(form, form))
    for deal in data.deals:
        for contact_id in deal["contactIds"]:
            if counters := index.by_id(contact_id):
                counters.add_deal(deal)
    return dict(index.results())


def email_addresses(properties: Mapping[str, str | None]) -> Iterator[str]:
    """Yield the email addresses of a contact in lower case, the primary one first."""
    for name in ("email", "hs_additional_emails"):
        for address in (properties.get(name) or "").split(";"):
            if normalized := address.strip().lower():
                yield normalized


class _ContactIndex:
    """The contacts of a portal by id and address; counters are created with the first event of a contact."""

    def __init__(self, data: PortalData) -> None:
        self._counters: dict[str, ContactCounters | None] = {}
        self._survivors: dict[str, str] = {}
        primary: dict[str, str] = {}
        additional: dict[str, str] = {}
        for row in data.contacts:
            self._counters[row["id"]] = None
            merged = filter(None, (row["properties"].get("hs_merged_object_ids") or "").split(";"))
            self._survivors |= dict.fromkeys(merged, row["id"])
            for rank, address in enumerate(email_addresses(row["properties"])):
                owners = additional if rank or row.get("archived") else primary
                owners.setdefault(address, row["id"])
        self._owners = additional | primary

    def by_id(self, contact_id: str) -> ContactCounters | None:
        contact_id = self._survivors.get(contact_id, contact_id)
        if contact_id not in self._counters:
            return None
        counters = self._counters[contact_id] = self._counters[contact_id] or ContactCounters()
        return counters

    def by_address(self, address: str) -> ContactCounters | None:
        return self.by_id(self._owners.get(address.strip().lower(), ""))

    def results(self) -> Iterator[tuple[str, Mapping[str, str]]]:
        for contact_id, counters in self._counters.items():
            yield contact_id, counters.properties() if counters else ZERO_COUNTERS
            self._counters[contact_id] = None


def _submission_email(submission: Row) -> str:
    fields = submission["values"]
    return next((str(field.get("value") or "") for field in fields if field["name"] == "email"), "")
