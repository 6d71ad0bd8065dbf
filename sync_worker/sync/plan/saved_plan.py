"""The content of a plan file: the changes of a plan and what they rest on. docs/plan-file.md describes it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Annotated

import msgspec
import orjson
from sqlalchemy import Connection

from sync_worker.batched import batched
from sync_worker.model.compiled.inputs import ModelInputs
from sync_worker.store import verdicts
from sync_worker.store.database import Store
from sync_worker.store.facts import contacts
from sync_worker.store.verdicts import VerdictRow
from sync_worker.store.writes import differences, memberships
from sync_worker.store.writes.rejections import PROPERTIES, STAGE, list_part
from sync_worker.sync.plan.fact_digests import FactDigests
from sync_worker.sync.plan.plan import PAGE_SIZE, STAGE_PROPERTY, ContactChange, ListChange, Scope, contact_changes, list_changes
from sync_worker.sync.portal.managed_properties import is_text

PropertyChanges = Mapping[str, tuple[str, str]]  # property → (observed value, desired value)
ContactId = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,19}$", description="HubSpot's id of the contact.")]


class SavedValue(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"before": "from", "after": "to"}):
    """The change of one property: the value that HubSpot showed, and the new one."""

    before: str
    after: str


class SavedVerdict(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The verdict that the changes of a contact rest on."""

    score: int
    band: str
    grade: str
    mql: bool


class SavedContact(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A contact of a plan. `facts` is a keyed digest of everything that the verdict rests on; `lists` are the keys of its lists."""

    id: ContactId
    facts: str
    verdict: SavedVerdict | None
    lists: tuple[str, ...]
    changes: dict[str, SavedValue]
    consequence: str | None = None  # of the gravest change; absent if only lists change
    email: str | None = None  # absent with `--no-names`


class SavedListChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The contacts to add to a list and to remove from it."""

    key: str
    name: str
    add: tuple[ContactId, ...]
    remove: tuple[ContactId, ...]


class SavedPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A plan. `state` identifies the state that it was made with, `at` is the time of its verdicts."""

    portal: int
    state: str
    prefix: str
    model: str
    model_name: str
    at: datetime
    approved: bool
    names: bool
    contacts: tuple[SavedContact, ...]
    lists: tuple[SavedListChange, ...]

    @property
    def is_empty(self) -> bool:
        """Return whether the plan changes nothing."""
        return not self.contacts

    @property
    def contact_ids(self) -> frozenset[int]:
        """Return the contacts that the plan concerns."""
        return frozenset(int(contact.id) for contact in self.contacts)

    @property
    def stage_moves(self) -> Mapping[int, tuple[str, str]]:
        """Return the lifecycle stage and the next one of each contact whose stage the plan changes."""
        moves = ((int(contact.id), contact.changes.get(STAGE_PROPERTY)) for contact in self.contacts)
        return {id_: (move.before, move.after) for id_, move in moves if move}

    @property
    def parts(self) -> Sequence[str]:
        """Return the parts of contacts that the plan may change, as rejections name them."""
        return (PROPERTIES, STAGE, *(list_part(change.key) for change in self.lists))


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRecorder:
    """Builds the content of a plan file from the state. `inputs`: what the verdicts depend on. With `names`, it has the addresses.

    `earlier`: an earlier plan for the same contacts. What it changes is recorded too if it does not change any longer.
    """

    store: Store
    scope: Scope
    inputs: ModelInputs
    portal_id: int
    names: bool
    earlier: SavedPlan | None = None

    def record(self) -> SavedPlan:
        """Return the changes of the scope, in order of id. The contacts of a limited scope are all in it, with changes or without."""
        changes = {change.id: change for change in contact_changes(self.store, self.scope)}
        lists = list(list_changes(self.store, self.scope)) if self.scope.approved else []
        ids = {*changes, *chain.from_iterable((*each.add, *each.remove) for each in lists), *(self.scope.only_ids or ())}
        with self.store.transaction() as tx:
            digests = FactDigests.load(tx, self.inputs)
        model = self.scope.crm_schema.model
        return SavedPlan(
            portal=self.portal_id,
            state=digests.state_id,
            prefix=self.scope.crm_schema.prefix,
            model=model.hash,
            model_name=model.document.name,
            at=self.scope.now,
            approved=self.scope.approved,
            names=self.names,
            contacts=tuple(self._record_contacts(sorted(ids), changes, digests)),
            lists=tuple(map(_record_list, lists)),
        )

    def _record_contacts(self, ids: Sequence[int], changes: Mapping[int, ContactChange], digests: FactDigests) -> Iterator[SavedContact]:
        earlier = {int(contact.id): contact.changes.keys() for contact in self.earlier.contacts} if self.earlier else {}
        for batch in batched(ids, PAGE_SIZE):
            with self.store.transaction() as tx:
                facts, found = digests.digest(tx, batch), verdicts.load_rows(tx, batch)
                lists, emails = self._load_lists(tx, batch), contacts.load_emails(tx, batch) if self.names else {}
                same = self._load_unchanged(tx, batch, earlier)
            for id_ in batch:
                change = changes.get(id_)
                properties = {**same.get(id_, {}), **(change.properties if change else {})}
                yield SavedContact(
                    id=str(id_),
                    facts=facts.get(id_, ""),
                    verdict=_record_verdict(found.get(id_)),
                    lists=tuple(lists.get(id_, ())),
                    changes=self._record_values(properties, digests),
                    consequence=change.consequence.name.lower() if change else None,
                    email=emails.get(id_),
                )

    def _load_lists(self, tx: Connection, ids: Sequence[int]) -> Mapping[int, Sequence[str]]:
        # Before the approval, lists do not change, so that nothing rests on them.
        return memberships.load_keys(tx, ids) if self.scope.approved else {}

    def _load_unchanged(self, tx: Connection, ids: Sequence[int], names: Mapping[int, Collection[str]]) -> Mapping[int, PropertyChanges]:
        """Return these properties of each contact as HubSpot shows them, each as a change to the same value."""
        found = {}
        for id_, (observed, stage) in differences.load_observed(tx, [id_ for id_ in ids if id_ in names]).items():
            values = {**orjson.loads(observed), STAGE_PROPERTY: stage or ""}
            found[id_] = {name: (value := values.get(name, ""), value) for name in names[id_]}
        return found

    def _record_values(self, properties: PropertyChanges, digests: FactDigests) -> dict[str, SavedValue]:
        """Return the values; without names, texts are digests, because a user may have written something there."""

        def hide(name: str, text: str) -> str:
            return digests.digest_text(text) if text and is_text(name) and not self.names else text

        return {name: SavedValue(before=hide(name, before), after=hide(name, after)) for name, (before, after) in properties.items()}


def _record_verdict(row: VerdictRow | None) -> SavedVerdict | None:
    return SavedVerdict(score=row.score, band=row.band, grade=row.grade, mql=row.mql) if row else None


def _record_list(change: ListChange) -> SavedListChange:
    return SavedListChange(key=change.key, name=change.name, add=tuple(map(str, change.add)), remove=tuple(map(str, change.remove)))
