"""The counters of all contacts of a portal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sync_worker.sandbox.base.portal_data import PortalData, Row
from sync_worker.sandbox.counters.contact import ZERO_COUNTERS, ContactCounters


def compute_counters(data: PortalData) -> dict[str, Mapping[str, str]]:
    """Return the calculated properties of every contact, by id; each kind of row is read once.

    E-mail events and submissions name an address only: they go to the contact that has it, first as its own, else among
    its additional ones. Contacts that did nothing share one read-only mapping.
    """
    found = _ContactIndex(data)
    for event in data.email_events:
        if counters := found.by_address(event["recipient"]):
            counters.add_email_event(event)
    for event in data.events:
        if counters := found.by_id(event["objectId"]):
            counters.add_event(event)
    forms: dict[str, str] = {form["id"]: form["name"] for form in data.forms}
    for submission in data.submissions:
        if counters := found.by_address(_submission_email(submission)):
            form: str = submission["formId"]
            counters.add_submission(submission, forms.get(form, form))
    for deal in data.deals:
        for contact_id in deal["contactIds"]:
            if counters := found.by_id(contact_id):
                counters.add_deal(deal)
    return dict(found.results())


def email_addresses(properties: Mapping[str, str | None]) -> Iterator[str]:
    """Yield the e-mail addresses of a contact in lower case, its own first."""
    for name in ("email", "hs_additional_emails"):
        for address in (properties.get(name) or "").split(";"):
            if found := address.strip().lower():
                yield found


class _ContactIndex:
    """The contacts of a portal: counters for those that did something, made when it is seen."""

    def __init__(self, data: PortalData) -> None:
        self._counters: dict[str, ContactCounters | None] = {}
        own: dict[str, str] = {}
        others: dict[str, str] = {}
        for row in data.contacts:
            self._counters[row["id"]] = None
            for rank, address in enumerate(email_addresses(row["properties"])):
                claims = others if rank or row.get("archived") else own
                claims.setdefault(address, row["id"])
        self._owners = others | own

    def by_id(self, contact_id: str) -> ContactCounters | None:
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
