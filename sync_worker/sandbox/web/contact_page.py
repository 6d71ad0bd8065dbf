"""One contact as a sales rep sees it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
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
_DEAL_PROPERTIES: Final = ["dealstage", "amount", "closedate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DisplayField:
    """A property with its value in words; `lines` are those of a long text, `badge` is set for an option."""

    name: str
    label: str
    description: str
    lines: tuple[str, ...]
    badge: Badge | None = None
    figure: bool = False

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
    """A contact with what belongs to it: scorings first, then who it is and what it did, at last everything."""

    person: ContactLine
    scorings: tuple[FieldSection, ...]
    about: FieldSection
    counted: FieldSection
    companies: tuple[FieldSection, ...]
    deals: tuple[FieldSection, ...]
    everything: tuple[FieldSection, ...]


def contact_details(portal: SandboxPortal, formatter: ValueFormatter, values: Mapping[str, str]) -> ContactDetails:
    """Return the contact that has these values."""
    contact_id = int(values["hs_object_id"])
    made, given = split_sections(portal)
    return ContactDetails(
        person=contact_line(portal, formatter, values),
        scorings=tuple(
            FieldSection(heading=group.label, fields=tuple(_iter_fields(formatter, values, each, include_empty=True)))
            for group, each in made
        ),
        about=FieldSection(heading="About this contact", fields=_select_fields(portal, formatter, "contacts", values, _ABOUT_PROPERTIES)),
        counted=FieldSection(heading="Engagement", fields=_select_fields(portal, formatter, "contacts", values, _ENGAGEMENT_PROPERTIES)),
        companies=tuple(_sections_for_related(portal, formatter, "companies", contact_id, _COMPANY_PROPERTIES)),
        deals=tuple(_sections_for_related(portal, formatter, "deals", contact_id, _DEAL_PROPERTIES)),
        everything=tuple(
            FieldSection(heading=group.label, fields=tuple(fields))
            for group, definitions in given
            if (fields := list(_iter_fields(formatter, values, definitions)))
        ),
    )


def _sections_for_related(
    portal: SandboxPortal, formatter: ValueFormatter, object_type: str, contact_id: int, names: Sequence[str]
) -> Iterator[FieldSection]:
    for related in portal.associations.find_ids("contacts", contact_id, object_type):
        values = portal.record(object_type, related)
        if values:
            heading = values.get("name") or values.get("dealname") or str(related)
            yield FieldSection(heading=heading, fields=_select_fields(portal, formatter, object_type, values, names))


def _select_fields(
    portal: SandboxPortal, formatter: ValueFormatter, object_type: str, values: Mapping[str, str], names: Sequence[str]
) -> tuple[DisplayField, ...]:
    catalog = portal.catalog(object_type)
    return tuple(_iter_fields(formatter, values, [definition for name in names if (definition := catalog.get(name))]))


def _iter_fields(
    formatter: ValueFormatter, values: Mapping[str, str], definitions: Iterable[PropertyDefinition], *, include_empty: bool = False
) -> Iterator[DisplayField]:
    """Yield what is set; with `every` also what is not."""
    for definition in definitions:
        value = values.get(definition.name, "")
        if value or include_empty:
            yield _format_field(formatter, definition, value)


def _format_field(formatter: ValueFormatter, definition: PropertyDefinition, value: str) -> DisplayField:
    return DisplayField(
        name=definition.name,
        label=definition.label,
        description=definition.description,
        lines=tuple(formatter.format_value(definition, value).splitlines()),
        badge=create_badge(definition, value) if value and definition.type == "enumeration" and ";" not in value else None,
        figure=definition.type == "number",
    )
