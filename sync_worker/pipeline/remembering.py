"""HubSpot's records as the rows that the store keeps."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from sync_worker.hubspot.records import Company, Contact, Event
from sync_worker.instants import to_ms
from sync_worker.pipeline.outputs import NOTHING, Outputs
from sync_worker.pipeline.values import Values, in_order, picker, writer
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

    def people(self, contacts: Iterable[Contact]) -> list[Person]:
        """Return the rows of contacts."""
        names, identity, facts, shown = self.contact_properties, self._identity, self._facts, self._shown
        rows = []
        for contact in contacts:
            values = in_order(contact, names)
            email, others, merged, company, stage = identity(values)
            rows.append(
                Person(
                    contact.id,
                    int(float(company)) if company else None,
                    to_ms(contact.updated_at),
                    facts(values),
                    shown(values),
                    stage or None,
                    _addresses(email, others),
                    tuple(sorted(contact.merged_ids)) if merged else (),
                )
            )
        return rows

    def company(self, company: Company) -> Mapping[str, Any]:
        """Return the row of a company."""
        facts = self._company_facts(in_order(company, self.company_properties))
        return {"id": company.id, "updated_at": to_ms(company.updated_at), "facts": facts}

    @cached_property
    def _identity(self) -> Callable[[Values], Values]:
        return picker(self.contact_properties, IDENTITY)

    @cached_property
    def _facts(self) -> Callable[[Values], str]:
        return writer(self.contact_properties, sorted(self.outputs.model.contact_properties))

    @cached_property
    def _company_facts(self) -> Callable[[Values], str]:
        return writer(self.company_properties, self.company_properties)

    @cached_property
    def _shown(self) -> Callable[[Values], str]:
        pick, names, shown = picker(self.contact_properties, self.outputs.names), self.outputs.names, self.outputs.shown

        def text(values: Values) -> str:
            ours = pick(values)
            return shown(dict(zip(names, ours, strict=True))) if any(ours) else NOTHING

        return text


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


def _addresses(email: str | None, others: str | None) -> tuple[str, ...]:
    if not others:  # nearly always
        return (address,) if (address := (email or "").strip().lower()) else ()
    named = [email or "", *_parts(others)]
    return tuple(dict.fromkeys([address for text in named if (address := text.strip().lower())]))


def _parts(text: str | None) -> list[str]:
    return [part.strip() for part in (text or "").split(";") if part.strip()]
