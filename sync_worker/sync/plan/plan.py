"""The plan: differences between desired and observed values, as changes that can be shown before they are applied."""

from __future__ import annotations

from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import IntEnum
from functools import partial
from typing import Final, NamedTuple, TypeAlias

import orjson

from sync_worker.batched import batched
from sync_worker.store.database import Store
from sync_worker.store.writes import differences, memberships
from sync_worker.store.writes.differences import Difference, StageRule
from sync_worker.sync.portal.managed_properties import CrmSchema, diff_properties, is_text
from sync_worker.timestamps import to_ms

STAGE_PROPERTY: Final = "lifecyclestage"
MQL_STAGE: Final = "marketingqualifiedlead"
STAGES_BEFORE_MQL: Final = frozenset({"subscriber", "lead"})
PAGE_SIZE: Final = 5_000  # contacts per query
HIDDEN: Final = "(hidden)"


class Consequence(IntEnum):
    """What a change means for sales, the gravest first."""

    NEW_MQL = 0
    STAGE = 1
    MQL_LOST = 2
    BAND = 3
    GRADE = 4
    SCORE = 5
    OTHER = 6  # texts and trend
    MODEL_NAME = 7  # only the name of the model


#: Texts explain the other properties. A version that words them differently changes those of all contacts, and no score.
_TEXTS: Final = ("mql_blockers", "mql_since", "mql_reasons", "score_reasons", "grade_reasons", "score_model")
_PROPERTY_CONSEQUENCES: Final = (
    ("mql_reason", Consequence.MQL_LOST),
    ("score_band", Consequence.BAND),
    ("grade", Consequence.GRADE),
    ("score", Consequence.SCORE),
)
FetchDifferences: TypeAlias = Callable[..., Sequence[Difference]]


