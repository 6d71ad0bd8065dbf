"""Associations between records; hubspot-api.md 3.8."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sync_worker.sandbox.base.portal_data import Row
from sync_worker.sandbox.crm.records import RecordStore

PRIMARY_COMPANY_PROPERTY = "associatedcompanyid"


@dataclass(frozen=True, slots=True)
class AssociationType:
    """An association type with HubSpot's id."""

    id: int
    label: str | None
    name: str  # as in the `associations` of a record


ASSOCIATION_TYPES: Mapping[tuple[str, str], tuple[AssociationType, ...]] = {
    ("contacts", "companies"): (
        AssociationType(1, "Primary", "contact_to_company"),
        AssociationType(279, None, "contact_to_company_unlabeled"),
    ),
    ("companies", "contacts"): (
        AssociationType(2, "Primary", "company_to_contact"),
        AssociationType(280, None, "company_to_contact_unlabeled"),
    ),
    ("contacts", "deals"): (AssociationType(4, None, "contact_to_deal"),),
    ("deals", "contacts"): (AssociationType(3, None, "deal_to_contact"),),
    ("contacts", "tasks"): (AssociationType(203, None, "contact_to_task"),),
    ("tasks", "contacts"): (AssociationType(204, None, "task_to_contact"),),
}


class _Links:
    """The contacts of the records of one type, and the records of each contact."""

    def __init__(self) -> None:
        self.contacts: dict[int, tuple[int, ...]] = {}
        self.of_contact: dict[int, list[int]] = defaultdict(list)

    def add(self, record_id: int, contact_ids: Sequence[int]) -> None:
        self.contacts[record_id] = tuple(contact_ids)
        for contact_id in contact_ids:
            self.of_contact[contact_id].append(record_id)

    def reassign(self, old_contact_id: int, new_contact_id: int) -> None:
        for record_id in self.of_contact.pop(old_contact_id, ()):
            contacts = dict.fromkeys(new_contact_id if contact == old_contact_id else contact for contact in self.contacts[record_id])
            self.contacts[record_id] = tuple(contacts)
            if record_id not in self.of_contact[new_contact_id]:
                self.of_contact[new_contact_id].append(record_id)


class AssociationIndex:
    """Associations of contacts with companies (each contact's primary company), with deals and with tasks."""

    def __init__(self, contacts: RecordStore, deals: Iterable[Row]) -> None:
        self._contacts = contacts
        self._links = {kind: _Links() for kind in ("deals", "tasks")}
        for deal in deals:
            self.link("deals", int(deal["id"]), [int(contact) for contact in deal.get("contactIds") or ()])

    def link(self, kind: str, record_id: int, contact_ids: Sequence[int]) -> None:
        """Associate a deal or a task with contacts."""
        self._links[kind].add(record_id, contact_ids)

    def reassign(self, old_contact_id: int, new_contact_id: int) -> None:
        """Move the deals and tasks of a merged contact to the surviving contact."""
        for links in self._links.values():
            links.reassign(old_contact_id, new_contact_id)

    def find_ids(self, from_type: str, record_id: int, to_type: str) -> Sequence[int]:
        """Return the ids of the associated records of another type."""
        match from_type, to_type:
            case "contacts", "companies":
                return self._company_ids(record_id)
            case "companies", "contacts":
                return self._company_contact_ids(record_id)
            case "contacts", "deals" | "tasks":
                return self._links[to_type].of_contact.get(record_id, ())
            case "deals" | "tasks", "contacts":
                contacts = self._links[from_type].contacts.get(record_id, ())
                return [contact for contact in contacts if self._contacts.find_live_row(contact) is not None]
        return ()

    def _company_ids(self, contact_id: int) -> Sequence[int]:
        row = self._contacts.find_live_row(contact_id)
        company = None if row is None else self._contacts.value(row, PRIMARY_COMPANY_PROPERTY)
        return (int(company),) if company else ()

    def _company_contact_ids(self, company_id: int) -> Sequence[int]:
        company_text, contacts = str(company_id), self._contacts
        column = contacts.columns.get(PRIMARY_COMPANY_PROPERTY, [])
        return [contacts.ids[row] for row, company in enumerate(column) if company == company_text and contacts.is_live(row)]
