"""The kinds of CRM records that the portal keeps."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectType:
    """One kind of record: its names in paths and messages, and what a reply shows when nothing is asked for."""

    name: str  # plural, as in paths
    singular: str
    type_id: str
    modified_property: str  # the property that holds the last change
    default_properties: tuple[str, ...]  # when a request names no properties

    @property
    def mandatory_properties(self) -> tuple[str, ...]:
        """Properties that every reply carries."""
        return ("createdate", "hs_object_id", self.modified_property)

    @property
    def timestamp_properties(self) -> frozenset[str]:
        """Properties that move with every change."""
        return frozenset({self.modified_property, "hs_lastmodifieddate"})


CONTACTS = ObjectType(
    name="contacts",
    singular="contact",
    type_id="0-1",
    modified_property="lastmodifieddate",
    default_properties=("createdate", "email", "firstname", "hs_object_id", "lastmodifieddate", "lastname"),
)
COMPANIES = ObjectType(
    name="companies",
    singular="company",
    type_id="0-2",
    modified_property="hs_lastmodifieddate",
    default_properties=("createdate", "domain", "hs_lastmodifieddate", "hs_object_id", "name"),
)
DEALS = ObjectType(
    name="deals",
    singular="deal",
    type_id="0-3",
    modified_property="hs_lastmodifieddate",
    default_properties=("amount", "closedate", "createdate", "dealname", "dealstage", "hs_lastmodifieddate", "hs_object_id", "pipeline"),
)
OBJECT_TYPES = (CONTACTS, COMPANIES, DEALS)
# HubSpot's other kinds of records, for which no token of this portal has a scope.
UNSUPPORTED_TYPES = frozenset(
    {"tickets", "leads", "line_items", "products", "quotes", "goal_targets", "feedback_submissions"}
    | {"calls", "communications", "emails", "meetings", "notes", "postal_mail", "tasks"}
)
_BY_NAME = {name: kind for kind in OBJECT_TYPES for name in (kind.name, kind.singular, kind.type_id)}


def find_object_type(name: str) -> ObjectType | None:
    """Return the kind that a path means by `contacts`, `contact` or `0-1`; None where the portal has no such kind."""
    return _BY_NAME.get(name.lower())
