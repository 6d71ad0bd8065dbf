"""HubSpot's records as the rows that the store keeps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from sync_worker.hubspot.records import Company, Contact, Event
from sync_worker.instants import to_ms
from sync_worker.pipeline.outputs import Outputs, canonical
from sync_worker.store.people import Person

#: Read of every contact, whatever the model asks for: who it is, and what the worker itself may change.
IDENTITY: Final = ("email", "hs_additional_emails", "hs_merged_object_ids", "associatedcompanyid", "lifecyclestage")


@dataclass(frozen=True, kw_only=True)
class Remembering:
    """What is kept of a record: what the model asks for, what we wrote, and who it is."""

    outputs: Outputs

    @cached_property
    def contact_properties(self) -> tuple[str, ...]:
        """Return the names that every reading of a contact asks for."""
        return tuple(sorted({*IDENTITY, *self.outputs.names, *self.outputs.model.contact_properties}))

    @cached_property
    def company_properties(self) -> tuple[str, ...]:
        """Return the names that every reading of a company asks for; none where the model looks at no company."""
        return tuple(sorted(self.outputs.model.company_properties))

    @cached_property
    def _looked_at(self) -> tuple[str, ...]:
        return tuple(sorted(self.outputs.model.contact_properties))

    def person(self, contact: Contact) -> Person:
        """Return the row of a contact."""
        properties = contact.properties
        company = properties.get("associatedcompanyid")
        return Person(
            id=contact.id,
            company_id=int(float(company)) if company else None,
            updated_at=to_ms(contact.updated_at),
            facts=_facts(properties, self._looked_at),
            shown=self.outputs.shown(properties),
            stage=properties.get("lifecyclestage") or None,
            addresses=_addresses(properties),
            merged=tuple(sorted(contact.merged_ids)) if properties.get("hs_merged_object_ids") else (),
        )

    def company(self, company: Company) -> Mapping[str, Any]:
        """Return the row of a company."""
        facts = _facts(company.properties, self.outputs.model.company_properties)
        return {"id": company.id, "updated_at": to_ms(company.updated_at), "facts": facts}


def happening(event: Event) -> Mapping[str, Any]:
    """Return the row of an event."""
    return {
        "kind": event.kind,
        "id": event.id,
        "at": to_ms(event.at),
        "contact_id": event.contact_id,
        "email": event.email,
        "url": event.url,
        "form_id": event.form_id,
        "campaign": event.campaign,
        "name": event.name,
        "user_agent": event.user_agent,
        "sent_at": to_ms(event.sent_at) if event.sent_at else None,
        "filtered": event.filtered,
    }


def _facts(properties: Mapping[str, str | None], names: Iterable[str]) -> str:
    return canonical({name: value for name in names if (value := properties.get(name))})


def _addresses(properties: Mapping[str, str | None]) -> tuple[str, ...]:
    if not (others := properties.get("hs_additional_emails")):
        address = (properties.get("email") or "").strip().lower()
        return (address,) if address else ()
    named = [properties.get("email") or "", *_parts(others)]
    return tuple(dict.fromkeys(address.strip().lower() for address in named if address.strip()))


def _parts(text: str | None) -> list[str]:
    return [part.strip() for part in (text or "").split(";") if part.strip()]
