"""What a portal has of the things that a model names: properties with their options, forms, kinds of custom events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sync_worker.hubspot.api.event_occurrences import event_kind
from sync_worker.hubspot.client import HubSpot
from sync_worker.hubspot.records.models import PropertyDefinition
from sync_worker.model.compiled.model import Model
from sync_worker.model.compiled.requirements import find_requirements

COMPANY_PREFIX = "company."


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalCatalog:
    """What a portal has.

    `properties`: by the name that a model gives them. `forms`: names by id; None where the model asks for none.
    `events`: kinds of custom events, none where they were not asked for.
    """

    properties: Mapping[str, PropertyDefinition]
    forms: Mapping[str, str] | None
    custom_event_kinds: frozenset[str]


def fetch_catalog(hubspot: HubSpot, model: Model, *, shows_occurrences: bool) -> PortalCatalog:
    """Ask HubSpot for the names that a model may use; forms in the archive are still known by their submissions."""
    properties = dict(hubspot.properties.list_all("contacts"))
    if model.company_properties:
        properties |= {f"{COMPANY_PREFIX}{name}": definition for name, definition in hubspot.properties.list_all("companies").items()}
    asks_forms = any(question.on_events and question.property_name == "form" for question in find_requirements(model))
    forms = (*hubspot.forms.list_all(), *hubspot.forms.list_all(archived=True)) if asks_forms else None
    custom = any(kind.startswith("custom:") for kind in model.event_kinds)
    events = hubspot.event_occurrences.list_types() if custom and shows_occurrences else ()
    return PortalCatalog(
        properties=properties,
        forms=None if forms is None else {form.id: form.name for form in forms},
        custom_event_kinds=frozenset(map(event_kind, events)),
    )
