"""Hand-off: a HubSpot task for each new MQL, exactly once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from types import SimpleNamespace

import pytest

from sync_worker.errors import BadRequest, ExitCode
from sync_worker.hubspot.api.crm.tasks import NewTask
from sync_worker.sandbox.server import user_actions
from sync_worker.store import database
from sync_worker.store.writes import hand_offs
from sync_worker.store.writes.hand_offs import TASK, HandOffCounts
from sync_worker.sync.handoff.hand_off import HandOff
from sync_worker.sync.handoff.mql_message import MqlMessage
from sync_worker.sync.handoff.task_delivery import ADVICE, TaskDelivery
from sync_worker.timestamps import to_ms
from tests.harness import MINUTE, MODEL, NOW, Harness, make_contact, small_portal, start_harness
from tests.sync.handoff.outbox import fill, make_hubspot
from tests.sync.model_factories import make_crm_schema

TASKS_ON = {"hand_off_tasks": True}
CONTACTS, KILLS = 1_000, 50


def tasks(harness: Harness) -> list[dict[str, str]]:
    return harness.portal.list_records("tasks", limit=10_000)


@pytest.fixture
def harness(tmp_path: Path) -> Iterator[Harness]:
    """A portal in operation whose contact 1 was an MQL at the approval; contacts 2 and 3 are not."""
    people = [make_contact(number, lifecyclestage="lead", lastname=f"Berg {number}") for number in (1, 2, 3)]
    portal = small_portal(contacts=people, email_events=[], events=[], submissions=[])
    with start_harness(tmp_path, portal) as started:
        started.settings = dict(TASKS_ON)
        started.submit_form("p1@example.com", "demo")
        started.backfill()
        started.approve()
        started.advance()
        yield started


def test_a_new_mql_is_handed_off_once_with_name_score_reasons_and_link(harness: Harness) -> None:
    assert tasks(harness) == []  # the MQLs of the first approval are known to sales
    harness.edit_contact(2, hubspot_owner_id="77001", firstname="Ada <b>")
    harness.submit_form("p2@example.com", "demo")
    report = harness.sync()
    assert (report.hand_offs, report.exit_code) == ((0, 1, None), ExitCode.DONE)
    (task,) = tasks(harness)
    assert task["hs_task_subject"] == "New MQL: Ada <b> Berg 2 (10 of 30 points, grade D)"
    assert task["hubspot_owner_id"] == "77001"
    lines = task["hs_task_body"].split("<br>")
    assert lines[:3] == ["p2@example.com", "Direct: asked for a demo", "10 of 30 points"]
    assert lines[-2] == "Record: https://app.hubspot.com/contacts/7/record/0-1/2".replace("/7/", f"/{harness.portal.id}/")
    assert harness.portal.associations.find_ids("contacts", 2, "tasks") == [int(task["hs_object_id"])]
    harness.advance()
    assert harness.sync().hand_offs.sent == 0
    harness.backfill()
    assert len(tasks(harness)) == 1
    with harness.worker() as worker:
        assert worker.status().as_json()["hand_offs"] == {"waiting": 0, "sent": 1, "reason": None}


def test_a_form_becomes_a_task_in_the_next_cycle_with_few_calls(harness: Harness) -> None:
    harness.submit_form("p2@example.com", "demo")
    submitted = harness.now_ms()
    harness.advance(5)  # a cycle
    report = harness.sync()
    (task,) = tasks(harness)
    assert to_ms(datetime.fromisoformat(task["createdate"])) - submitted == 5 * MINUTE
    assert sum(report.requests.values()) <= 30  # 30 s, if each takes a second


def test_an_mql_that_ceases_and_returns_is_handed_off_again(harness: Harness) -> None:
    harness.submit_form("p2@example.com", "demo")
    harness.sync()
    for value in ("true", "false"):
        harness.advance()
        harness.set_hubspot_values(2, hs_email_optout=value)
        harness.sync()
    assert len(tasks(harness)) == 2


def test_existing_mqls_are_handed_off_if_the_approval_asks_for_it(harness: Harness) -> None:
    with harness.worker() as worker:
        worker.report()
        worker.approve("again", hand_off_existing=True)
    assert [task["hs_task_subject"][:15] for task in tasks(harness)] == ["New MQL: Berg 1"]


def test_a_new_state_hands_nothing_off_again(harness: Harness) -> None:
    harness.submit_form("p2@example.com", "demo")
    harness.sync()
    harness.state_url = f"sqlite:///{harness.folder / 'new.db'}"
    harness.advance()
    harness.backfill()
    with harness.worker() as worker:
        worker.report()
        worker.approve("again", hand_off_existing=True)
    assert sorted(task["hs_task_subject"][:15] for task in tasks(harness)) == ["New MQL: Berg 1", "New MQL: Berg 2"]


@pytest.mark.parametrize(("status", "body"), [(404, "json"), (200, "html")])
def test_an_unusual_reply_to_a_task_fails_no_run(harness: Harness, status: int, body: str) -> None:
    harness.inject_fault("*/tasks/batch/create", status=status, body=body)
    harness.submit_form("p2@example.com", "demo")
    report = harness.sync()
    assert (report.exit_code, report.hand_offs.waiting) == (ExitCode.SOME_REJECTED, 1)


def test_without_names_a_message_has_only_the_id(harness: Harness) -> None:
    harness.settings = {**TASKS_ON, "hand_off_names": False}
    harness.submit_form("p2@example.com", "demo")
    harness.sync()
    (task,) = tasks(harness)
    assert task["hs_task_subject"].startswith("New MQL: contact 2 (")
    assert not any(text in task["hs_task_body"] for text in ("Berg", "example.com"))


def test_a_task_of_an_owner_who_left_goes_to_the_default_owner_or_to_none(harness: Harness) -> None:
    harness.settings = {**TASKS_ON, "hand_off_owner": "ada.berg@sandbox.example"}
    harness.edit_contact(2, hubspot_owner_id="5")
    harness.submit_form("p2@example.com", "demo")
    assert harness.sync().notes == []
    harness.settings = {**TASKS_ON, "hand_off_owner": "gone@sandbox.example"}
    harness.submit_form("p3@example.com", "demo")
    harness.advance()
    report = harness.sync()
    assert [task.get("hubspot_owner_id") for task in tasks(harness)] == ["77001", None]
    assert "no active user of the portal has the email or owner id gone@sandbox.example" in report.notes[0]


def test_a_missing_scope_holds_the_messages_back_and_stops_nothing_else(harness: Harness) -> None:
    harness.deny("*/owners*")
    harness.submit_form("p2@example.com", "demo")
    report = harness.sync()
    assert (report.exit_code, report.hand_offs.waiting) == (ExitCode.SOME_REJECTED, 1)
    assert report.hand_offs.reason is not None
    assert "read the owners" in report.hand_offs.reason
    assert 2 in harness.members("MQL")
    with harness.worker() as worker:
        check = worker.check()
    assert [each.resource for each in check.access if not each.granted] == ["owners"]
    assert check.exit_code == ExitCode.REFUSED
    harness.clear_faults()
    harness.advance()
    assert harness.sync().hand_offs == (0, 1, None)


def test_a_task_without_a_reply_is_found_again(harness: Harness) -> None:
    harness.inject_fault("*/tasks/batch/create", status=502, body="html", when="after")
    harness.submit_form("p2@example.com", "demo")
    assert harness.sync().hand_offs.waiting == 1
    harness.clear_faults()
    harness.advance()
    assert harness.sync().hand_offs == (0, 1, None)
    assert len(tasks(harness)) == 1


def test_a_message_of_a_contact_that_left_is_closed_and_sent_if_it_returns(harness: Harness) -> None:
    harness.deny("*/tasks/batch/create")
    for number in (2, 3):
        harness.submit_form(f"p{number}@example.com", "demo")
    report = harness.sync()
    assert (report.hand_offs.waiting, report.exit_code) == (2, ExitCode.SOME_REJECTED)
    assert "2 messages wait" in str(report.hand_offs.reason)
    harness.archive_contact(2)
    survivor = harness.merge_contacts(harness.create_contact(email="new@example.com", lifecyclestage="lead"), 3)
    harness.advance()
    harness.sync()
    harness.clear_faults()
    harness.advance()
    report = harness.sync()
    assert (report.hand_offs, report.exit_code) == ((0, 1, None), ExitCode.DONE)
    assert [harness.portal.associations.find_ids("tasks", int(task["hs_object_id"]), "contacts") for task in tasks(harness)] == [[survivor]]
    user_actions.restore_contact(harness.portal, {"id": 2})
    assert harness.backfill().hand_offs == (0, 1, None)


def test_undo_closes_the_messages_of_a_run(harness: Harness) -> None:
    harness.deny("*/tasks/batch/create")
    harness.submit_form("p2@example.com", "demo")
    run = harness.sync()
    with harness.worker() as worker:
        worker.undo(run.run_id)
    harness.clear_faults()
    harness.advance()
    report = harness.sync()
    assert (report.hand_offs, report.exit_code, tasks(harness)) == ((0, 0, None), ExitCode.DONE, [])
    assert "Messages to sales that are not sent: 1." in " ".join(report.notes)


class Kill(BaseException):
    """The end of the process at this moment."""


@dataclass
class UnreliableTasks:
    """HubSpot's tasks, with a process that is killed before, during or after a creation."""

    random: Random
    kills: int = KILLS
    created: list[NewTask] = field(default_factory=list)

    def create(self, new: Sequence[NewTask]) -> dict[str, str]:
        first = len(self.created)
        moment = self.random.choice(("before", "before", "before", "after")) if self.kills else ""
        if moment:
            self.kills -= 1
        if moment == "before":
            raise Kill
        self.created += new
        if moment == "after":
            raise Kill
        return {task.key: str(first + index) for index, task in enumerate(new)}

    def find(self, keys: Mapping[str, int]) -> dict[str, str]:
        if self.kills and self.random.random() < 0.8:
            self.kills -= 1
            raise Kill
        return {task.key: str(index) for index, task in enumerate(self.created) if task.key in keys}


