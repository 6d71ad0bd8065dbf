"""The run that carries out a saved plan, exactly and whole, or refuses it with what has changed since."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from sync_worker.errors import StalePlan
from sync_worker.sync.plan.fact_digests import FactDigests
from sync_worker.sync.plan.plan import PAGE_SIZE
from sync_worker.sync.plan.plan_comparison import find_differences, find_fact_differences
from sync_worker.sync.plan.saved_plan import PlanRecorder, SavedPlan
from sync_worker.sync.run import Run

MAX_DIFFERENCES: Final = 10  # that a refusal names
STALE_HINT: Final = "Run `sync-worker plan --out FILE` again and look at the new plan."


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedPlanRun:
    """A run whose scope is limited to the contacts of a saved plan; what else has changed waits for the next `sync`.

    The changes since the last run are read as in a `sync`, and the contacts of the plan once more by id, because search lags.
    """

    run: Run
    plan: SavedPlan
    portal_id: int

    def execute(self) -> None:
        """Check the plan, then write it.

        Raises:
            StalePlan: anything that the plan rests on has changed; nothing of the plan was written.
            UnsafePlan: the plan changes too much.
        """
        self._check_conditions()
        run, ids = self.run, sorted(self.plan.contact_ids)
        run.read_changes()
        run.pull.contacts_by_id(ids, list_members=self.plan.approved)
        self._check_facts(ids)
        if self.plan.at >= run.evaluator.valid_since:
            # Verdicts are valid for the day, so that a plan does not change with time alone.
            replace(run.evaluator, now=self.plan.at).evaluate_due(run.store, run.pull.context.progress, only_ids=ids)
        starts = replace(run.mql_starts, now=self.plan.at)  # the plan has this moment
        replace(run, mql_starts=starts, verify_plan=self._check_changes).from_state()

    def _check_conditions(self) -> None:
        scope, plan = self.run.scope, self.plan
        with self.run.store.transaction() as tx:
            state_id = FactDigests.load_key(tx).state_id
        found = [
            ("another state was used", plan.state, state_id),
            ("the model is another one", plan.model, scope.crm_schema.model.hash),
            ("the prefix of our properties is another one", plan.prefix, scope.crm_schema.prefix),
        ]
        differences = [f"{label} ({before}, now {now})" for label, before, now in found if before != now]
        if plan.approved != scope.approved:
            differences.append(f"the model {'was not approved and is now' if scope.approved else 'is not approved any longer'}")
        if not differences and not self.run.pull.can_resume():
            differences = ["the state must be read again completely; run `sync-worker backfill --dry-run`"]
        _raise_if_any(differences)

    def _check_facts(self, ids: Sequence[int]) -> None:
        facts: dict[int, str] = {}
        for start in range(0, len(ids), PAGE_SIZE):
            with self.run.store.transaction() as tx:
                facts |= FactDigests.load_key(tx).digest(tx, ids[start : start + PAGE_SIZE])
        _raise_if_any(find_fact_differences(self.plan, facts))

    def _check_changes(self) -> None:
        recorder = PlanRecorder(store=self.run.store, scope=self.run.scope, portal_id=self.portal_id, names=self.plan.names)
        _raise_if_any(find_differences(self.plan, recorder.record()))


def _raise_if_any(differences: Sequence[str]) -> None:
    if differences:
        more = f"; and {len(differences) - MAX_DIFFERENCES:,} more" if len(differences) > MAX_DIFFERENCES else ""
        shown = "; ".join(differences[:MAX_DIFFERENCES])
        raise StalePlan(f"The plan does not hold any longer: {shown}{more}. Nothing of it was written.", hint=STALE_HINT)
