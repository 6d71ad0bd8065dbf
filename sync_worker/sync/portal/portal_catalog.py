"""Catalog of a portal: its properties with options, its forms, its custom events and its subscription types."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sync_worker.hubspot.api.event_occurrences import event_kind
from sync_worker.hubspot.client import HubSpot
from sync_worker.hubspot.records.models import PropertyDefinition
from sync_worker.model.compiled.facts import SUBSCRIPTIONS
from sync_worker.model.compiled.model import Model
from sync_worker.model.compiled.requirements import find_requirements

COMPANY_PREFIX = "company."


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalCatalog:
    """The objects of a portal that a model may use.

    `properties`: by the name in the model file. `forms`: names by id; None if the model uses no form. `custom_event_kinds`: empty if the
    model uses no custom event. `unread_events`: by kind, the names of events that a run does not read. `subscription_types`: by name; None
    if the model uses none, or if the portal hides them.
    """

    properties: Mapping[str, PropertyDefinition]
    forms: Mapping[str, str] | None
    custom_event_kinds: frozenset[str]
    subscription_types: frozenset[str] | None = None
    unread_events: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def fetch_catalog(hubspot: HubSpot, model: Model, hidden_kinds: frozenset[str]) -> PortalCatalog:
    """Read the catalog from HubSpot, with archived forms, because their submissions still count."""
    properties = dict(hubspot.properties.list_all("contacts"))
    if model.company_properties:
        properties |= {f"{COMPANY_PREFIX}{name}": definition for name, definition in hubspot.properties.list_all("companies").items()}
    uses_forms = any(each.on_events and each.property_name == "form" for each in find_requirements(model))
    forms = (*hubspot.forms.list_all(), *hubspot.forms.list_all(archived=True)) if uses_forms else None
    visible = model.source_kinds - hidden_kinds
    events = hubspot.event_occurrences.list_types() if any(kind.startswith("custom:") for kind in visible) else ()
    return PortalCatalog(
        properties=properties,
        forms=None if forms is None else {form.id: form.name or form.id for form in forms},
        custom_event_kinds=frozenset(map(event_kind, events)),
        unread_events=find_unread_events(events),
        subscription_types=hubspot.subscriptions.list_type_names() if SUBSCRIPTIONS in visible else None,
    )


def find_unread_events(names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return the names of custom events that a run does not read, by kind: of several events of one kind, it reads the first one."""
    by_kind: dict[str, list[str]] = {}
    for name in names:
        by_kind.setdefault(event_kind(name), []).append(name)
    return {kind: tuple(further) for kind, (_, *further) in by_kind.items() if further}