def test_fifty_kills_lose_and_double_none_of_a_thousand_tasks(tmp_path: Path) -> None:
    store, now = database.open_store(f"sqlite:///{tmp_path / 'state.db'}"), [datetime(2026, 11, 20, tzinfo=UTC)]
    fill(store, now[0], range(1, CONTACTS + 1), TASK)
    unreliable = UnreliableTasks(Random(7))  # noqa: S311 -- no secret
    hubspot = make_hubspot(tasks=unreliable, owners=SimpleNamespace(list_active=list))
    message = MqlMessage(crm_schema=make_crm_schema(MODEL))
    delivery = TaskDelivery(hubspot=hubspot, message=message, default_owner=None, clock=lambda: now[0])
    for _ in range(2 * KILLS):
        try:
            delivery.deliver(store, [])
        except Kill:
            now[0] += timedelta(seconds=20)  # sooner than an interrupted request has surely ended
        else:
            now[0] += timedelta(minutes=5)
    with store.transaction() as tx:
        counts = hand_offs.count(tx)
    store.close()
    assert unreliable.kills == 0
    assert counts == (0, CONTACTS, None)
    assert len(unreliable.created) == len({task.contact_id for task in unreliable.created}) == CONTACTS


@dataclass
class RefusedTasks(UnreliableTasks):
    """HubSpot's tasks, all of which or some of which HubSpot refuses."""

    kills: int = 0
    refused: frozenset[int] | None = None  # contacts; None: all
    calls: int = 0

    def create(self, new: Sequence[NewTask]) -> dict[str, str]:
        self.calls += 1
        if self.refused is None or any(task.contact_id in self.refused for task in new):
            raise BadRequest("Not valid.")
        return UnreliableTasks.create(self, new)


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Callable[[datetime, RefusedTasks], HandOffCounts]]:
    """A thousand messages that wait, and their delivery."""
    store = database.open_store(f"sqlite:///{tmp_path / 'state.db'}")
    fill(store, NOW, range(1, CONTACTS + 1), TASK)

    def deliver(at: datetime, refused: RefusedTasks) -> HandOffCounts:
        hubspot = make_hubspot(tasks=refused, owners=SimpleNamespace(list_active=list))
        message = MqlMessage(crm_schema=make_crm_schema(MODEL))
        delivery = TaskDelivery(hubspot=hubspot, message=message, default_owner=None, clock=lambda: at)
        return HandOff(deliveries=[delivery], clock=lambda: at).deliver(store, [])

    yield deliver
    store.close()


def test_a_refusal_of_all_tasks_costs_few_calls_and_is_one_message(outbox: Callable[[datetime, RefusedTasks], HandOffCounts]) -> None:
    refused = RefusedTasks(Random(7))  # noqa: S311 -- no secret
    assert outbox(NOW, refused) == (CONTACTS, 0, f"1,000 messages wait: Not valid. {ADVICE} Next try: after 2026-11-20 12:00 UTC.")
    assert refused.calls <= 14
    for cycle in range(1, 36):
        outbox(NOW + timedelta(minutes=5 * cycle), refused)
    assert refused.calls <= 14 * 7  # at 0, 5, 10, 20, 40, 80 and 140 minutes
    refused.refused = frozenset()
    assert outbox(NOW + timedelta(hours=6), refused) == (0, CONTACTS, None)


def test_a_refused_task_stops_no_other_one(outbox: Callable[[datetime, RefusedTasks], HandOffCounts]) -> None:
    refused = RefusedTasks(Random(7), refused=frozenset({1, 2, 150}))  # noqa: S311 -- no secret
    counts = outbox(NOW, refused)
    assert (counts.sent, counts.waiting) == (CONTACTS - 3, 3)
    assert refused.calls <= 10 + 3 * 16
