"""Finds whether a run can do without a plan, because it would be the same as one that has left nothing to write.

A plan is made from the state, the model, the portal and the time. The state has a counter of the changes of all programs. Time changes
a verdict at the start of the portal's next day only, and what HubSpot has rejected is tried again at a known moment.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass

import orjson

from sync_worker import __version__
from sync_worker.store import change_counter
from sync_worker.store.database import Store
from sync_worker.store.saved_state import settled_plan
from sync_worker.store.saved_state.settled_plan import SettledPlan
from sync_worker.store.writes import rejections
from sync_worker.sync.evaluate.evaluate import Evaluator
from sync_worker.sync.evaluate.shadow import ShadowEvaluator
from sync_worker.sync.plan.mql_quota import MqlQuota
from sync_worker.sync.plan.plan import Scope
from sync_worker.timestamps import to_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """The settlement of a run with these parts."""

    evaluator: Evaluator
    shadow: ShadowEvaluator | None
    mql_quota: MqlQuota
    scope: Scope

    def load_changes(self, store: Store) -> int:
        """Return the number of changes of the state; to be called before a plan is made."""
        with store.transaction() as tx:
            return change_counter.load(tx)

    def find(self, store: Store) -> SettledPlan | None:
        """Return the plan without changes that a plan of this run would repeat, or None."""
        with store.transaction() as tx:
            plan, changes = settled_plan.load(tx), change_counter.load(tx)
        if plan is None or (plan.basis, plan.changes) != (self._basis, changes):
            return None
        return plan if plan.until is None or self.scope.now_ms <= plan.until else None

    def save(self, store: Store, changes: int, withheld: Mapping[str, int]) -> None:
        """Save that a plan without changes was made, unless it has changed the state, or another process has since `changes`."""
        with store.transaction() as tx:
            if change_counter.load(tx) == changes:
                until = rejections.next_retry(tx, after=self.scope.now_ms)
                settled_plan.save(tx, SettledPlan(basis=self._basis, changes=changes, until=until, withheld=withheld))

    @property
    def _basis(self) -> str:
        scope, evaluator = self.scope, self.evaluator
        parts = (
            __version__,
            scope.crm_schema.version,
            scope.crm_schema.model.hash,
            self.shadow and self.shadow.model.hash,
            sorted(evaluator.hidden_kinds),
            [to_ms(day_start) for day_start in (evaluator.valid_since, self.mql_quota.day_start)],
            scope.approved,
            scope.keep_others,
            scope.stage_rule and astuple(scope.stage_rule),
        )
        return orjson.dumps(parts).decode()
