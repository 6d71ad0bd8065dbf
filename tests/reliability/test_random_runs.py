"""Edits, merges, deletions, faults, crashes and runs in any order: after a calm run the portal shows exactly the verdicts."""

from __future__ import annotations

import shutil
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from tempfile import mkdtemp

import pytest
import requests
import structlog
from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test

from sync_worker.errors import SyncWorkerError
from sync_worker.progress import Progress
from sync_worker.sandbox.server import user_actions
from sync_worker.worker import Worker
from tests.harness import Harness, start_harness
from tests.reliability.fault_matrix import FAULTS, IRREVERSIBLE_FAULTS, STRICT_MODEL, short_timeout_worker
from tests.store.database_factories import copy_state

COMMANDS = st.sampled_from(["backfill", "sync", "approve"])
PASSING_FAULTS = st.sampled_from(
    [fault for fault in FAULTS if fault not in (*IRREVERSIBLE_FAULTS, "no response", "slow body", "property deleted")]
)
CONTACTS = st.integers(0, 11)


def approve(worker: Worker) -> None:
    if worker.report().distribution.contacts:  # a report without contacts is no basis
        worker.approve("again")


class SimulatedCrash(BaseException):
    """A crash of the machine."""


class CrashAfter(Progress):
    """Stops the run at the n-th progress report."""

    def __init__(self, count: int) -> None:
        self.remaining = count

    def advance(self, what: str, number: int) -> None:
        del what, number
        self.remaining -= 1
        if self.remaining == 0:
            raise SimulatedCrash


class PortalStateMachine(RuleBasedStateMachine):
    """A portal with several users, faults, crashes and runs."""

    def __init__(self) -> None:
        super().__init__()
        structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
        self.folder = Path(mkdtemp())
        self.exit_stack = ExitStack()
        self.harness: Harness
        self.template: str  # the URL of the state before the first run
        self.created = 0
        self.faults_active = False

    @initialize()
    def begin(self) -> None:
        self.harness = self.exit_stack.enter_context(start_harness(self.folder, model=STRICT_MODEL, ready=False))
        self.harness.setup()
        self.harness.approve_unseen()
        self.template = self.exit_stack.enter_context(copy_state(self.harness.state_url))

    def teardown(self) -> None:
        self.exit_stack.close()
        shutil.rmtree(self.folder)
        structlog.reset_defaults()

    def pick_contact(self, index: int) -> int:
        records = self.harness.portal.contacts.records
        rows = list(records.iter_live_rows())
        return int(records.ids[rows[index % len(rows)]])

    # Actions of users.

    @rule(index=CONTACTS, title=st.sampled_from(["CTO", "Student", ""]), stage=st.sampled_from(["lead", "opportunity", None]))
    def edit(self, index: int, title: str, stage: str | None) -> None:
        self.harness.edit_contact(self.pick_contact(index), jobtitle=title, **({"lifecyclestage": stage} if stage else {}))

    @rule(index=CONTACTS, score=st.integers(0, 30))
    def edit_score(self, index: int, score: int) -> None:
        self.harness.edit_contact(self.pick_contact(index), lead_score=str(score))

    @rule(index=CONTACTS, form=st.sampled_from(["demo", "news"]), view=st.booleans())
    def add_engagement(self, index: int, form: str, *, view: bool) -> None:
        self.created += 1
        contact = self.pick_contact(index)
        if view:
            self.harness.add_page_view(f"story-{self.created}", contact)
        elif email := self.harness.value(contact, "email"):
            self.harness.submit_form(email, form)

    @rule()
    def create_contact(self) -> None:
        self.created += 1
        self.harness.create_contact(email=f"new-{self.created}@example.com")

    @precondition(lambda self: len(list(self.harness.portal.contacts.records.iter_live_rows())) > 3)
    @rule(index=CONTACTS, other=CONTACTS, how=st.sampled_from(["merge", "archive", "forget"]))
    def remove_contact(self, index: int, other: int, how: str) -> None:
        one, two = self.pick_contact(index), self.pick_contact(other)
        if how == "merge" and one != two:
            self.harness.merge_contacts(one, two)
        elif how == "archive":
            self.harness.archive_contact(one)
        else:
            user_actions.gdpr_delete_contact(self.harness.portal, {"id": one})

    @rule(minutes=st.sampled_from([1, 7, 24 * 60]))
    def advance_clock(self, minutes: int) -> None:
        self.harness.advance(minutes)

    # Faults and crashes.

    @rule(fault=PASSING_FAULTS, share=st.floats(0.05, 0.6))
    def inject_faults(self, fault: str, share: float) -> None:
        how = {name: value for name, value in FAULTS[fault].items() if name != "times"}
        body = {"seed": self.created, "rules": [{**how, "share": share}]}
        requests.post(f"{self.harness.server.base_url}/sandbox/faults", json=body, timeout=10).raise_for_status()
        self.faults_active = True

    @rule()
    def clear_faults(self) -> None:
        requests.delete(f"{self.harness.server.base_url}/sandbox/faults", timeout=10).raise_for_status()
        self.faults_active = False

    @rule(command=COMMANDS, count=st.integers(1, 25))
    def crash(self, command: str, count: int) -> None:
        with suppress(SyncWorkerError, SimulatedCrash):
            self.run(command, CrashAfter(count))

    @rule(command=COMMANDS)
    def run_command(self, command: str) -> None:
        with suppress(SyncWorkerError) if self.faults_active else ExitStack():
            self.run(command, None)

    def run(self, command: str, progress: Progress | None) -> None:
        with short_timeout_worker(self.harness, progress) as worker:
            {"backfill": worker.backfill, "sync": worker.sync, "approve": lambda: approve(worker)}[command]()

    # Expectations.

    @rule()
    def run_without_faults_repairs_everything(self) -> None:
        self.clear_faults()
        self.harness.advance()
        with short_timeout_worker(self.harness) as worker:
            assert worker.backfill().rejected == []
            assert worker.sync().plan.contacts == 0
        with copy_state(self.template) as url:
            plan = replace(self.harness, state_url=url).backfill(dry_run=True).plan
        assert (plan.contacts, plan.lists) == (0, {}), plan.as_json()

    @invariant()
    def lists_hold_only_live_contacts(self) -> None:
        portal = self.harness.portal
        live_ids = {portal.contacts.records.ids[row] for row in portal.contacts.records.iter_live_rows()}
        assert all(live_ids.issuperset(each.member_ids()) for each in portal.lists)


def run_state_machine(*, examples: int, steps: int, story: int | None = None) -> None:
    """Run random sequences; `story` is the seed of the first one and all that follow from it."""

    @settings(max_examples=examples, stateful_step_count=steps, deadline=None, suppress_health_check=list(HealthCheck))
    class Test(PortalStateMachine):
        def teardown(self) -> None:
            # Every sequence must end in a consistent portal.
            try:
                self.run_without_faults_repairs_everything()
            finally:
                super().teardown()

    run_state_machine_as_test(Test if story is None else seed(story)(Test), settings=Test.TestCase.settings)


def test_random_runs_converge() -> None:
    run_state_machine(examples=5, steps=10)


@pytest.mark.soak
@pytest.mark.parametrize("story", range(15))
def test_many_long_random_runs_converge(story: int) -> None:
    run_state_machine(examples=10, steps=40, story=story)
