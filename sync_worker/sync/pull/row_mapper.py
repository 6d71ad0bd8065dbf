"""Maps HubSpot's records to rows of the store."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from sync_worker.hubspot.records.field_types import MAX_ID, normalize_email
from sync_worker.hubspot.records.models import Company, Contact, Event
from sync_worker.store.facts.contacts import CompanyRow, ContactRow
from sync_worker.store.facts.events import EventRow
from sync_worker.store.facts.feedback import FeedbackAnswer
from sync_worker.sync.portal.managed_properties import EMPTY, CrmSchema
from sync_worker.sync.pull.column_encoders import RowValues, align_values, column_picker, json_encoder
from sync_worker.timestamps import to_ms

#: Read for every contact, whatever the model uses: its identity, and the stage that the worker may change.
IDENTITY_PROPERTIES: Final = ("email", "hs_additional_emails", "hs_merged_object_ids", "associatedcompanyid", "lifecyclestage")


@dataclass(frozen=True, kw_only=True)
class RowMapper:
    """Maps a record to the properties that the model uses, those that the worker writes, and its identity."""

    crm_schema: CrmSchema

    @cached_property
    def contact_properties(self) -> tuple[str, ...]:
        """Return the properties that are read for every contact."""
        return tuple(sorted({*IDENTITY_PROPERTIES, *self.crm_schema.portal_names, *self.crm_schema.inputs.contact_properties}))

    @cached_property
    def company_properties(self) -> tuple[str, ...]:
        """Return the properties that are read for every company; none if no model uses a company property."""
        return tuple(sorted(self.crm_schema.inputs.company_properties))

    def contact_rows(self, contacts: Sequence[Contact]) -> list[ContactRow]:
        """Return the rows of contacts."""
        values = align_values(contacts, self.contact_properties)
        columns = zip(contacts, map(self._pick_identity, values), self._encode_facts(values), self._encode_observed(values), strict=True)
        return [
            ContactRow(
                contact.id,
                normalize_email(email),
                _parse_company_id(company) if company else None,
                to_ms(contact.updated_at),
                facts,
                shown,
                stage or None,
                _additional_emails(email, others) if others else (),
                tuple(sorted(contact.merged_ids)) if merged else (),
            )
            for contact, (email, others, merged, company, stage), facts, shown in columns
        ]

    def feedback_answers(self, contacts: Sequence[Contact]) -> list[FeedbackAnswer]:
        """Return what sales reps say about contacts, also the empty answers; nothing if they are not asked."""
        if not self.crm_schema.feedback_names:
            return []
        answers = map(self._pick_feedback, align_values(contacts, self.contact_properties))
        return [
            FeedbackAnswer(contact.id, to_ms(contact.updated_at), value or "", (note or "").strip())
            for contact, (value, note) in zip(contacts, answers, strict=True)
        ]

    def company_rows(self, companies: Sequence[Company]) -> list[CompanyRow]:
        """Return the rows of companies, without those that cannot be read."""
        readable = [company for company in companies if company.is_readable]
        texts = self._encode_company_facts(align_values(readable, self.company_properties))
        return [CompanyRow(company.id, to_ms(company.updated_at), facts) for company, facts in zip(readable, texts, strict=True)]

    @cached_property
    def _pick_identity(self) -> Callable[[RowValues], RowValues]:
        return column_picker(self.contact_properties, IDENTITY_PROPERTIES)

    @cached_property
    def _pick_feedback(self) -> Callable[[RowValues], RowValues]:
        return column_picker(self.contact_properties, self.crm_schema.feedback_names)

    @cached_property
    def _encode_facts(self) -> Callable[[Iterable[RowValues]], list[str]]:
        return json_encoder(self.contact_properties, sorted(self.crm_schema.inputs.contact_properties))

    @cached_property
    def _encode_company_facts(self) -> Callable[[Iterable[RowValues]], list[str]]:
        return json_encoder(self.company_properties, self.company_properties)

    @cached_property
    def _encode_observed(self) -> Callable[[Iterable[RowValues]], list[str]]:
        pick, names, shown = (
            column_picker(self.contact_properties, self.crm_schema.property_names),
            self.crm_schema.property_names,
            self.crm_schema.observed_json,
        )

        def encode_rows(rows: Iterable[RowValues]) -> list[str]:
            return [shown(dict(zip(names, ours, strict=True))) if any(ours) else EMPTY for ours in map(pick, rows)]

        return encode_rows


def event_row(event: Event) -> EventRow:
    """Return the row of an event."""
    return EventRow(
        kind=event.kind,
        id=event.id,
        at=to_ms(event.at),
        contact_id=event.contact_id,
        email=event.email,
        url=event.url,
        form_id=event.form_id,
        campaign=event.campaign,
        name=event.name,
        user_agent=event.user_agent,
        sent_at=to_ms(event.sent_at) if event.sent_at else None,
        filtered=event.filtered,
    )


def _parse_company_id(text: str) -> int | None:
    # HubSpot writes large numbers as 1.0E7.
    try:
        number = float(text)
    except ValueError:
        return None
    return int(number) if 0 < number < MAX_ID else None


def _additional_emails(email: str | None, others: str) -> tuple[str, ...]:
    return tuple(
        dict.fromkeys([address for part in others.split(";") if (address := normalize_email(part)) and address != normalize_email(email)])
    )
