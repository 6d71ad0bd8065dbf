"""Property group, properties and lists: what the portal lacks, created; what was bent, mended."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from sync_worker.errors import ConfigurationError
from sync_worker.hubspot.client import HubSpot
from sync_worker.hubspot.records.models import ContactList, PropertyDefinition, PropertyGroup, PropertyOption
from sync_worker.store import differences
from sync_worker.store.database import Store
from sync_worker.sync.portal.crm_schema import Outputs
from sync_worker.sync.portal.managed_lists import located, misnamed

OBJECT = "contacts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that setup does, in words; `definition` is what it concerns as it is to be, of a new list the name."""

    action: str  # create, mend
    what: str  # group, property, list
    name: str
    why: str
    definition: PropertyDefinition | PropertyGroup | ContactList | str

    def as_json(self) -> dict[str, str]:
        """Return the step for `--json`."""
        return {"action": self.action, "what": self.what, "name": self.name, "why": self.why}


def steps(hubspot: HubSpot, outputs: Outputs, known: Mapping[str, str]) -> list[Step]:
    """Return what has to be done, in order; nothing where the portal is as it should be.

    `known`: the ids of our lists by key, as far as the state knows them.
    """
    return [*_group(hubspot, outputs), *_properties(hubspot, outputs), *_lists(hubspot, outputs, known)]


def carry_out(step: Step, hubspot: HubSpot) -> None:
    """Do one step."""
    match step.definition:
        case PropertyGroup() as group if step.action == "create":
            hubspot.properties.create_group(OBJECT, group)
        case PropertyGroup() as group:
            hubspot.properties.update_group(OBJECT, group)
        case PropertyDefinition() as definition if step.action == "create":
            hubspot.properties.create(OBJECT, definition)
        case PropertyDefinition() as definition:
            hubspot.properties.update(OBJECT, definition)
        case ContactList() as renamed:
            hubspot.lists.rename(renamed.id, renamed.name)
        case str() as name:
            hubspot.lists.create(name)


def known_lists(store: Store) -> Mapping[str, str]:
    """Return the ids of our lists by key, as far as the state knows them."""
    with store.transaction() as tx:
        return differences.load_list_ids(tx)


def remember_lists(store: Store, hubspot: HubSpot, outputs: Outputs) -> None:
    """Keep where our lists are; a list that was deleted and made anew starts without members."""
    known = known_lists(store)
    for key in outputs.lists:
        found = located(hubspot.lists, outputs, key, known)
        if found is not None:
            with store.transaction() as tx:
                differences.save_list(tx, key, list_id=found.id, name=found.name)


def _group(hubspot: HubSpot, outputs: Outputs) -> Iterator[Step]:
    wanted = PropertyGroup(name=outputs.group, label=outputs.captions.group)
    found = hubspot.properties.list_groups(OBJECT).get(outputs.group)
    if found is None:
        yield Step(action="create", what="group", name=outputs.group, why="missing", definition=wanted)
    elif found.label != wanted.label:
        yield Step(action="mend", what="group", name=outputs.group, why="label", definition=replace(wanted, order=found.order))


def _properties(hubspot: HubSpot, outputs: Outputs) -> Iterator[Step]:
    present = hubspot.properties.list_all(OBJECT)
    for wanted in outputs.properties:
        found = present.get(wanted.name)
        if found is None:
            yield Step(action="create", what="property", name=wanted.name, why="missing", definition=wanted)
            continue
        if found.type != wanted.type:
            raise ConfigurationError(
                f"The portal has a property {wanted.name} of type {found.type}; ours is {wanted.type}, and HubSpot does not change types.",
                hint="Rename or delete that property, or set another property_prefix.",
            )
        mended = _mended(found, wanted)
        if mended is not None:
            why = ", ".join(_bent(found, mended))
            yield Step(action="mend", what="property", name=wanted.name, why=why, definition=mended)


def _mended(found: PropertyDefinition, wanted: PropertyDefinition) -> PropertyDefinition | None:
    # HubSpot replaces the whole list of options: those that others added, and the bands of an earlier model, stay.
    ours = {option.value for option in wanted.options}
    others = [option for option in found.options if option.value not in ours]
    options = tuple(replace(option, order=place) for place, option in enumerate([*wanted.options, *others]))
    mended = replace(wanted, options=options)
    return mended if _bent(found, mended) else None


def _bent(found: PropertyDefinition, wanted: PropertyDefinition) -> list[str]:
    same = {
        "label": found.label == wanted.label,
        "description": found.description == wanted.description,
        "group": found.group == wanted.group,
        "field type": found.field_type == wanted.field_type,
        "options": _essence(found.options) == _essence(wanted.options),
    }
    return [name for name, holds in same.items() if not holds]


def _essence(options: tuple[PropertyOption, ...]) -> list[tuple[str, str, bool]]:
    return [(option.value, option.label, option.hidden) for option in sorted(options, key=lambda option: option.order)]


def _lists(hubspot: HubSpot, outputs: Outputs, known: Mapping[str, str]) -> Iterator[Step]:
    for key, name in outputs.lists.items():
        found = located(hubspot.lists, outputs, key, known)
        if found is None:
            yield Step(action="create", what="list", name=name, why="missing", definition=name)
        elif found.is_dynamic:
            raise ConfigurationError(
                f"The portal has an active list “{found.name}”: HubSpot lets nobody put members into it.",
                hint="Rename that list, then run `sync-worker setup` again.",
            )
        elif misnamed(found, outputs, key):
            yield Step(action="mend", what="list", name=name, why=f"is called “{found.name}”", definition=replace(found, name=name))
