"""Hand-off outside HubSpot: at least once on each channel, at once or once a day."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sync_worker.errors import ConfigurationError, ExitCode, Unavailable
from sync_worker.store import database
from sync_worker.store.database import Store
from sync_worker.store.writes import hand_offs
from sync_worker.store.writes.hand_offs import HandOffCounts
from sync_worker.sync.handoff.channel_delivery import DIGEST_AT, DIGEST_SIZE, ChannelDelivery
from sync_worker.sync.handoff.channels import Channel, open_channels
from sync_worker.sync.handoff.hand_off import HandOff
from sync_worker.sync.handoff.mql_message import MqlMessage
from sync_worker.sync.portal.portal import PortalInfo
from sync_worker.timestamps import to_ms
from tests.harness import MODEL, make_contact, small_portal, start_harness
from tests.sync.handoff.outbox import fill_outbox, make_hubspot
from tests.sync.model_factories import make_crm_schema

EVENING = datetime(2026, 11, 19, 19, tzinfo=UTC)
BERLIN = PortalInfo(id=7, time_zone="Europe/Berlin", stages=(), shows_occurrences=True)


class Kill(BaseException):
    """The end of the process at this moment."""


@dataclass
class Chat:
    """The sender of a channel: keeps the messages that arrive."""

    scheme: str = "slack"
    failure: str | None = None
    kills: int = 0  # ends of the process after the message has arrived
    messages: list[tuple[str, str]] = field(default_factory=list)

    def send(self, title: str, text: str) -> str | None:
        if self.failure:
            return self.failure
        self.messages.append((title, text))
        if self.kills:
            self.kills -= 1
            raise Kill
        return None

    @property
    def channel(self) -> Channel:
        return Channel(id=self.scheme, kind=f"{self.scheme}://", send=self.send)

    @property
    def keys(self) -> list[str]:
        return [text.splitlines()[-1] for _, text in self.messages]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = database.open_store(f"sqlite:///{tmp_path / 'state.db'}")
    yield opened
    opened.close()


def deliver(store: Store, *chats: Chat, at: datetime = EVENING, daily: bool = False, names: bool = True) -> HandOffCounts:
    deliveries = [
        ChannelDelivery(
            hubspot=make_hubspot(),
            message=MqlMessage(crm_schema=make_crm_schema(MODEL), with_names=names),
            channel=chat.channel,
            digest_start=BERLIN.day_start(at, DIGEST_AT) if daily else None,
            clock=lambda: at,
        )
        for chat in chats
    ]
    return HandOff(deliveries=deliveries).deliver(store, [])


def test_each_new_mql_is_one_message_with_name_score_reasons_link_and_key(store: Store) -> None:
    fill_outbox(store, EVENING, [1, 2], "slack")
    chat = Chat()
    assert deliver(store, chat) == (0, 2, None)
    title, text = chat.messages[0]
    assert title == "New MQL: Ada 1 (20 of 30 points, grade A−)"
    lines = ["p1@x.com", "By score and grade", "20 of 30 points", "Record: https://app.hubspot.com/contacts/7/record/0-1/1"]
    assert text.splitlines() == [*lines, "", f"sync_worker mql-1-{to_ms(EVENING)}"]
    assert deliver(store, chat) == (0, 0, None)
    assert len(chat.messages) == 2


@pytest.mark.parametrize("daily", [False, True])
def test_without_names_a_channel_gets_only_ids(store: Store, *, daily: bool) -> None:
    fill_outbox(store, EVENING, [1], "slack")
    chat = Chat()
    deliver(store, chat, at=EVENING + timedelta(days=1), daily=daily, names=False)
    ((title, text),) = chat.messages
    assert "contact 1 (20 of 30 points" in title + text
    assert not any(personal in title + text for personal in ("Ada", "x.com"))


def test_a_digest_is_sent_once_a_day_after_eight_in_the_time_zone_of_the_portal(store: Store) -> None:
    fill_outbox(store, EVENING, [1, 2], "slack")
    chat, eight = Chat(), datetime(2026, 11, 20, 7, tzinfo=UTC)
    assert deliver(store, chat, at=eight - timedelta(minutes=1), daily=True) == (2, 0, None)
    assert deliver(store, chat, at=eight, daily=True) == (0, 2, None)
    fill_outbox(store, EVENING, [3], "slack")  # HubSpot has acknowledged it late
    fill_outbox(store, eight + timedelta(hours=1), [4], "slack")
    assert deliver(store, chat, at=eight + timedelta(hours=2), daily=True) == (2, 0, None)
    assert deliver(store, chat, at=eight + timedelta(days=1), daily=True) == (0, 2, None)
    assert [title for title, _ in chat.messages] == ["New MQLs: 2", "New MQLs: 2"]
    assert [line for line in chat.messages[0][1].splitlines() if "grade A−" in line] == [
        "Ada 1 (20 of 30 points, grade A−)",
        "Ada 2 (20 of 30 points, grade A−)",
    ]


@pytest.mark.parametrize("daily", [False, True])
def test_a_failing_channel_blocks_no_other_and_is_tried_again(store: Store, *, daily: bool) -> None:
    morning = EVENING + timedelta(days=1)
    fill_outbox(store, EVENING, [1, 2], "slack", "mailtos")
    broken, works = Chat(failure="Not found."), Chat("mailtos")
    assert deliver(store, broken, works, at=morning, daily=daily) == (2, 2, "slack://: Not found.")
    broken.failure = None
    assert deliver(store, broken, works, at=morning + timedelta(minutes=5), daily=daily) == (0, 2, None)
    assert broken.messages == works.messages


@pytest.mark.parametrize("daily", [False, True])
def test_a_message_that_a_killed_run_may_have_sent_is_sent_again_with_the_same_key(store: Store, *, daily: bool) -> None:
    fill_outbox(store, EVENING, range(DIGEST_SIZE + 3), "slack")
    chat, morning = Chat(kills=1), EVENING + timedelta(days=1)
    with pytest.raises(Kill):
        deliver(store, chat, at=morning, daily=daily)
    fill_outbox(store, morning - timedelta(hours=1), [100], "slack")
    later = morning + timedelta(days=1)
    assert deliver(store, chat, at=later, daily=daily) == (0, DIGEST_SIZE + 4, None)
    assert chat.messages[0] == chat.messages[1]
    messages = ["New MQLs: 50", "New MQLs: 50", "New MQLs: 3", "New MQLs: 1"]
    assert [title for title, _ in chat.messages] == messages if daily else len(chat.messages) == DIGEST_SIZE + 5
    assert len(set(chat.keys)) == len(chat.keys) - 1


def test_messages_of_a_channel_that_left_the_settings_are_deleted_after_a_time(store: Store) -> None:
    fill_outbox(store, EVENING, [1], "task", "slack", "mailtos")
    with store.transaction() as tx:
        hand_offs.delete_abandoned(tx, ["slack"], before=to_ms(EVENING))
        assert hand_offs.count(tx).waiting == 3
        hand_offs.delete_abandoned(tx, ["slack"], before=to_ms(EVENING) + 1)
        assert hand_offs.count(tx).waiting == 2


def test_messages_that_wait_for_a_digest_are_not_due(store: Store) -> None:
    fill_outbox(store, EVENING, [1], "task", "slack")
    with store.transaction() as tx:
        assert hand_offs.count_due(tx, digest_before=to_ms(EVENING)) == 1
        assert hand_offs.count_due(tx, digest_before=to_ms(EVENING) + 1) == 2
        hand_offs.save_reason(tx, "slack", "Not found.")
        assert hand_offs.count_due(tx, digest_before=to_ms(EVENING)) == 2


def test_a_run_creates_the_tasks_and_names_the_channel_that_fails(tmp_path: Path) -> None:
    people = [make_contact(number, lifecyclestage="lead", lastname=f"Berg {number}") for number in (1, 2)]
    chats = [Chat(failure="Not found."), Chat("mailtos")]
    with start_harness(tmp_path, small_portal(contacts=people, email_events=[], events=[], submissions=[])) as harness:
        harness.settings = {"hand_off_tasks": True}
        harness.open_channels = lambda _: [chat.channel for chat in chats]
        harness.backfill()
        harness.approve()
        harness.advance()
        harness.submit_form("p2@example.com", "demo")
        report = harness.sync()
        assert (report.exit_code, report.hand_offs) == (ExitCode.SOME_REJECTED, (1, 2, "slack://: Not found."))
        assert [title for title, _ in chats[1].messages] == ["New MQL: Berg 2 (10 of 30 points, grade D)"]
        assert len(harness.portal.list_records("tasks", limit=9)) == 1
        with harness.worker() as worker:
            assert worker.status().hand_offs == report.hand_offs._replace(sent=2)
        harness.open_channels = open_channels
        harness.settings = {"hand_off_channels": ["slack://secret"]}
        with harness.worker() as worker:
            for command in (worker.check, worker.sync):
                with pytest.raises(ConfigurationError, match=r"URL 1 \(slack://\)") as error:
                    command()
                assert "secret" not in str(error.value)


def test_hubspot_without_a_reply_keeps_the_messages(store: Store) -> None:
    fill_outbox(store, EVENING, [1], "slack")
    chat = Chat()
    hubspot = make_hubspot()

    def fail() -> None:
        raise Unavailable("No reply.")

    hubspot.account.read_details = fail
    delivery = ChannelDelivery(
        hubspot=hubspot,
        message=MqlMessage(crm_schema=make_crm_schema(MODEL)),
        channel=chat.channel,
        digest_start=EVENING + timedelta(hours=1),
        clock=lambda: EVENING,
    )
    delivery.deliver(store, [])
    with store.transaction() as tx:
        assert hand_offs.count(tx) == (1, 0, "slack://: No reply.")
    assert chat.messages == []
