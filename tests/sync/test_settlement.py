"""A run makes no plan if it would repeat one that has left nothing to write; with that shortcut, runs write the same as without."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest
import structlog
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from sync_worker.errors import SyncWorkerError
from sync_worker.sandbox.server import user_actions
from sync_worker.store import model_revisions
from sync_worker.store.database import open_store
from sync_worker.store.facts import contacts
from sync_worker.store.model_revisions import ModelRevision
from sync_worker.store.writes import memberships, rejections
from sync_worker.sync.run_report import RunReport
from sync_worker.worker import Worker
from tests.harness import MODEL, Harness, start_harness
from tests.store.database_factories import POSTGRES_URL

WRITE = "POST /crm/objects/*/contacts/batch/update"
LIST_WRITE = "PUT /crm/lists/*/memberships/add-and-remove"
MODELS = {
    "usual": MODEL,
    "decay": MODEL.replace("degradation: {kind: none}", "degradation: {kind: linear, points: 1, every: 1d, after: 1d}"),
    "quota": MODEL.replace("threshold: 20", "threshold: 20\n  new_per_day: 1"),
    "windows": MODEL.replace("{event: page_view, each: 2, at_most: 10}", "{event: page_view, each: 2, at_most: 10, within: 2d}"),
}


def makes_plan(report: RunReport) -> bool:
    return "evaluate" in report.steps.seconds


def settle(harness: Harness) -> None:
    """Sync until a run makes no plan."""
    for _ in range(5):
        if not makes_plan(harness.sync()):
            return
    raise AssertionError


def test_a_run_after_one_that_left_nothing_to_write_makes_no_plan(live_harness: Harness) -> None:
    settle(live_harness)
    live_harness.advance(30)
    report = live_harness.sync()
    assert not makes_plan(report)
    assert report.plan.is_empty
    assert report.approved


def test_the_changes_that_wait_for_the_approval_are_reported_without_a_plan(backfill_harness: Harness) -> None:
    backfill_harness.advance()
    withheld = backfill_harness.sync().withheld
    settle(backfill_harness)
    report = backfill_harness.sync()
    assert not makes_plan(report)
    assert report.withheld == withheld != {}


def test_a_dry_run_always_makes_a_plan(live_harness: Harness) -> None:
    settle(live_harness)
    assert makes_plan(live_harness.sync(dry_run=True))


def test_the_next_day_of_the_portal_needs_a_plan(live_harness: Harness) -> None:
    settle(live_harness)
    start = datetime(2026, 11, 21, 1, 0, tzinfo=UTC)  # 2 o'clock in Berlin, the usual time of the evaluation
    live_harness.advance((start - live_harness.clock()) / timedelta(minutes=1) - 1)
    assert not makes_plan(live_harness.sync())
    live_harness.advance(1)
    assert harness_evaluates_all(live_harness)


def harness_evaluates_all(harness: Harness) -> bool:
    return harness.sync().evaluated == 6


def test_what_hubspot_has_rejected_is_tried_again_at_its_time(live_harness: Harness) -> None:
    live_harness.inject_fault(WRITE, status=423, body="json")
    live_harness.add_click("new", "p3@example.com")
    live_harness.sync()
    live_harness.sync()
    live_harness.clear_faults()
    with live_harness.worker() as worker, worker.store.transaction() as tx:
        due = rejections.next_retry(tx, after=live_harness.now_ms())
    assert due is not None
    settle(live_harness)
    live_harness.advance((due - live_harness.now_ms()) / 60_000)
    assert not makes_plan(live_harness.sync())
    assert live_harness.value(3, "lead_score") == "0"
    live_harness.advance(0.001)
    assert live_harness.sync().written == 1
    assert live_harness.value(3, "lead_score") == "5"


def edit_state(harness: Harness, write: Callable[[Any], object]) -> None:
    """Write to the state as a command of another process does."""
    store = open_store(harness.state_url)
    with store.transaction() as tx:
        write(tx)
    store.close()


def use_worker(harness: Harness, act: Callable[[Worker], object]) -> None:
    with harness.worker() as worker:
        act(worker)


def undo_last_write(worker: Worker) -> None:
    worker.undo(next(run.run_id for run in worker.load_runs(99) if run.written and "dry" not in run.command))


def withdraw(harness: Harness) -> None:
    with harness.worker() as worker, worker.store.transaction() as tx:
        row = ModelRevision(at=harness.now_ms(), kind="withdrawal", model=worker.model.hash, author="", note="")
        model_revisions.append(tx, row)


COMMANDS: dict[str, Callable[[Harness], object]] = {
    "setup": lambda harness: use_worker(harness, lambda worker: worker.setup(feedback=True)),
    "approve": Harness.approve,
    "withdraw": withdraw,
    "undo": lambda harness: use_worker(harness, undo_last_write),
    "resync": lambda harness: use_worker(harness, lambda worker: worker.request_resync("email_click", datetime(2026, 1, 1, tzinfo=UTC))),
    "forget": lambda harness: use_worker(harness, lambda worker: worker.forget("p4@example.com")),
    "backfill": Harness.backfill,
    "report": lambda harness: use_worker(harness, lambda worker: worker.report()),
    "lose an acknowledgement": lambda harness: edit_state(harness, lambda tx: contacts.mark_due(tx, [1, 2], ())),
    "lose list members": lambda harness: edit_state(harness, lambda tx: memberships.replace(tx, "mql", [3])),
    "release": lambda harness: edit_state(harness, rejections.release),
    "leave alone": lambda harness: edit_state(harness, lambda tx: rejections.suspend(tx, [1, 3], reason="", at=0)),
}
CONTACTS = st.integers(1, 7)


class SettlementMachine(RuleBasedStateMachine):
    """Users, faults, time and commands of other processes; before each run, a copy of the state makes the plan without the shortcut."""

    def __init__(self) -> None:
        super().__init__()
        structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
        self.folder, self.exit_stack, self.events = Path(mkdtemp()), ExitStack(), 0
        self.harness: Harness

    @initialize(model=st.sampled_from(sorted(MODELS)), approved=st.booleans())
    def begin(self, model: str, *, approved: bool) -> None:
        self.harness = self.exit_stack.enter_context(start_harness(self.folder, model=MODELS[model]))
        self.harness.backfill()
        if approved:
            self.harness.approve()
        settle(self.harness)

    def teardown(self) -> None:
        self.exit_stack.close()
        shutil.rmtree(self.folder)
        structlog.reset_defaults()

    @rule(number=CONTACTS, title=st.sampled_from(["CTO", "Student"]), stage=st.sampled_from(["lead", "opportunity"]))
    def edit(self, number: int, title: str, stage: str) -> None:
        with suppress(KeyError, AssertionError):  # the contact was deleted
            self.harness.edit_contact(number, jobtitle=title, lifecyclestage=stage)

    @rule(number=CONTACTS, values=st.sampled_from([{"lead_score": "99"}, {"lead_mql_reason": ""}, {"associatedcompanyid": "7"}]))
    def edit_managed_value(self, number: int, values: dict[str, str]) -> None:
        with suppress(KeyError, AssertionError):
            self.harness.edit_contact(number, **values)

    @rule(number=CONTACTS, kind=st.sampled_from(["click", "view", "form", "opt-out", "archive"]))
    def act(self, number: int, kind: str) -> None:
        self.events += 1
        email = f"p{number}@example.com"
        with suppress(KeyError, AssertionError):
            {
                "click": lambda: self.harness.add_click(self.events, email),
                "view": lambda: self.harness.add_page_view(self.events, number),
                "form": lambda: self.harness.submit_form(email, "demo"),
                "opt-out": lambda: self.harness.opt_out(number),
                "archive": lambda: self.harness.archive_contact(number),
            }[kind]()

    @rule(number=CONTACTS, other=CONTACTS)
    def merge(self, number: int, other: int) -> None:
        with suppress(Exception):  # noqa: BLE001 -- the portal refuses some merges
            user_actions.merge_contacts(self.harness.portal, {"primaryObjectId": number, "objectIdToMerge": other})

    @rule(minutes=st.sampled_from([0, 1, 6, 11, 21, 12 * 60, 13 * 60 + 1, 24 * 60, 49 * 60]))
    def advance(self, minutes: int) -> None:
        self.harness.advance(minutes)

    @rule(endpoint=st.sampled_from([WRITE, LIST_WRITE]), status=st.sampled_from([400, 423]))
    def reject(self, endpoint: str, status: int) -> None:
        self.harness.inject_fault(endpoint, status=status, body="json", share=0.5)

    @rule()
    def accept(self) -> None:
        self.harness.clear_faults()

    @rule(name=st.sampled_from(sorted(COMMANDS)))
    def run_other_command(self, name: str) -> None:
        with suppress(SyncWorkerError, StopIteration):  # such as an undo without a run that has written
            COMMANDS[name](self.harness)

    @rule(model=st.sampled_from(sorted(MODELS)))
    def change_model(self, model: str) -> None:
        self.harness.use_model(MODELS[model])

    @rule(times=st.integers(1, 3))
    def run_like_one_that_makes_a_plan(self, times: int) -> None:
        for _ in range(times):
            shutil.copy(self.folder / "state.db", self.folder / "copy.db")
            with suppress(SyncWorkerError):
                without = replace(self.harness, state_url=f"sqlite:///{self.folder / 'copy.db'}").sync(dry_run=True)
                with_shortcut = self.harness.sync()
                assert makes_plan(without)
                assert _describe(with_shortcut) == _describe(without)


def _describe(report: RunReport) -> tuple[object, ...]:
    return report.plan.as_json(), report.withheld, report.waiting, report.evaluated, report.count_new_mqls()


def run_state_machine(*, examples: int, steps: int) -> None:
    @settings(max_examples=examples, stateful_step_count=steps, deadline=None, suppress_health_check=list(HealthCheck))
    class Test(SettlementMachine):
        def teardown(self) -> None:
            try:
                self.run_like_one_that_makes_a_plan(3)
            finally:
                super().teardown()

    run_state_machine_as_test(Test, settings=Test.TestCase.settings)


needs_files = pytest.mark.skipif(POSTGRES_URL is not None, reason="the test copies the file of the state")


@needs_files
def test_runs_with_and_without_the_shortcut_have_the_same_plan() -> None:
    run_state_machine(examples=3, steps=8)


@needs_files
@pytest.mark.soak
def test_many_runs_with_and_without_the_shortcut_have_the_same_plan() -> None:
    run_state_machine(examples=300, steps=30)
