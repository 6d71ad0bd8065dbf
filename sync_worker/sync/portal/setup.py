"""Property group, properties and lists: what the portal lacks, created; what was bent, mended."""

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
    """One thing that setup does, in words; `definition` is what it concerns as it is to be, of a new list the name."""

    action: str  # create, mend
    kind: str  # group, property, list
    name: str
    reason: str
    definition: PropertyDefinition | PropertyGroup | ContactList | str

    def as_json(self) -> dict[str, str]:
        """Return the step for `--json`."""
        return {"action": self.action, "what": self.kind, "name": self.name, "why": self.reason}


def plan_setup(hubspot: HubSpot, crm_schema: CrmSchema, list_ids: Mapping[str, str]) -> list[SetupStep]:
    """Return what has to be done, in order; nothing where the portal is as it should be.

    `known`: the ids of our lists by key, as far as the state knows them.
    """
    return [*_group_steps(hubspot, crm_schema), *_property_steps(hubspot, crm_schema), *_list_steps(hubspot, crm_schema, list_ids)]


def apply_step(step: SetupStep, hubspot: HubSpot) -> None:
    """Do one step."""
    match step.definition:
        case PropertyGroup() as group if step.action == "create":
            hubspot.properties.create_group(OBJECT_TYPE, group)
        case PropertyGroup() as group:
            hubspot.properties.update_group(OBJECT_TYPE, group)
        case PropertyDefinition() as definition if step.action == "create":
            hubspot.properties.create(OBJECT_TYPE, definition)
        case PropertyDefinition() as definition:
            hubspot.properties.update(OBJECT_TYPE, definition)
        case ContactList() as renamed:
            hubspot.lists.rename(renamed.id, renamed.name)
        case str() as name:
            hubspot.lists.create(name)


def load_list_ids(store: Store) -> Mapping[str, str]:
    """Return the ids of our lists by key, as far as the state knows them."""
    with store.transaction() as tx:
        return memberships.load_list_ids(tx)


def save_list_ids(store: Store, hubspot: HubSpot, crm_schema: CrmSchema) -> None:
    """Keep where our lists are; a list that was deleted and made anew starts without members."""
    known = load_list_ids(store)
    for key in crm_schema.list_names:
        found = find_list(hubspot.lists, crm_schema, key, known)
        if found is not None:
            with store.transaction() as tx:
                memberships.save_list(tx, key, list_id=found.id, name=found.name)


def _group_steps(hubspot: HubSpot, crm_schema: CrmSchema) -> Iterator[SetupStep]:
    wanted = PropertyGroup(name=crm_schema.group_name, label=crm_schema.labels.group)
    found = hubspot.properties.list_groups(OBJECT_TYPE).get(crm_schema.group_name)
    if found is None:
        yield SetupStep(action="create", kind="group", name=crm_schema.group_name, reason="missing", definition=wanted)
    elif found.label != wanted.label:
        yield SetupStep(
            action="mend", kind="group", name=crm_schema.group_name, reason="label", definition=replace(wanted, order=found.order)
        )


def _property_steps(hubspot: HubSpot, crm_schema: CrmSchema) -> Iterator[SetupStep]:
    present = hubspot.properties.list_all(OBJECT_TYPE)
    for wanted in crm_schema.properties:
        found = present.get(wanted.name)
        if found is None:
            yield SetupStep(action="create", kind="property", name=wanted.name, reason="missing", definition=wanted)
            continue
        if found.type != wanted.type:
            raise ConfigurationError(
                f"The portal has a property {wanted.name} of type {found.type}; ours is {wanted.type}, and HubSpot does not change types.",
                hint="Rename or delete that property, or set another property_prefix.",
            )
        mended = _repair_property(found, wanted)
        if mended is not None:
            why = ", ".join(_differences(found, mended))
            yield SetupStep(action="mend", kind="property", name=wanted.name, reason=why, definition=mended)


def _repair_property(observed: PropertyDefinition, desired: PropertyDefinition) -> PropertyDefinition | None:
    # HubSpot replaces the whole list of options: those that others added, and the bands of an earlier model, stay.
    ours = {option.value for option in desired.options}
    others = [option for option in observed.options if option.value not in ours]
    options = tuple(replace(option, order=place) for place, option in enumerate([*desired.options, *others]))
    mended = replace(desired, options=options)
    return mended if _differences(observed, mended) else None


def _differences(observed: PropertyDefinition, desired: PropertyDefinition) -> list[str]:
    same = {
        "label": observed.label == desired.label,
        "description": observed.description == desired.description,
        "group": observed.group == desired.group,
        "field type": observed.field_type == desired.field_type,
        "options": _comparable_options(observed.options) == _comparable_options(desired.options),
    }
    return [name for name, holds in same.items() if not holds]


def _comparable_options(options: tuple[PropertyOption, ...]) -> list[tuple[str, str, bool]]:
    return [(option.value, option.label, option.hidden) for option in sorted(options, key=lambda option: option.order)]


def _list_steps(hubspot: HubSpot, crm_schema: CrmSchema, list_ids: Mapping[str, str]) -> Iterator[SetupStep]:
    for key, name in crm_schema.list_names.items():
        found = find_list(hubspot.lists, crm_schema, key, list_ids)
        if found is None:
            yield SetupStep(action="create", kind="list", name=name, reason="missing", definition=name)
        elif found.is_dynamic:
            raise ConfigurationError(
                f"The portal has an active list “{found.name}”: HubSpot lets nobody put members into it.",
                hint="Rename that list, then run `sync-worker setup` again.",
            )
        elif has_legacy_name(found, crm_schema, key):
            yield SetupStep(action="mend", kind="list", name=name, reason=f"is called “{found.name}”", definition=replace(found, name=name))
