"""HubSpot's records as the rows that the store keeps."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from sync_worker.hubspot.records.models import Company, Contact, Event
from sync_worker.store.contacts import ContactRow
from sync_worker.sync.portal.crm_schema import NOTHING, Outputs
from sync_worker.sync.pull.row_codec import Values, in_order, picker, writer
from sync_worker.timestamps import to_ms

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

    def people(self, contacts: Sequence[Contact]) -> list[ContactRow]:
        """Return the rows of contacts."""
        values = in_order(contacts, self.contact_properties)
        columns = zip(contacts, map(self._identity, values), self._facts(values), self._shown(values), strict=True)
        return [
            ContactRow(
                contact.id,
                _address(email),
                int(float(company)) if company else None,
                to_ms(contact.updated_at),
                facts,
                shown,
                stage or None,
                _further(email, others) if others else (),
                tuple(sorted(contact.merged_ids)) if merged else (),
            )
            for contact, (email, others, merged, company, stage), facts, shown in columns
        ]

    def companies(self, companies: Sequence[Company]) -> list[Mapping[str, Any]]:
        """Return the rows of companies."""
        texts = self._company_facts(in_order(companies, self.company_properties))
        return [
            {"id": company.id, "updated_at": to_ms(company.updated_at), "facts": facts}
            for company, facts in zip(companies, texts, strict=True)
        ]

    @cached_property
    def _identity(self) -> Callable[[Values], Values]:
        return picker(self.contact_properties, IDENTITY)

    @cached_property
    def _facts(self) -> Callable[[Iterable[Values]], list[str]]:
        return writer(self.contact_properties, sorted(self.outputs.model.contact_properties))

    @cached_property
    def _company_facts(self) -> Callable[[Iterable[Values]], list[str]]:
        return writer(self.company_properties, self.company_properties)

    @cached_property
    def _shown(self) -> Callable[[Iterable[Values]], list[str]]:
        pick, names, shown = picker(self.contact_properties, self.outputs.names), self.outputs.names, self.outputs.shown

        def texts(rows: Iterable[Values]) -> list[str]:
            return [shown(dict(zip(names, ours, strict=True))) if any(ours) else NOTHING for ours in map(pick, rows)]

        return texts


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


def _address(email: str | None) -> str | None:
    return email.strip().lower() or None if email else None


def _further(email: str | None, others: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys([address for part in others.split(";") if (address := _address(part)) and address != _address(email)]))
