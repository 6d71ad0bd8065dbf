"""The difference between what HubSpot should show and what it shows, as frozen changes that can be read before they are made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, TypeAlias

from sqlalchemy import Row

from sync_worker.batched import batches
from sync_worker.store import differences
from sync_worker.store.database import Store
from sync_worker.store.differences import StageRule
from sync_worker.sync.portal.crm_schema import Outputs, difference

STAGE: Final = "lifecyclestage"
MQL_STAGE: Final = "marketingqualifiedlead"
BEFORE_MQL: Final = frozenset({"subscriber", "lead"})
PAGE: Final = 5_000  # contacts that are compared at a time
SAMPLES: Final = 20  # changes that a plan shows one by one


Rows: TypeAlias = Sequence[Row[int, str, str, str, bool]]
Find: TypeAlias = Callable[..., Rows]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactChange:
    """What is to be written to one contact: property → (what HubSpot shows, what it should show)."""

    id: int
    properties: Mapping[str, tuple[str, str]]
    desired: str  # all of our properties as they should be, canonical JSON
    matters: bool = True  # more than the name of the model changes
    new_mql: bool = False  # HubSpot does not show the contact as an MQL yet

    @property
    def values(self) -> dict[str, str]:
        """Return what is sent."""
        return {name: after for name, (_, after) in self.properties.items()}

    @property
    def ends(self) -> tuple[dict[str, str], dict[str, str]]:
        """Return what HubSpot shows and what it should show."""
        return {name: before for name, (before, _) in self.properties.items()}, self.values

    @property
    def stage(self) -> str | None:
        """Return the lifecycle stage that is given, if one is."""
        return self.properties[STAGE][1] if STAGE in self.properties else None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListChange:
    """Who is to be added to a list and who taken out, in order of id."""

    key: str
    name: str
    add: Sequence[int]
    remove: Sequence[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What a run may change: properties always, lists and stages once the distribution has been approved."""

    outputs: Outputs
    rule: StageRule | None = None  # None where the portal has no stage for MQLs
    approved: bool = False
    keep_foreign: bool = False

    @property
    def stage(self) -> StageRule | None:
        """Return who may be moved to which stage now."""
        return self.rule if self.approved else None


def scope_of(outputs: Outputs, stages: Iterable[str], *, approved: bool) -> Scope:
    """Return what a run may change under a model, on a portal with these lifecycle stages."""
    keep = outputs.model.document.qualification.foreign_members == "keep"
    return Scope(outputs=outputs, rule=stage_rule(stages), approved=approved, keep_foreign=keep)


def contact_changes(
    store: Store,
    scope: Scope,
    *,
    but_mqls: bool = False,
    but_counted: bool = False,
    but: Container[int] = (),
    among: Collection[int] | None = None,
) -> Iterator[ContactChange]:
    """Yield what is to be written to contacts, in order of id; to all or `among` some, to all or to all but those that should be MQLs.

    `but_counted` leaves out whoever the store was told to have been counted, `but` whoever is in it by then.
    Only a page of differences is in memory. What is acknowledged meanwhile does not come again.
    """
    find = partial(differences.differences, stage=scope.stage, limit=PAGE, exclude_mqls=but_mqls, exclude_counted=but_counted)
    pages = _pages(store, find) if among is None else _pages_among(store, find, among)
    named, model = f"{scope.outputs.prefix}_mql_reason", {f"{scope.outputs.prefix}_score_model"}
    for id_, shown, desired, stage, moves in (row for rows in pages for row in rows):
        if id_ in but:
            continue
        properties = difference(shown, desired)
        if moves and scope.stage:
            properties[STAGE] = (stage or "", scope.stage.target)
        reason = properties.get(named, ("", ""))
        yield ContactChange(
            id=id_,
            properties=properties,
            desired=desired,
            matters=not properties.keys() <= model,
            new_mql=reason[0] == "" and reason[1] != "",
        )


