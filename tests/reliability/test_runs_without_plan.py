"""A run skips its plan only if the plan would be empty, after any sequence of changes by users, time, commands and other processes."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest
import structlog
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from sqlalchemy import Connection

from sync_worker.errors import SyncWorkerError
from sync_worker.hubspot.client import HubSpot
from sync_worker.sandbox.base.responses import ApiError
from sync_worker.sandbox.server import user_actions
from sync_worker.store import model_revisions
from sync_worker.store.database import open_store
from sync_worker.store.facts import contacts
from sync_worker.store.model_revisions import ModelRevision
from sync_worker.store.writes import memberships, rejections
from sync_worker.sync.run_report import RunReport
from sync_worker.worker import Worker
from tests.harness import MODEL, Harness, connect_without_search_limit, start_harness
from tests.reliability.fault_matrix import SkippingClock
from tests.store.database_factories import POSTGRES_URL

MODELS = {
    "usual": MODEL,
    "decay": MODEL.replace("degradation: {kind: none}", "degradation: {kind: inactivity, grace: 1 day, every: 1 day, lose: 1 points}"),
    "quota": MODEL.replace("threshold: 20", "threshold: 20\n  new_per_day: 1"),
    "windows": MODEL.replace("each: 2, at_most: 10}", "each: 2, at_most: 10, within: 2 days}"),
}
CONTACTS = st.integers(1, 7)


def undo_last_write(worker: Worker) -> None:
    worker.undo(next(run.run_id for run in worker.load_runs(99) if run.written and "dry" not in run.command))


def withdraw(worker: Worker) -> None:
    with worker.store.transaction() as tx:
        model_revisions.append(tx, ModelRevision(at=0, kind="withdrawal", model=worker.model.hash, author="", note=""))


def approve(worker: Worker) -> None:
    worker.report()
    worker.approve("again")


COMMANDS: dict[str, Callable[[Worker], object]] = {
    "setup": lambda worker: worker.setup(feedback=True),
    "approve": approve,
    "withdraw": withdraw,
    "undo": undo_last_write,
    "resync": lambda worker: worker.request_resync("email_click", datetime(2026, 1, 1, tzinfo=UTC)),
    "forget": lambda worker: worker.forget("p4@example.com"),
    "backfill": lambda worker: worker.backfill(),
}
WRITES: dict[str, Callable[[Connection], object]] = {
    "facts": lambda tx: contacts.mark_due(tx, [1, 2], ()),
    "list members": lambda tx: memberships.replace(tx, "mql", [3]),
    "retries": rejections.release,
    "suspended contacts": lambda tx: rejections.suspend(tx, [1, 3], reason="", at=0),
}


def connect_without_waits(**options: Any) -> HubSpot:
    return connect_without_search_limit(clock=SkippingClock(), **options)


def describe(report: RunReport) -> dict[str, object]:
    return {"plan": report.plan.as_json(), "withheld": report.withheld, "waiting": report.waiting, "evaluated": report.evaluated}


class TwinRuns(RuleBasedStateMachine):
    """Before each run, a dry run on a copy of the state makes a plan; if the run makes none, that plan must be empty."""

    def __init__(self) -> None:
        super().__init__()
        structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
        self.folder, self.exit_stack, self.events = Path(mkdtemp()), ExitStack(), 0
        self.runs_without_plan = 0
        self.harness: Harness

    @initialize(model=st.sampled_from(sorted(MODELS)), approved=st.booleans())
    def begin(self, model: str, *, approved: bool) -> None:
        self.harness = self.exit_stack.enter_context(start_harness(self.folder, model=MODELS[model]))
        self.harness.connect_hubspot = connect_without_waits
        self.harness.backfill()
        if approved:
            self.harness.approve()

    def is_live(self, number: int) -> bool:
        return self.harness.portal.contacts.records.find_live_row(number) is not None

    def teardown(self) -> None:
        self.exit_stack.close()
        shutil.rmtree(self.folder)
        structlog.reset_defaults()

    @rule(
        number=CONTACTS,
        values=st.sampled_from([{"jobtitle": "CTO"}, {"lifecyclestage": "opportunity"}, {"lead_score": "99"}, {"lead_mql_reason": ""}]),
    )
    def edit(self, number: int, values: dict[str, str]) -> None:
        if self.is_live(number):
            with suppress(ApiError):  # a rule that requires a city refuses users as well
                self.harness.edit_contact(number, **values)

    @rule(number=CONTACTS, other=CONTACTS, kind=st.sampled_from(["click", "view", "form", "opt-out", "archive", "merge"]))
    def act(self, number: int, other: int, kind: str) -> None:
        if not self.is_live(number) or not self.is_live(other):
            return
        self.events += 1
        actions: dict[str, Callable[[], object]] = {
            "click": lambda: self.harness.add_click(self.events, f"p{number}@example.com"),
            "view": lambda: self.harness.add_page_view(self.events, number),
            "form": lambda: self.harness.submit_form(f"p{number}@example.com", "demo"),
            "opt-out": lambda: self.harness.opt_out(number),
            "archive": lambda: self.harness.archive_contact(number),
            "merge": lambda: self.harness.merge_contacts(number, other) if number != other else None,
        }
        actions[kind]()

    @rule(minutes=st.sampled_from([1, 6, 11, 21, 13 * 60, 24 * 60]))
    def advance(self, minutes: int) -> None:
        self.harness.advance(minutes)

    @rule(stage=st.sampled_from(["lead", "marketingqualifiedlead", None]))
    def require_city(self, stage: str | None) -> None:
        """Let the portal reject contacts in a stage, or none any longer."""
        rule = {"propertyName": "city", "ruleType": "REQUIRED", "when": {"lifecyclestage": [stage]}}
        user_actions.replace_validation_rules(self.harness.portal, {"rules": [rule] if stage else []})

    @rule(name=st.sampled_from(sorted(COMMANDS)))
    def run_command(self, name: str) -> None:
        with suppress(SyncWorkerError, StopIteration), self.harness.worker() as worker:  # such as an undo without a run that has written
            COMMANDS[name](worker)

    @rule(name=st.sampled_from(sorted(WRITES)))
    def write(self, name: str) -> None:
        store = open_store(self.harness.state_url)
        with store.transaction() as tx:
            WRITES[name](tx)
        store.close()

    @rule(model=st.sampled_from(sorted(MODELS)))
    def change_model(self, model: str) -> None:
        self.harness.use_model(MODELS[model])

    @rule(times=st.integers(1, 3))
    def sync(self, times: int) -> None:
        for _ in range(times):
            shutil.copy(self.folder / "state.db", self.folder / "copy.db")
            twin = replace(self.harness, state_url=f"sqlite:///{self.folder / 'copy.db'}").sync(dry_run=True)
            report = self.harness.sync()
            if "evaluate" not in report.steps.seconds:
                self.runs_without_plan += 1
                assert describe(report) == describe(twin)
                assert twin.plan.is_empty
                assert twin.evaluated == 0

    def finish(self) -> None:
        self.sync(1)
        self.harness.advance(15)  # what was just read is no longer read again
        self.sync(4)
        assert self.runs_without_plan


def run_state_machine(*, examples: int, steps: int) -> None:
    @settings(max_examples=examples, stateful_step_count=steps, deadline=None, suppress_health_check=list(HealthCheck))
    class Test(TwinRuns):
        def teardown(self) -> None:
            try:
                self.finish()
            finally:
                super().teardown()

    run_state_machine_as_test(Test, settings=Test.TestCase.settings)


needs_a_file = pytest.mark.skipif(POSTGRES_URL is not None, reason="the test copies the file of the state")


@needs_a_file
def test_runs_have_the_plan_that_they_skip() -> None:
    run_state_machine(examples=3, steps=8)


@needs_a_file
@pytest.mark.soak
def test_many_runs_have_the_plan_that_they_skip() -> None:
    run_state_machine(examples=200, steps=25)
