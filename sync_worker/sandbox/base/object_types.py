"""CRM object types of the portal: contacts, companies, deals, tasks."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectType:
    """An object type with its names in paths and messages and its default properties."""

    name: str  # plural, as in paths
    singular: str
    type_id: str
    modified_property: str  # timestamp of the last change
    default_properties: tuple[str, ...]  # when a request names no properties
    scope_name: str = ""  # in scopes, if it is not the plural name

    @property
    def mandatory_properties(self) -> tuple[str, ...]:
        """Properties that every response contains."""
        return ("createdate", "hs_object_id", self.modified_property)

    @property
    def timestamp_properties(self) -> frozenset[str]:
        """Properties that every change sets to the current time."""
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
TASKS = ObjectType(
    name="tasks",
    singular="task",
    type_id="0-27",
    modified_property="hs_lastmodifieddate",
    default_properties=("createdate", "hs_lastmodifieddate", "hs_object_id"),
    scope_name="contacts",
)
OBJECT_TYPES = (CONTACTS, COMPANIES, DEALS, TASKS)
# HubSpot's other object types; no token of this portal has a scope for them.
UNSUPPORTED_TYPES = frozenset(
    {"tickets", "leads", "line_items", "products", "quotes", "goal_targets", "feedback_submissions"}
    | {"calls", "communications", "emails", "meetings", "notes", "postal_mail"}
)
_BY_NAME = {name: each for each in OBJECT_TYPES for name in (each.name, each.singular, each.type_id)}


def find_object_type(name: str) -> ObjectType | None:
    """Return the object type for a path segment such as `contacts`, `contact` or `0-1`; None if the portal has no such type."""
    return _BY_NAME.get(name.lower())
