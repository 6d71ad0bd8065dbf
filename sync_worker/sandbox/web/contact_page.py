"""One contact as a sales rep sees it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sync_worker.sandbox.crm.portal import Portal
from sync_worker.sandbox.crm.property_definitions import PropertyDefinition
from sync_worker.sandbox.web.contact_list import Line, line
from sync_worker.sandbox.web.formatting import Badge, Wording, badge
from sync_worker.sandbox.web.score_fields import sections

_ABOUT: Final = [
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
_COUNTED: Final = [
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
_COMPANY: Final = ["domain", "industry", "numberofemployees", "annualrevenue", "city", "country", "web_technologies"]
_DEAL: Final = ["dealstage", "amount", "closedate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
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
class Section:
    """Properties under a heading."""

    heading: str
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A contact with what belongs to it: scorings first, then who it is and what it did, at last everything."""

    person: Line
    scorings: tuple[Section, ...]
    about: Section
    counted: Section
    companies: tuple[Section, ...]
    deals: tuple[Section, ...]
    everything: tuple[Section, ...]


def record(portal: Portal, words: Wording, values: Mapping[str, str]) -> Record:
    """Return the contact that has these values."""
    contact_id = int(values["hs_object_id"])
    made, given = sections(portal)
    return Record(
        person=line(portal, words, values),
        scorings=tuple(Section(heading=group.label, fields=tuple(_fields(words, values, each, every=True))) for group, each in made),
        about=Section(heading="About this contact", fields=_named(portal, words, "contacts", values, _ABOUT)),
        counted=Section(heading="Engagement", fields=_named(portal, words, "contacts", values, _COUNTED)),
        companies=tuple(_related(portal, words, "companies", contact_id, _COMPANY)),
        deals=tuple(_related(portal, words, "deals", contact_id, _DEAL)),
        everything=tuple(
            Section(heading=group.label, fields=tuple(fields))
            for group, definitions in given
            if (fields := list(_fields(words, values, definitions)))
        ),
    )


def _related(portal: Portal, words: Wording, kind: str, contact_id: int, names: Sequence[str]) -> Iterator[Section]:
    for related in portal.associations.of("contacts", contact_id, kind):
        values = portal.record(kind, related)
        if values:
            heading = values.get("name") or values.get("dealname") or str(related)
            yield Section(heading=heading, fields=_named(portal, words, kind, values, names))


def _named(portal: Portal, words: Wording, kind: str, values: Mapping[str, str], names: Sequence[str]) -> tuple[Field, ...]:
    catalog = portal.catalog(kind)
    return tuple(_fields(words, values, [definition for name in names if (definition := catalog.get(name))]))


def _fields(
    words: Wording, values: Mapping[str, str], definitions: Iterable[PropertyDefinition], *, every: bool = False
) -> Iterator[Field]:
    """Yield what is set; with `every` also what is not."""
    for definition in definitions:
        value = values.get(definition.name, "")
        if value or every:
            yield _field(words, definition, value)


def _field(words: Wording, definition: PropertyDefinition, value: str) -> Field:
    return Field(
        name=definition.name,
        label=definition.label,
        description=definition.description,
        lines=tuple(words.value(definition, value).splitlines()),
        badge=badge(definition, value) if value and definition.type == "enumeration" and ";" not in value else None,
        figure=definition.type == "number",
    )