def _pages(store: Store, find: Find) -> Iterator[Rows]:
    after = 0
    while True:
        with store.transaction() as tx:
            rows = find(tx, after=after)
        yield rows
        if len(rows) < PAGE:
            return
        after = rows[-1][0]


def _pages_among(store: Store, find: Find, ids: Collection[int]) -> Iterator[Rows]:
    for some in batches(sorted(ids), PAGE):
        with store.transaction() as tx:
            rows = find(tx, after=0, among=some)
        yield rows


def list_changes(store: Store, scope: Scope) -> Iterator[ListChange]:
    """Yield what should be changed in our lists, approved or not; a list that is right is left out.

    Out of the list of a band that the model no longer has goes whom we put there; the list itself, and whom others put there, stay.
    """
    for key, name, left in _lists(store, scope):
        with store.transaction() as tx:
            change = ListChange(
                key=key,
                name=name,
                add=() if left else differences.ids_to_add(tx, key),
                remove=differences.ids_to_remove(tx, key, keep_others=scope.keep_foreign or left),
            )
        if change.add or change.remove:
            yield change


def list_counts(store: Store, scope: Scope) -> dict[str, dict[str, int]]:
    """Return how many are to be added to our lists and removed, by name of the list, where `list_changes` would say who."""
    found: dict[str, dict[str, int]] = {}
    for key, name, left in _lists(store, scope):
        with store.transaction() as tx:
            counts = {
                "add": 0 if left else differences.count_to_add(tx, key),
                "remove": differences.count_to_remove(tx, key, keep_others=scope.keep_foreign or left),
            }
        if any(counts.values()):
            found[name] = counts
    return found


def _lists(store: Store, scope: Scope) -> Iterator[tuple[str, str, bool]]:
    """Yield key and name of our lists, and whether the model has left the list behind."""
    ours = scope.outputs.lists
    with store.transaction() as tx:
        left = differences.find_orphaned_lists(tx, ours.keys())
    yield from ((key, name, key in left) for key, name in {**left, **ours}.items())


def stage_rule(stages: Iterable[str]) -> StageRule | None:
    """Return who may be moved to MQL, by the portal's own order of stages; None where the portal has no such stage.

    Only from none, subscriber and lead, and only as far as these stand before MQL here: never backward, never over a
    stage that sales has set.
    """
    order = list(stages)
    if MQL_STAGE not in order:
        return None
    return StageRule(target=MQL_STAGE, earlier_stages=tuple(stage for stage in order[: order.index(MQL_STAGE)] if stage in BEFORE_MQL))


@dataclass(slots=True)
class Summary:
    """A plan in numbers, with its first changes spelled out."""

    contacts: int = 0
    mattering: int = 0  # contacts of whom more than the name of the model changes
    new_mqls: int = 0
    properties: Counter[str] = field(default_factory=Counter)
    stages: int = 0
    lists: dict[str, dict[str, int]] = field(default_factory=dict)
    samples: list[dict[str, Any]] = field(default_factory=list)

    def count(self, change: ContactChange) -> None:
        """Add one contact's change."""
        self.contacts += 1
        self.mattering += change.matters
        self.new_mqls += change.new_mql
        for name in change.properties:  # quicker than Counter.update, which looks at what it is given first
            self.properties[name] += 1
        self.stages += change.stage is not None
        if len(self.samples) < SAMPLES:
            changes = {name: {"from": before, "to": after} for name, (before, after) in change.properties.items()}
            self.samples.append({"id": str(change.id), "changes": changes})

    def count_list(self, change: ListChange) -> None:
        """Add one list's change."""
        self.lists[change.name] = {"add": len(change.add), "remove": len(change.remove)}

    def as_json(self) -> dict[str, Any]:
        """Return the plan for `--json`."""
        return {
            "contacts": self.contacts,
            "new_mqls": self.new_mqls,
            "properties": dict(self.properties),
            "stages": self.stages,
            "lists": self.lists,
            "samples": self.samples,
        }
