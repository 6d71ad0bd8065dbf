"""Which objects in the portal are ours. Objects that this state never made are changed only after `setup --take-over`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from msgspec import structs

from sync_worker.errors import ConfigurationError
from sync_worker.hubspot.client import HubSpot
from sync_worker.hubspot.records.models import ContactList, PropertyDefinition
from sync_worker.store.database import Store
from sync_worker.store.saved_state import managed_objects, portal_cache
from sync_worker.store.writes import memberships

TAKE_OVER_HINT: Final = (
    "Rename the object in HubSpot or set another property_prefix. If it is yours, for example after the loss of a state, run "
    "`sync-worker setup --take-over`."
)
TYPE_HINT: Final = "Rename or delete that property, or set another property_prefix."
DYNAMIC_LIST_HINT: Final = "Rename that list, then run `sync-worker setup` again."


@dataclass(frozen=True, slots=True, kw_only=True)
class Ownership:
    """Our objects: the properties by name, the lists by key, and the names of lists whose creation has started."""

    properties: frozenset[str] = frozenset()
    list_ids: Mapping[str, str]
    new_lists: frozenset[str] = frozenset()

    def includes_list(self, key: str, found: ContactList) -> bool:
        """Return whether a list is ours."""
        return self.list_ids.get(key) == found.id or found.name in self.new_lists


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupConflict:
    """An object of others that has one of our names or labels."""

    kind: str  # property, list
    name: str
    reason: str
    hint: str = TAKE_OVER_HINT

    @property
    def can_be_taken_over(self) -> bool:
        """Whether `--take-over` resolves it."""
        return self.hint == TAKE_OVER_HINT

    def as_json(self) -> dict[str, str]:
        """Return the conflict for `--json`."""
        return {"what": self.kind, "name": self.name, "why": self.reason, "hint": self.hint}


def load_ownership(store: Store) -> Ownership:
    """Return the objects that this state has made."""
    with store.transaction() as tx:
        managed, cached = managed_objects.load(tx), portal_cache.load(tx)
        known = cached.property_names if cached else ()  # earlier versions saved our properties only there
        return Ownership(
            properties=frozenset([*managed.properties, *known]),
            list_ids=memberships.load_list_ids(tx),
            new_lists=frozenset(managed.new_lists),
        )


def load_feedback(store: Store) -> bool:
    """Return whether `setup` was asked for the properties that sales reps fill in."""
    with store.transaction() as tx:
        return managed_objects.load(tx).feedback


def save_new_lists(store: Store, names: Iterable[str]) -> None:
    """Save the names of lists before they are created: if setup is interrupted, they are still ours."""
    with store.transaction() as tx:
        managed = managed_objects.load(tx)
        managed_objects.save(tx, structs.replace(managed, new_lists=tuple(sorted({*managed.new_lists, *names}))))


def save_properties(store: Store, names: Iterable[str], *, feedback: bool) -> None:
    """Save the names of our properties, and whether sales reps are asked for feedback; the state has the ids of all lists now."""
    with store.transaction() as tx:
        managed = managed_objects.load(tx)
        ours = tuple(sorted({*managed.properties, *names}))
        managed_objects.save(tx, structs.replace(managed, properties=ours, new_lists=(), feedback=feedback))


def load_workflow_ids(store: Store) -> Mapping[str, str]:
    """Return the ids of the drafts of workflows that this state has made, by the keys of their lists."""
    with store.transaction() as tx:
        return managed_objects.load(tx).workflows


def save_workflow_id(store: Store, key: str, workflow_id: str) -> None:
    """Save the id of a draft, so that it is not created again after a user has renamed it."""
    with store.transaction() as tx:
        managed = managed_objects.load(tx)
        managed_objects.save(tx, structs.replace(managed, workflows={**managed.workflows, key: workflow_id}))


def raise_conflicts(conflicts: Iterable[SetupConflict]) -> None:
    """Raise ConfigurationError if there is a conflict."""
    if found := [*conflicts]:
        hints = dict.fromkeys(conflict.hint for conflict in found)
        raise ConfigurationError("\n".join([*(conflict.reason for conflict in found), "Nothing was changed."]), hint=" ".join(hints))


def find_property_conflicts(
    hubspot: HubSpot, desired: PropertyDefinition, found: PropertyDefinition, ownership: Ownership
) -> Iterator[SetupConflict]:
    """Yield the reason why an existing property cannot be used, or is not ours: it has values, or another group."""
    if found.type != desired.type:
        reason = (
            f"The portal has a property {desired.name} of type {found.type}. The worker needs type {desired.type}, "
            "and HubSpot cannot change types."
        )
        yield SetupConflict(kind="property", name=desired.name, reason=reason, hint=TYPE_HINT)
    elif desired.name not in ownership.properties:
        contacts = hubspot.contacts.count_known(desired.name)
        if contacts or found.group != desired.group:
            reason = (
                f"A property {desired.name} already exists, and this state did not create it (label “{found.label}”, group {found.group}, "
                f"contacts with a value: {contacts:,})."
            )
            yield SetupConflict(kind="property", name=desired.name, reason=reason)


def find_list_conflicts(key: str, found: ContactList, ownership: Ownership) -> Iterator[SetupConflict]:
    """Yield the reason why an existing list cannot be used, or is not ours."""
    if found.is_dynamic:
        reason = f"The portal has a dynamic list “{found.name}”; the worker cannot add members to it."
        yield SetupConflict(kind="list", name=found.name, reason=reason, hint=DYNAMIC_LIST_HINT)
    elif not ownership.includes_list(key, found):
        yield SetupConflict(kind="list", name=found.name, reason=f"A list “{found.name}” already exists, and this state did not create it.")
