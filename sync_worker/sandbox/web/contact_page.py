"""The page of one contact: score sections, details, engagement, companies, deals, all properties."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import unescape
from typing import Final

from sync_worker.sandbox.crm.portal import SandboxPortal
from sync_worker.sandbox.properties.property_definitions import PropertyDefinition
from sync_worker.sandbox.web.contact_list import ContactLine, contact_line
from sync_worker.sandbox.web.formatting import Badge, ValueFormatter, create_badge
from sync_worker.sandbox.web.score_fields import split_sections

_ABOUT_PROPERTIES: Final = [
    "email",
    "phone",
    "jobtitle",
    "company",
    "city",
    "country",
    "hs_language",
    "industry",
    "numemployees",
    "annualrevenue",
    "lifecyclestage",
    "hs_lead_status",
    "hubspot_owner_id",
    "hs_analytics_source",
    "hs_email_optout",
    "hs_email_hard_bounce_reason_enum",
    "createdate",
    "lastmodifieddate",
]
_ENGAGEMENT_PROPERTIES: Final = [
    "hs_analytics_num_page_views",
    "hs_analytics_num_visits",
    "hs_email_delivered",
    "hs_email_open",
    "hs_email_click",
    "num_conversion_events",
    "hs_analytics_last_timestamp",
    "hs_email_last_click_date",
    "recent_conversion_event_name",
]
_COMPANY_PROPERTIES: Final = ["domain", "industry", "numberofemployees", "annualrevenue", "city", "country", "web_technologies"]
_TASK_PROPERTIES: Final = ["hs_task_body", "hs_timestamp", "hs_task_status", "hs_task_priority", "hubspot_owner_id"]
_DEAL_PROPERTIES: Final = ["dealstage", "amount", "closedate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DisplayField:
    """A property with its formatted value; `badge` is set for an enumeration with one value."""

    name: str
    label: str
    description: str
    lines: tuple[str, ...]
    badge: Badge | None = None
    is_number: bool = False

    @property
    def text(self) -> str:
        """The value in one line."""
        return " ".join(self.lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldSection:
    """Properties under a heading."""

    heading: str
    fields: tuple[DisplayField, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactDetails:
    """A contact with its sections; `score_sections` are the property groups created through the API."""

    contact: ContactLine
    score_sections: tuple[FieldSection, ...]
    about: FieldSection
    engagement: FieldSection
    companies: tuple[FieldSection, ...]
    deals: tuple[FieldSection, ...]
    tasks: tuple[FieldSection, ...]
    other_sections: tuple[FieldSection, ...]


def contact_details(portal: SandboxPortal, formatter: ValueFormatter, values: Mapping[str, str]) -> ContactDetails:
    """Return the details of the contact with these values."""
    contact_id = int(values["hs_object_id"])
    score_sections, other_sections = split_sections(portal)
    return ContactDetails(
        contact=contact_line(portal, formatter, values),
        score_sections=tuple(
            FieldSection(heading=group.label, fields=tuple(_iter_fields(formatter, values, definitions, include_empty=True)))
            for group, definitions in score_sections
        ),
        about=FieldSection(heading="About this contact", fields=_select_fields(portal, formatter, "contacts", values, _ABOUT_PROPERTIES)),
        engagement=FieldSection(heading="Engagement", fields=_select_fields(portal, formatter, "contacts", values, _ENGAGEMENT_PROPERTIES)),
        companies=tuple(_sections_for_related(portal, formatter, "companies", contact_id, _COMPANY_PROPERTIES)),
        deals=tuple(_sections_for_related(portal, formatter, "deals", contact_id, _DEAL_PROPERTIES)),
        tasks=tuple(_sections_for_related(portal, formatter, "tasks", contact_id, _TASK_PROPERTIES)),
        other_sections=tuple(
            FieldSection(heading=group.label, fields=tuple(fields))
            for group, definitions in other_sections
            if (fields := list(_iter_fields(formatter, values, definitions)))
        ),
    )


def _sections_for_related(
    portal: SandboxPortal, formatter: ValueFormatter, object_type: str, contact_id: int, names: Sequence[str]
) -> Iterator[FieldSection]:
    for related_id in portal.associations.find_ids("contacts", contact_id, object_type):
        values = portal.record(object_type, related_id)
        if values:
            heading = values.get("name") or values.get("dealname") or values.get("hs_task_subject") or str(related_id)
            yield FieldSection(heading=heading, fields=_select_fields(portal, formatter, object_type, values, names))


def _select_fields(
    portal: SandboxPortal, formatter: ValueFormatter, object_type: str, values: Mapping[str, str], names: Sequence[str]
) -> tuple[DisplayField, ...]:
    catalog = portal.catalog(object_type)
    return tuple(_iter_fields(formatter, values, [definition for name in names if (definition := catalog.get(name))]))


def _iter_fields(
    formatter: ValueFormatter, values: Mapping[str, str], definitions: Iterable[PropertyDefinition], *, include_empty: bool = False
) -> Iterator[DisplayField]:
    """Yield the fields with a value; with `include_empty`, all fields."""
    for definition in definitions:
        value = values.get(definition.name, "")
        if value or include_empty:
            yield _format_field(formatter, definition, value)


def _format_rich_text(definition: PropertyDefinition, text: str) -> str:
    # HubSpot shows the notes of a task as rich text.
    return unescape(text.replace("<br>", "\n")) if definition.name == "hs_task_body" else text


def _format_field(formatter: ValueFormatter, definition: PropertyDefinition, value: str) -> DisplayField:
    return DisplayField(
        name=definition.name,
        label=definition.label,
        description=definition.description,
        lines=tuple(_format_rich_text(definition, formatter.format_value(definition, value)).splitlines()),
        badge=create_badge(definition, value) if value and definition.type == "enumeration" and ";" not in value else None,
        is_number=definition.type == "number",
    )