class InvalidValue(NamedTuple):
    """A desired value that HubSpot has called invalid, for that reason. It still shows the observed one."""

    observed: str
    desired: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactChange:
    """The change of one contact. `properties`: property → (observed value, desired value).

    `left_out`: the properties whose desired value HubSpot has called invalid; they are not sent.
    """

    id: int
    properties: Mapping[str, tuple[str, str]]
    desired: str  # all our properties, canonical JSON
    left_out: Mapping[str, InvalidValue] = field(default_factory=dict)
    is_substantive: bool = True  # not a retry, and not only texts change
    new_mql: bool = False  # the contact becomes an MQL
    consequence: Consequence = Consequence.OTHER  # the gravest one

    @property
    def values(self) -> dict[str, str]:
        """Return the values to send."""
        return {name: after for name, (_, after) in self.properties.items()}

    @property
    def before_after(self) -> tuple[dict[str, str], dict[str, str]]:
        """Return the observed and the desired values."""
        return {name: before for name, (before, _) in self.properties.items()}, self.values

    @property
    def new_stage(self) -> str | None:
        """Return the new lifecycle stage, or None if it does not change."""
        return self.properties[STAGE_PROPERTY][1] if STAGE_PROPERTY in self.properties else None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListChange:
    """Contacts to add to a list and to remove from it, sorted by id."""

    key: str
    name: str
    add: Sequence[int]
    remove: Sequence[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """The permitted changes of a run: always properties; lists and stages after the approval; with `only_ids`, only of these contacts."""

    crm_schema: CrmSchema
    now: datetime  # the start of the run; what was rejected may be due again
    stage_rule: StageRule | None = None  # None if the portal has no MQL stage
    approved: bool = False
    keep_others: bool = False
    only_ids: frozenset[int] | None = None

    @property
    def active_stage_rule(self) -> StageRule | None:
        """Return the stage rule, or None before the approval."""
        return self.stage_rule if self.approved else None

    @property
    def now_ms(self) -> int:
        """Return the start of the run in milliseconds."""
        return to_ms(self.now)

    def select(self, ids: Sequence[int]) -> Sequence[int]:
        """Return those of some contacts that may change."""
        return ids if self.only_ids is None else [id_ for id_ in ids if id_ in self.only_ids]


def build_scope(crm_schema: CrmSchema, stages: Iterable[str], now: datetime, *, approved: bool) -> Scope:
    """Return the permitted changes under a model, on a portal with these lifecycle stages."""
    keep = crm_schema.model.document.qualification.foreign_members == "keep"
    return Scope(crm_schema=crm_schema, now=now, stage_rule=build_stage_rule(stages), approved=approved, keep_others=keep)


def contact_changes(
    store: Store,
    scope: Scope,
    *,
    exclude_mqls: bool = False,
    exclude_counted: bool = False,
    exclude_ids: Container[int] = (),
    only_ids: Collection[int] | None = None,
) -> Iterator[ContactChange]:
    """Yield the changes of all contacts of the scope, or of `only_ids`, sorted by id.

    Excluded are: with `exclude_mqls`, contacts that should be MQLs; with `exclude_counted`, contacts that `mark_previewed` has marked;
    and contacts that are in `exclude_ids` when they are reached. Only one page of differences is in memory. Changes that are
    acknowledged during the iteration are not yielded again.
    """
    only_ids = scope.only_ids if only_ids is None else only_ids
    fetch = partial(
        differences.load,
        stage=scope.active_stage_rule,
        now=scope.now_ms,
        limit=PAGE_SIZE,
        exclude_mqls=exclude_mqls,
        exclude_counted=exclude_counted,
    )
    pages = _pages(store, fetch) if only_ids is None else _pages_of_ids(store, fetch, only_ids)
    reason_property, texts = f"{scope.crm_schema.prefix}_mql_reason", {f"{scope.crm_schema.prefix}_{name}" for name in _TEXTS}
    for row in (row for rows in pages for row in rows):
        if row.id in exclude_ids:
            continue
        properties, left_out = _diff_properties(row)
        if row.stage_changes and scope.active_stage_rule:
            properties[STAGE_PROPERTY] = (row.stage or "", scope.active_stage_rule.target)
        if not properties:
            continue
        reason = properties.get(reason_property, ("", ""))
        yield ContactChange(
            id=row.id,
            properties=properties,
            desired=row.desired,
            left_out=left_out,
            # A retry was checked by the run that sent it first: it must not make later plans unsafe.
            is_substantive=not row.is_retry and not properties.keys() <= texts,
            new_mql=(new_mql := reason[0] == "" and reason[1] != ""),
            consequence=find_consequence(properties, scope.crm_schema.prefix, new_mql=new_mql),
        )


def _diff_properties(row: Difference) -> tuple[dict[str, tuple[str, str]], dict[str, InvalidValue]]:
    """Return the properties to send, and those whose value HubSpot has called invalid."""
    properties = diff_properties(row.observed, row.desired) if row.properties_change else {}
    if not properties or not row.invalid:  # the usual case
        return properties, {}
    invalid: Mapping[str, tuple[str, str]] = orjson.loads(row.invalid)
    left_out = {
        name: InvalidValue(*properties[name], reason)
        for name, (value, reason) in invalid.items()
        if name in properties and properties[name][1] == value
    }
    return {name: values for name, values in properties.items() if name not in left_out}, left_out


def find_consequence(properties: Mapping[str, tuple[str, str]], prefix: str, *, new_mql: bool) -> Consequence:
    """Return the gravest consequence of a contact's changes; `prefix` is that of our properties.

    A contact becomes an MQL with a reason, or, if it has one from before the approval, with its approval.
    """
    since = properties.get(f"{prefix}_mql_since", ("", ""))
    if new_mql or (since[0] == "" != since[1]):
        return Consequence.NEW_MQL
    if STAGE_PROPERTY in properties:
        return Consequence.STAGE
    if properties.keys() <= {f"{prefix}_score_model"}:
        return Consequence.MODEL_NAME
    return next((found for name, found in _PROPERTY_CONSEQUENCES if f"{prefix}_{name}" in properties), Consequence.OTHER)


def _pages(store: Store, fetch: FetchDifferences) -> Iterator[Sequence[Difference]]:
    after = 0
    while True:
        with store.transaction() as tx:
            rows = fetch(tx, after=after)
        yield rows
        if len(rows) < PAGE_SIZE:
            return
        after = rows[-1].id


def _pages_of_ids(store: Store, fetch: FetchDifferences, ids: Collection[int]) -> Iterator[Sequence[Difference]]:
    for batch in batched(sorted(ids), PAGE_SIZE):
        with store.transaction() as tx:
            rows = fetch(tx, after=0, only_ids=batch)
        yield rows


def list_changes(store: Store, scope: Scope) -> Iterator[ListChange]:
    """Yield the changes of our lists, approved or not. Lists without changes are omitted.

    From the list of a band that is no longer in the model, the members that the worker added are removed. The list itself and members
    that users added stay.
    """
    for key, name, orphaned in _iter_lists(store, scope):
        with store.transaction() as tx:
            change = ListChange(
                key=key,
                name=name,
                add=() if orphaned else scope.select(memberships.ids_to_add(tx, key, now=scope.now_ms)),
                remove=scope.select(memberships.ids_to_remove(tx, key, keep_others=scope.keep_others or orphaned, now=scope.now_ms)),
            )
        if change.add or change.remove:
            yield change


def find_planned_ids(store: Store, scope: Scope) -> list[int]:
    """Return the contacts that a plan changes: their properties, their stage or, if the scope allows it, their lists; in order of id."""
    lists = list_changes(store, scope) if scope.approved else ()
    members = (id_ for change in lists for id_ in (*change.add, *change.remove))
    return sorted({*(change.id for change in contact_changes(store, scope)), *members})


def count_list_changes(store: Store, scope: Scope) -> dict[str, dict[str, int]]:
    """Return the numbers of contacts to add and to remove by list name, without the ids of `list_changes`."""
    found: dict[str, dict[str, int]] = {}
    for key, name, orphaned in _iter_lists(store, scope):
        with store.transaction() as tx:
            counts = {
                "add": 0 if orphaned else memberships.count_to_add(tx, key, now=scope.now_ms),
                "remove": memberships.count_to_remove(tx, key, keep_others=scope.keep_others or orphaned, now=scope.now_ms),
            }
        if any(counts.values()):
            found[name] = counts
    return found


def _iter_lists(store: Store, scope: Scope) -> Iterator[tuple[str, str, bool]]:
    """Yield key and name of our lists, and whether the list is orphaned: its band is no longer in the model."""
    ours = scope.crm_schema.list_names
    with store.transaction() as tx:
        orphaned = memberships.find_orphaned_lists(tx, ours.keys())
    yield from ((key, name, key in orphaned) for key, name in {**orphaned, **ours}.items())


def hide_texts(change: ContactChange) -> ContactChange:
    """Return a change without the values of text properties: a user may have written names or addresses there."""
    hidden = {
        name: (before and HIDDEN, after and HIDDEN) if is_text(name) else (before, after)
        for name, (before, after) in change.properties.items()
    }
    return replace(change, properties=hidden)


def build_stage_rule(stages: Iterable[str]) -> StageRule | None:
    """Return the rule for moves to MQL, or None if the portal has no such stage. `stages` is in the order of the portal.

    Contacts without a stage, subscribers and leads may be moved, if their stage is before MQL in this portal. So the worker never moves
    a contact backward and never replaces a stage that sales has set.
    """
    order = list(stages)
    if MQL_STAGE not in order:
        return None
    return StageRule(
        target=MQL_STAGE, earlier_stages=tuple(stage for stage in order[: order.index(MQL_STAGE)] if stage in STAGES_BEFORE_MQL)
    )
