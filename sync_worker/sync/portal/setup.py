"""Create or update our property group, properties and lists in the portal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from sync_worker.errors import ConfigurationError
from sync_worker.hubspot.client import HubSpot
from sync_worker.hubspot.records.models import ContactList, PropertyDefinition, PropertyGroup, PropertyOption
from sync_worker.store import memberships
from sync_worker.store.database import Store
from sync_worker.sync.portal.crm_schema import CrmSchema
from sync_worker.sync.portal.managed_lists import find_list, has_legacy_name

OBJECT_TYPE = "contacts"


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupStep:
    """One change of setup. `definition` is the desired object; for a new list, its name."""

    action: str  # create, update
    kind: str  # group, property, list
    name: str
    reason: str
    definition: PropertyDefinition | PropertyGroup | ContactList | str

    def as_json(self) -> dict[str, str]:
        """Return the step for `--json`."""
        return {"action": self.action, "what": self.kind, "name": self.name, "why": self.reason}


def plan_setup(hubspot: HubSpot, crm_schema: CrmSchema, list_ids: Mapping[str, str]) -> list[SetupStep]:
    """Return the required changes in order. `list_ids` are the list ids in the state, by key."""
    return [*_group_steps(hubspot, crm_schema), *_property_steps(hubspot, crm_schema), *_list_steps(hubspot, crm_schema, list_ids)]


def apply_step(step: SetupStep, hubspot: HubSpot) -> None:
    """Apply one change."""
    match step.definition:
        case PropertyGroup() as group if step.action == "create":
            hubspot.properties.create_group(OBJECT_TYPE, group)
        case PropertyGroup() as group:
            hubspot.properties.update_group(OBJECT_TYPE, group)
        case PropertyDefinition() as definition if step.action == "create":
            hubspot.properties.create(OBJECT_TYPE, definition)
        case PropertyDefinition() as definition:
            hubspot.properties.update(OBJECT_TYPE, definition)
        case ContactList() as contact_list:
            hubspot.lists.rename(contact_list.id, contact_list.name)
        case str() as name:
            hubspot.lists.create(name)


def load_list_ids(store: Store) -> Mapping[str, str]:
    """Return the list ids in the state, by key."""
    with store.transaction() as tx:
        return memberships.load_list_ids(tx)


def save_list_ids(store: Store, hubspot: HubSpot, crm_schema: CrmSchema) -> None:
    """Save the ids of our lists. A recreated list starts without members."""
    list_ids = load_list_ids(store)
    for key in crm_schema.list_names:
        found = find_list(hubspot.lists, crm_schema, key, list_ids)
        if found is not None:
            with store.transaction() as tx:
                memberships.save_list(tx, key, list_id=found.id, name=found.name)


def _group_steps(hubspot: HubSpot, crm_schema: CrmSchema) -> Iterator[SetupStep]:
    desired = PropertyGroup(name=crm_schema.group_name, label=crm_schema.labels.group)
    found = hubspot.properties.list_groups(OBJECT_TYPE).get(crm_schema.group_name)
    if found is None:
        yield SetupStep(action="create", kind="group", name=crm_schema.group_name, reason="missing", definition=desired)
    elif found.label != desired.label:
        yield SetupStep(
            action="update", kind="group", name=crm_schema.group_name, reason="label", definition=replace(desired, order=found.order)
        )


def _property_steps(hubspot: HubSpot, crm_schema: CrmSchema) -> Iterator[SetupStep]:
    present = hubspot.properties.list_all(OBJECT_TYPE)
    for desired in crm_schema.properties:
        found = present.get(desired.name)
        if found is None:
            yield SetupStep(action="create", kind="property", name=desired.name, reason="missing", definition=desired)
            continue
        if found.type != desired.type:
            raise ConfigurationError(
                f"The portal has a property {desired.name} of type {found.type}. The worker needs type {desired.type}, "
                "and HubSpot cannot change types.",
                hint="Rename or delete that property, or set another property_prefix.",
            )
        repaired = _repair_property(found, desired)
        if repaired is not None:
            reason = ", ".join(_differences(found, repaired))
            yield SetupStep(action="update", kind="property", name=desired.name, reason=reason, definition=repaired)


def _repair_property(observed: PropertyDefinition, desired: PropertyDefinition) -> PropertyDefinition | None:
    # An update replaces all options, so keep those that users added and the bands of earlier models.
    ours = {option.value for option in desired.options}
    others = [option for option in observed.options if option.value not in ours]
    options = tuple(replace(option, order=order) for order, option in enumerate([*desired.options, *others]))
    repaired = replace(desired, options=options)
    return repaired if _differences(observed, repaired) else None


def _differences(observed: PropertyDefinition, desired: PropertyDefinition) -> list[str]:
    same = {
        "label": observed.label == desired.label,
        "description": observed.description == desired.description,
        "group": observed.group == desired.group,
        "field type": observed.field_type == desired.field_type,
        "options": _comparable_options(observed.options) == _comparable_options(desired.options),
    }
    return [name for name, is_same in same.items() if not is_same]


def _comparable_options(options: tuple[PropertyOption, ...]) -> list[tuple[str, str, bool]]:
    return [(option.value, option.label, option.hidden) for option in sorted(options, key=lambda option: option.order)]


def _list_steps(hubspot: HubSpot, crm_schema: CrmSchema, list_ids: Mapping[str, str]) -> Iterator[SetupStep]:
    for key, name in crm_schema.list_names.items():
        found = find_list(hubspot.lists, crm_schema, key, list_ids)
        if found is None:
            yield SetupStep(action="create", kind="list", name=name, reason="missing", definition=name)
        elif found.is_dynamic:
            raise ConfigurationError(
                f"The portal has a dynamic list “{found.name}”; the worker cannot add members to it.",
                hint="Rename that list, then run `sync-worker setup` again.",
            )
        elif has_legacy_name(found, crm_schema, key):
            yield SetupStep(
                action="update", kind="list", name=name, reason=f"is called “{found.name}”", definition=replace(found, name=name)
            )
