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
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from sync_worker.errors import SyncWorkerError
from sync_worker.progress import Progress
from sync_worker.sandbox.server import user_actions
from tests.harness import World, a_world
from tests.reliability.fault_matrix import FAULTS, FOR_EVER, STRICT, impatient

COMMANDS = st.sampled_from(["backfill", "sync", "approve"])
PASSING = st.sampled_from([fault for fault in FAULTS if fault not in (*FOR_EVER, "hang", "a body that drips", "property deleted")])
CONTACTS = st.integers(0, 11)


class Crashed(BaseException):
    """The machine is gone."""


class Crash(Progress):
    """Ends the run at the so-and-so-many-th place where it could be killed."""

    def __init__(self, place: int) -> None:
        self.left = place

    def advance(self, what: str, number: int) -> None:
        del what, number
        self.left -= 1
        if self.left == 0:
            raise Crashed


class Story(RuleBasedStateMachine):
    """One portal, many hands."""

    def __init__(self) -> None:
        super().__init__()
        structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
        self.folder = Path(mkdtemp())
        self.open = ExitStack()
        self.world: World
        self.made = 0
        self.disturbed = False

    @initialize()
    def begin(self) -> None:
        self.world = self.open.enter_context(a_world(self.folder, model=STRICT, ready=False))
        self.world.setup()
        self.world.approve()
        shutil.copy(self.folder / "state.db", self.folder / "template.db")

    def teardown(self) -> None:
        self.open.close()
        shutil.rmtree(self.folder)
        structlog.reset_defaults()

    def someone(self, place: int) -> int:
        records = self.world.portal.contacts.records
        rows = list(records.iter_live_rows())
        return int(records.ids[rows[place % len(rows)]])

    # What people do.

    @rule(place=CONTACTS, title=st.sampled_from(["CTO", "Student", ""]), stage=st.sampled_from(["lead", "opportunity", None]))
    def edit(self, place: int, title: str, stage: str | None) -> None:
        self.world.edit(self.someone(place), jobtitle=title, **({"lifecyclestage": stage} if stage else {}))

    @rule(place=CONTACTS, score=st.integers(0, 30))
    def meddle(self, place: int, score: int) -> None:
        self.world.edit(self.someone(place), lead_score=str(score))

    @rule(place=CONTACTS, form=st.sampled_from(["demo", "news"]), view=st.booleans())
    def act(self, place: int, form: str, *, view: bool) -> None:
        self.made += 1
        contact = self.someone(place)
        if view:
            self.world.view(f"story-{self.made}", contact)
        elif email := self.world.value(contact, "email"):
            self.world.submit(email, form)

    @rule()
    def create(self) -> None:
        self.made += 1
        self.world.create(email=f"new-{self.made}@example.com")

    @precondition(lambda self: len(list(self.world.portal.contacts.records.live_rows())) > 3)
    @rule(place=CONTACTS, other=CONTACTS, how=st.sampled_from(["merge", "archive", "forget"]))
    def lose(self, place: int, other: int, how: str) -> None:
        one, two = self.someone(place), self.someone(other)
        if how == "merge" and one != two:
            self.world.merge(one, two)
        elif how == "archive":
            self.world.archive(one)
        else:
            user_actions.gdpr_delete_contact(self.world.portal, {"id": one})

    @rule(minutes=st.sampled_from([1, 7, 24 * 60]))
    def wait(self, minutes: int) -> None:
        self.world.later(minutes)

    # What goes wrong.

    @rule(fault=PASSING, share=st.floats(0.05, 0.6))
    def disturb(self, fault: str, share: float) -> None:
        how = {name: value for name, value in FAULTS[fault].items() if name != "times"}
        body = {"seed": self.made, "rules": [{**how, "share": share}]}
        requests.post(f"{self.world.served.base_url}/sandbox/faults", json=body, timeout=10).raise_for_status()
        self.disturbed = True

    @rule()
    def calm_down(self) -> None:
        requests.delete(f"{self.world.served.base_url}/sandbox/faults", timeout=10).raise_for_status()
        self.disturbed = False

    @rule(command=COMMANDS, place=st.integers(1, 25))
    def crash(self, command: str, place: int) -> None:
        with suppress(SyncWorkerError, Crashed):
            self.run(command, Crash(place))

    @rule(command=COMMANDS)
    def try_to(self, command: str) -> None:
        with suppress(SyncWorkerError) if self.disturbed else ExitStack():
            self.run(command, None)

    def run(self, command: str, progress: Progress | None) -> None:
        with impatient(self.world, progress) as worker:
            {"backfill": worker.backfill, "sync": worker.sync, "approve": lambda: worker.approve("again")}[command]()

    # What must hold.

    @rule()
    def a_calm_run_makes_everything_right(self) -> None:
        self.calm_down()
        self.world.later()
        with impatient(self.world) as worker:
            assert worker.backfill().rejected == []
            assert worker.sync().plan.contacts == 0
        shutil.copy(self.folder / "template.db", self.folder / "fresh.db")
        plan = replace(self.world, state_url=f"sqlite:///{self.folder / 'fresh.db'}").backfill(dry_run=True).plan
        assert (plan.contacts, plan.lists) == (0, {}), plan.as_json()

    @invariant()
    def no_list_holds_anybody_who_is_not_there(self) -> None:
        portal = self.world.portal
        there = {portal.contacts.records.ids[row] for row in portal.contacts.records.iter_live_rows()}
        assert all(there.issuperset(each.member_ids()) for each in portal.lists)


def run_stories(examples: int, steps: int) -> None:
    @settings(max_examples=examples, stateful_step_count=steps, deadline=None, suppress_health_check=list(HealthCheck))
    class Test(Story):
        def teardown(self) -> None:
            # However a story goes, it ends well.
            try:
                self.a_calm_run_makes_everything_right()
            finally:
                super().teardown()

    Test.TestCase().runTest()


def test_stories_end_well() -> None:
    run_stories(examples=6, steps=12)


@pytest.mark.soak
def test_many_long_stories_end_well() -> None:
    run_stories(examples=150, steps=40)
