"""The runs of a saved plan: one makes it, another carries it out, exactly and whole, or refuses it with what has changed since.

Both read the contacts of the plan by id: events change HubSpot's counters, users change lists, and search shows neither; and it lags. What
happened before the plan is thus in it, and only what happens after it makes it stale.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from sync_worker.errors import StalePlan
from sync_worker.model.compiled.inputs import ModelInputs, select_inputs
from sync_worker.store.writes import rejections
from sync_worker.sync.plan.fact_digests import FactDigests
from sync_worker.sync.plan.mql_starts import MqlStarts
from sync_worker.sync.plan.plan import PAGE_SIZE, find_planned_ids
from sync_worker.sync.plan.plan_comparison import find_differences, find_fact_differences, is_done
from sync_worker.sync.plan.saved_plan import PlanRecorder, SavedPlan
from sync_worker.sync.run import Run
from sync_worker.timestamps import to_ms

MAX_DIFFERENCES: Final = 10  # that a refusal names
DONE_NOTE: Final = "Nothing left to do: HubSpot shows everything that the plan contains."
STALE_HINT: Final = "Run `sync-worker plan --out FILE` again and look at the new plan."


def record_plan(run: Run, *, portal_id: int, names: bool) -> SavedPlan:
    """Return the changes of a dry run, which this function executes; with `names`, they have the addresses of the contacts."""
    run.read()
    run.evaluate()
    ids = find_planned_ids(run.store, run.scope)
    run.pull.contacts_by_id(ids, list_members=run.scope.approved)
    run.evaluator.evaluate_due(run.store, run.pull.context.progress, only_ids=ids)
    run.from_state()
    return _build_recorder(run, portal_id, names=names).record()


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedPlanRun:
    """A run whose scope is limited to the contacts of a saved plan; what else has changed waits for the next `sync`.

    A contact becomes an MQL at the time of this run, not at that of the plan. A run that was interrupted is repeated with the same plan:
    what HubSpot shows already is not written again.
    """

    run: Run
    plan: SavedPlan
    portal_id: int

    def execute(self) -> None:
        """Check the plan, then write it.

        Raises:
            StalePlan: anything that the plan rests on has changed; this run wrote nothing.
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
        starts = replace(run.mql_starts, only_ids=self.plan.contact_ids)
        replace(run, mql_starts=starts, verify_plan=partial(self._check_changes, starts)).from_state()

    def _check_conditions(self) -> None:
        scope, plan = self.run.scope, self.plan
        with self.run.store.transaction() as tx:
            state_id = FactDigests.load(tx, _inputs(self.run)).state_id
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
                facts |= FactDigests.load(tx, _inputs(self.run)).digest(tx, ids[start : start + PAGE_SIZE], self.plan.stage_moves)
        _raise_if_any(find_fact_differences(self.plan, facts))

    def _check_changes(self, starts: MqlStarts) -> None:
        store, recorder = self.run.store, _build_recorder(self.run, self.portal_id, names=self.plan.names)
        with store.rehearse():  # a plan that is refused makes no contact an MQL
            self._release_rejections()
            self.run.mql_quota.admit(store)
            replace(starts, now=self.plan.at).update(store)  # the plan has this moment
            fresh = replace(recorder, earlier=self.plan).record()
        _raise_if_any(find_differences(self.plan, fresh))
        self._release_rejections()
        if is_done(fresh):
            self.run.report.notes.append(DONE_NOTE)

    def _release_rejections(self) -> None:
        """Let what HubSpot has rejected since the plan be sent again: it is still a part of the plan."""
        with self.run.store.transaction() as tx:
            rejections.delete_tried_since(tx, to_ms(self.plan.at), self.plan.contact_ids, self.plan.parts)


def _build_recorder(run: Run, portal_id: int, *, names: bool) -> PlanRecorder:
    return PlanRecorder(store=run.store, scope=run.scope, inputs=_inputs(run), portal_id=portal_id, names=names)


def _inputs(run: Run) -> ModelInputs:
    return select_inputs(run.evaluator.model, run.evaluator.hidden_kinds)


def _raise_if_any(differences: Sequence[str]) -> None:
    if differences:
        more = f"; and {len(differences) - MAX_DIFFERENCES:,} more" if len(differences) > MAX_DIFFERENCES else ""
        shown = "; ".join(differences[:MAX_DIFFERENCES])
        raise StalePlan(f"The plan does not hold any longer: {shown}{more}. This try wrote nothing.", hint=STALE_HINT)
