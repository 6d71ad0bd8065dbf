"""What waits to be written, from the state alone: after the next run, or after the approval of the model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from sync_worker.store.database import Store
from sync_worker.store.writes import differences, memberships
from sync_worker.sync.plan.named_mqls import NamedMql, load_named_mqls
from sync_worker.sync.plan.plan import PAGE_SIZE, Scope, contact_changes, count_list_changes
from sync_worker.sync.plan.plan_summary import PlanSummary

MAX_NAMES: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingPlan:
    """What waits. `summary` is of the first `PAGE_SIZE` contacts with a change; `stages` and its `lists` count all contacts.

    `mqls` are the contacts that would join the list of MQLs, the highest score first, at most `MAX_NAMES` of `mql_count`.
    """

    summary: PlanSummary
    is_complete: bool  # all contacts are in the summary
    stages: int
    mqls: Sequence[NamedMql]
    mql_count: int


def load_waiting_plan(store: Store, scope: Scope) -> WaitingPlan:
    """Return what waits in a scope: with an approved scope, the lists and stages that an approval would change too."""
    summary = PlanSummary()
    changes = list(islice(contact_changes(store, scope), PAGE_SIZE))
    for change in changes:
        summary.add_contact_change(change)
    summary.lists |= count_list_changes(store, scope)
    with store.transaction() as tx:
        ids = memberships.ids_to_add(tx, "mql", now=scope.now_ms)
        mqls = load_named_mqls(tx, scope.crm_schema.prefix, only_ids=ids)
        stages = differences.count_stage_changes(tx, scope.stage_rule) if scope.stage_rule else 0
    return WaitingPlan(summary=summary, is_complete=len(changes) < PAGE_SIZE, stages=stages, mqls=mqls[:MAX_NAMES], mql_count=len(ids))
