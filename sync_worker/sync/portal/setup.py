"""Create or update our property group, properties and lists in the portal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import structlog

from sync_worker.errors import ExitCode
from sync_worker.hubspot.client import HubSpot
from sync_worker.hubspot.records.models import ContactList, PropertyDefinition, PropertyGroup, PropertyOption
from sync_worker.store.database import Store
from sync_worker.store.writes import memberships
from sync_worker.sync.portal import ownership
from sync_worker.sync.portal.draft_workflows import DraftPlan
from sync_worker.sync.portal.managed_lists import find_list, has_legacy_name
from sync_worker.sync.portal.managed_properties import CrmSchema
from sync_worker.sync.portal.ownership import Ownership, SetupConflict, find_list_conflicts, find_property_conflicts

OBJECT_TYPE = "contacts"

log = structlog.get_logger()


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


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupPlan:
    """The required changes in order, the objects of others that prevent them, and the drafts of workflows if they are wanted."""

    steps: Sequence[SetupStep] = ()
    conflicts: Sequence[SetupConflict] = ()
    drafts: DraftPlan | None = None

    @property
    def exit_code(self) -> ExitCode:
        """Return USAGE if there is a conflict, and REFUSED if HubSpot refused a draft, although everything else is done."""
        if self.conflicts:
            return ExitCode.USAGE
        return ExitCode.REFUSED if self.drafts and self.drafts.refused else ExitCode.DONE

    def as_json(self) -> dict[str, object]:
        """Return the plan for `--json`."""
        return {
            "steps": [step.as_json() for step in self.steps],
            "conflicts": [conflict.as_json() for conflict in self.conflicts],
            "workflows": self.drafts.as_json() if self.drafts else None,
            "exit_code": int(self.exit_code),
        }


def plan_setup(hubspot: HubSpot, crm_schema: CrmSchema, own: Ownership, *, take_over: bool = False) -> SetupPlan:
    """Return the required changes and the conflicts; with `take_over`, only those that it cannot resolve."""
    planner = _Planner(hubspot=hubspot, crm_schema=crm_schema, own=own)
    steps = [*planner.group_steps(), *planner.property_steps(), *planner.list_steps()]
    conflicts = [*planner.property_conflicts(), *planner.label_conflicts(), *planner.list_conflicts()]
    return SetupPlan(steps=steps, conflicts=[each for each in conflicts if not (take_over and each.can_be_taken_over)])


def apply_plan(plan: SetupPlan, store: Store, hubspot: HubSpot, crm_schema: CrmSchema) -> None:
    """Apply the changes, and save what is ours now.

    Raises ConfigurationError if there is a conflict.
    """
    ownership.raise_conflicts(plan.conflicts)
    ownership.save_new_lists(store, [step.name for step in plan.steps if isinstance(step.definition, str)])
    for step in plan.steps:
        _apply_step(step, hubspot)
        log.info("portal.updated", **step.as_json())
    _save_list_ids(store, hubspot, crm_schema)
    ownership.save_properties(store, crm_schema.portal_names, feedback=crm_schema.feedback)


def _save_list_ids(store: Store, hubspot: HubSpot, crm_schema: CrmSchema) -> None:
    list_ids = ownership.load_ownership(store).list_ids
    for key in crm_schema.list_names:
        found = find_list(hubspot.lists, crm_schema, key, list_ids)
        if found is not None:
            with store.transaction() as tx:
                memberships.save_list(tx, key, list_id=found.id, name=found.name)


def _apply_step(step: SetupStep, hubspot: HubSpot) -> None:
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


@dataclass(frozen=True, kw_only=True)
class _Planner:
    """Compares our objects with those of the portal, which it reads once."""

    hubspot: HubSpot
    crm_schema: CrmSchema
    own: Ownership

    @cached_property
    def _present(self) -> Mapping[str, PropertyDefinition]:
        return self.hubspot.properties.list_all(OBJECT_TYPE)

    @cached_property
    def _lists(self) -> Mapping[str, ContactList | None]:
        return {key: find_list(self.hubspot.lists, self.crm_schema, key, self.own.list_ids) for key in self.crm_schema.list_names}

    @cached_property
    def _foreign_labels(self) -> Mapping[str, str]:
        """The names of the properties of others, by their labels."""
        ours = self.crm_schema.portal_names
        return {each.label.casefold(): each.name for each in self._present.values() if each.name not in ours}

    @cached_property
    def _desired(self) -> Sequence[PropertyDefinition]:
        """Our properties. HubSpot requires unique labels, so a label that another property has is followed by our name."""
        return [
            replace(each, label=f"{each.label} ({each.name})") if each.label.casefold() in self._foreign_labels else each
            for each in self.crm_schema.portal_properties
        ]

    def group_steps(self) -> Iterator[SetupStep]:
        name = self.crm_schema.group_name
        desired = PropertyGroup(name=name, label=self.crm_schema.labels.group)
        found = self.hubspot.properties.list_groups(OBJECT_TYPE).get(name)
        if found is None:
            yield SetupStep(action="create", kind="group", name=name, reason="missing", definition=desired)
        elif found.label != desired.label:
            yield SetupStep(action="update", kind="group", name=name, reason="label", definition=replace(desired, order=found.order))

    def property_steps(self) -> Iterator[SetupStep]:
        for desired in self._desired:
            found = self._present.get(desired.name)
            if found is None:
                yield SetupStep(action="create", kind="property", name=desired.name, reason="missing", definition=desired)
            elif (repaired := _repair_property(found, desired)) is not None:
                reason = ", ".join(_differences(found, repaired))
                yield SetupStep(action="update", kind="property", name=desired.name, reason=reason, definition=repaired)

    def list_steps(self) -> Iterator[SetupStep]:
        for key, name in self.crm_schema.list_names.items():
            found = self._lists[key]
            if found is None:
                yield SetupStep(action="create", kind="list", name=name, reason="missing", definition=name)
            elif has_legacy_name(found, self.crm_schema, key):
                reason = f"is called “{found.name}”"
                yield SetupStep(action="update", kind="list", name=name, reason=reason, definition=replace(found, name=name))

    def property_conflicts(self) -> Iterator[SetupConflict]:
        for desired in self._desired:
            if (found := self._present.get(desired.name)) is not None:
                yield from find_property_conflicts(self.hubspot, desired, found, self.own)

    def label_conflicts(self) -> Iterator[SetupConflict]:
        for ours, desired in zip(self.crm_schema.portal_properties, self._desired, strict=True):
            found = self._present.get(ours.name)
            if desired.label != ours.label and (found is None or found.label != desired.label):
                holder = self._foreign_labels[ours.label.casefold()]
                reason = f"The label “{ours.label}” already exists: the property {holder} has it, and HubSpot requires unique labels."
                yield SetupConflict(kind="property", name=ours.name, reason=reason)

    def list_conflicts(self) -> Iterator[SetupConflict]:
        for key, found in self._lists.items():
            if found is not None:
                yield from find_list_conflicts(key, found, self.own)


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
