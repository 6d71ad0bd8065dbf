"""The difference between what HubSpot should show and what it shows, as frozen changes that can be read before they are made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final, TypeAlias

from sync_worker.batched import batched
from sync_worker.store import differences, memberships
from sync_worker.store.database import Store
from sync_worker.store.differences import Difference, StageRule
from sync_worker.sync.portal.crm_schema import CrmSchema, diff_properties

STAGE_PROPERTY: Final = "lifecyclestage"
MQL_STAGE: Final = "marketingqualifiedlead"
STAGES_BEFORE_MQL: Final = frozenset({"subscriber", "lead"})
PAGE_SIZE: Final = 5_000  # contacts that are compared at a time
MAX_SAMPLES: Final = 20  # changes that a plan shows one by one


DifferenceRows: TypeAlias = Sequence[Difference]
FetchDifferences: TypeAlias = Callable[..., DifferenceRows]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactChange:
    """What is to be written to one contact: property → (what HubSpot shows, what it should show)."""

    id: int
    properties: Mapping[str, tuple[str, str]]
    desired: str  # all of our properties as they should be, canonical JSON
    is_substantive: bool = True  # more than the name of the model changes
    new_mql: bool = False  # HubSpot does not show the contact as an MQL yet

    @property
    def values(self) -> dict[str, str]:
        """Return what is sent."""
        return {name: after for name, (_, after) in self.properties.items()}

    @property
    def before_after(self) -> tuple[dict[str, str], dict[str, str]]:
        """Return what HubSpot shows and what it should show."""
        return {name: before for name, (before, _) in self.properties.items()}, self.values

    @property
    def new_stage(self) -> str | None:
        """Return the lifecycle stage that is given, if one is."""
        return self.properties[STAGE_PROPERTY][1] if STAGE_PROPERTY in self.properties else None


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

    crm_schema: CrmSchema
    stage_rule: StageRule | None = None  # None where the portal has no stage for MQLs
    approved: bool = False
    keep_others: bool = False

    @property
    def active_stage_rule(self) -> StageRule | None:
        """Return who may be moved to which stage now."""
        return self.stage_rule if self.approved else None


def build_scope(crm_schema: CrmSchema, stages: Iterable[str], *, approved: bool) -> Scope:
    """Return what a run may change under a model, on a portal with these lifecycle stages."""
    keep = crm_schema.model.document.qualification.foreign_members == "keep"
    return Scope(crm_schema=crm_schema, stage_rule=build_stage_rule(stages), approved=approved, keep_others=keep)


def contact_changes(
    store: Store,
    scope: Scope,
    *,
    exclude_mqls: bool = False,
    exclude_counted: bool = False,
    exclude_ids: Container[int] = (),
    only_ids: Collection[int] | None = None,
) -> Iterator[ContactChange]:
    """Yield what is to be written to contacts, in order of id; to all or `among` some, to all or to all but those that should be MQLs.

    `but_counted` leaves out whoever the store was told to have been counted, `but` whoever is in it by then.
    Only a page of differences is in memory. What is acknowledged meanwhile does not come again.
    """
    find = partial(
        differences.load, stage=scope.active_stage_rule, limit=PAGE_SIZE, exclude_mqls=exclude_mqls, exclude_counted=exclude_counted
    )
    pages = _pages(store, find) if only_ids is None else _pages_of_ids(store, find, only_ids)
    named, model = f"{scope.crm_schema.prefix}_mql_reason", {f"{scope.crm_schema.prefix}_score_model"}
    for id_, shown, desired, stage, moves in (row for rows in pages for row in rows):
        if id_ in exclude_ids:
            continue
        properties = diff_properties(shown, desired)
        if moves and scope.active_stage_rule:
            properties[STAGE_PROPERTY] = (stage or "", scope.active_stage_rule.target)
        reason = properties.get(named, ("", ""))
        yield ContactChange(
            id=id_,
            properties=properties,
            desired=desired,
            is_substantive=not properties.keys() <= model,
            new_mql=reason[0] == "" and reason[1] != "",
        )


def _pages(store: Store, fetch: FetchDifferences) -> Iterator[DifferenceRows]:
    after = 0
    while True:
        with store.transaction() as tx:
            rows = fetch(tx, after=after)
        yield rows
        if len(rows) < PAGE_SIZE:
            return
        after = rows[-1][0]


def _pages_of_ids(store: Store, fetch: FetchDifferences, ids: Collection[int]) -> Iterator[DifferenceRows]:
    for some in batched(sorted(ids), PAGE_SIZE):
        with store.transaction() as tx:
            rows = fetch(tx, after=0, only_ids=some)
        yield rows


def list_changes(store: Store, scope: Scope) -> Iterator[ListChange]:
    """Yield what should be changed in our lists, approved or not; a list that is right is left out.

    Out of the list of a band that the model no longer has goes whom we put there; the list itself, and whom others put there, stay.
    """
    for key, name, left in _iter_lists(store, scope):
        with store.transaction() as tx:
            change = ListChange(
                key=key,
                name=name,
                add=() if left else memberships.ids_to_add(tx, key),
                remove=memberships.ids_to_remove(tx, key, keep_others=scope.keep_others or left),
            )
        if change.add or change.remove:
            yield change


def count_list_changes(store: Store, scope: Scope) -> dict[str, dict[str, int]]:
    """Return how many are to be added to our lists and removed, by name of the list, where `list_changes` would say who."""
    found: dict[str, dict[str, int]] = {}
    for key, name, left in _iter_lists(store, scope):
        with store.transaction() as tx:
            counts = {
                "add": 0 if left else memberships.count_to_add(tx, key),
                "remove": memberships.count_to_remove(tx, key, keep_others=scope.keep_others or left),
            }
        if any(counts.values()):
            found[name] = counts
    return found


def _iter_lists(store: Store, scope: Scope) -> Iterator[tuple[str, str, bool]]:
    """Yield key and name of our lists, and whether the model has left the list behind."""
    ours = scope.crm_schema.list_names
    with store.transaction() as tx:
        left = memberships.find_orphaned_lists(tx, ours.keys())
    yield from ((key, name, key in left) for key, name in {**left, **ours}.items())


def build_stage_rule(stages: Iterable[str]) -> StageRule | None:
    """Return who may be moved to MQL, by the portal's own order of stages; None where the portal has no such stage.

    Only from none, subscriber and lead, and only as far as these stand before MQL here: never backward, never over a
    stage that sales has set.
    """
    order = list(stages)
    if MQL_STAGE not in order:
        return None
    return StageRule(
        target=MQL_STAGE, earlier_stages=tuple(stage for stage in order[: order.index(MQL_STAGE)] if stage in STAGES_BEFORE_MQL)
    )


@dataclass(slots=True)
class PlanSummary:
    """A plan in numbers, with its first changes spelled out."""

    contacts: int = 0
    substantive: int = 0  # contacts of whom more than the name of the model changes
    new_mqls: int = 0
    properties: Counter[str] = field(default_factory=Counter)
    stages: int = 0
    lists: dict[str, dict[str, int]] = field(default_factory=dict)
    samples: list[ContactChange] = field(default_factory=list)

    def add_contact_change(self, change: ContactChange) -> None:
        """Add one contact's change."""
        self.contacts += 1
        self.substantive += change.is_substantive
        self.new_mqls += change.new_mql
        for name in change.properties:  # quicker than Counter.update, which looks at what it is given first
            self.properties[name] += 1
        self.stages += change.new_stage is not None
        if len(self.samples) < MAX_SAMPLES:
            self.samples.append(change)

    def add_list_change(self, change: ListChange) -> None:
        """Add one list's change."""
        self.lists[change.name] = {"add": len(change.add), "remove": len(change.remove)}

    def as_json(self) -> dict[str, object]:
        """Return the plan for `--json`."""
        return {
            "contacts": self.contacts,
            "new_mqls": self.new_mqls,
            "properties": dict(self.properties),
            "stages": self.stages,
            "lists": self.lists,
            "samples": [_sample_json(change) for change in self.samples],
        }


def _sample_json(change: ContactChange) -> dict[str, object]:
    changes = {name: {"from": before, "to": after} for name, (before, after) in change.properties.items()}
    return {"id": str(change.id), "changes": changes}
