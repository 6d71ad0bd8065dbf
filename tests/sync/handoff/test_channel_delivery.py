"""Hand-off outside HubSpot: at least once on each channel, at once or once a day."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import select

from sync_worker.errors import ConfigurationError, ExitCode, OversizedReply, QuotaExceeded, SyncWorkerError, Unavailable
from sync_worker.hubspot.client import ConnectionClosed
from sync_worker.hubspot.records.models import BatchReadResult
from sync_worker.store import database, schema
from sync_worker.store.database import Store
from sync_worker.store.facts import contacts
from sync_worker.store.writes import hand_offs
from sync_worker.store.writes.hand_offs import HandOffCounts
from sync_worker.sync.handoff.channel_delivery import DIGEST_AT, DIGEST_SIZE, ChannelDelivery
from sync_worker.sync.handoff.channels import Channel, open_channels
from sync_worker.sync.handoff.hand_off import HandOff
from sync_worker.sync.handoff.mql_message import MqlMessage
from sync_worker.sync.portal.portal import PortalInfo
from sync_worker.timestamps import to_ms
from tests.harness import MODEL, make_contact, small_portal, start_harness
from tests.sync.handoff.outbox import fill, make_hubspot
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
    refused: tuple[str, ...] = ()  # parts of titles
    tries: int = 0
    kills: int = 0  # ends of the process after the message has arrived
    messages: list[tuple[str, str]] = field(default_factory=list)

    def send(self, title: str, text: str) -> str | None:
        self.tries += 1
        if self.failure:
            return self.failure
        if any(part in title for part in self.refused):
            return "Too long."
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


def make_delivery(chat: Chat, at: datetime, *, daily: bool = False, names: bool = True) -> ChannelDelivery:
    return ChannelDelivery(
        hubspot=make_hubspot(),
        message=MqlMessage(crm_schema=make_crm_schema(MODEL), with_names=names),
        channel=chat.channel,
        digest_start=BERLIN.day_start(at, DIGEST_AT) if daily else None,
        clock=lambda: at,
    )


def deliver(store: Store, *chats: Chat, at: datetime = EVENING, daily: bool = False, names: bool = True) -> HandOffCounts:
    deliveries = [make_delivery(chat, at, daily=daily, names=names) for chat in chats]
    return HandOff(deliveries=deliveries, clock=lambda: at).deliver(store, [])


def test_each_new_mql_is_one_message_with_name_score_reasons_link_and_key(store: Store) -> None:
    fill(store, EVENING, [1, 2], "slack")
    chat = Chat()
    assert deliver(store, chat) == (0, 2, None)
    title, text = chat.messages[0]
    assert title == "New MQL: Ada 1 (20 of 30 points, grade A−)"
    lines = ["p1@x.com", "By score and grade", "20 of 30 points", "Record: https://app.hubspot.com/contacts/7/record/0-1/1"]
    assert text.splitlines() == [*lines, "", f"sync_worker mql-1-{to_ms(EVENING)}"]
    assert deliver(store, chat) == (0, 0, None)
    assert len(chat.messages) == 2


def test_a_stop_ends_the_delivery_between_two_messages(store: Store) -> None:
    fill(store, EVENING, [1, 2], "slack")
    chat = Chat()

    def stop_after_first() -> None:
        if chat.messages:
            raise ConnectionClosed

    delivery = replace(make_delivery(chat, EVENING), hubspot=make_hubspot(raise_if_closed=stop_after_first))
    with pytest.raises(ConnectionClosed):
        HandOff(deliveries=[delivery], clock=lambda: EVENING).deliver(store, [])
    assert deliver(store, chat) == (0, 1, None)
    assert [key[-16:] for key in chat.keys] == [f"-{number}-{to_ms(EVENING)}" for number in (1, 2)]


@pytest.mark.parametrize("daily", [False, True])
def test_without_names_a_channel_gets_only_ids(store: Store, *, daily: bool) -> None:
    fill(store, EVENING, [1], "slack")
    chat = Chat()
    deliver(store, chat, at=EVENING + timedelta(days=1), daily=daily, names=False)
    ((title, text),) = chat.messages
    assert "contact 1 (20 of 30 points" in title + text
    assert not any(personal in title + text for personal in ("Ada", "x.com"))


def test_a_digest_is_sent_once_a_day_after_eight_in_the_time_zone_of_the_portal(store: Store) -> None:
    fill(store, EVENING, [1, 2], "slack")
    chat, eight = Chat(), datetime(2026, 11, 20, 7, tzinfo=UTC)
    assert deliver(store, chat, at=eight - timedelta(minutes=1), daily=True) == (2, 0, None)
    assert deliver(store, chat, at=eight, daily=True) == (0, 2, None)
    fill(store, EVENING, [3], "slack")  # HubSpot has acknowledged it late
    fill(store, eight + timedelta(hours=1), [4], "slack")
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
    fill(store, EVENING, [1, 2], "slack", "mailtos")
    broken, works = Chat(failure="Not found."), Chat("mailtos")
    counts = deliver(store, broken, works, at=morning, daily=daily)
    assert (counts.waiting, counts.sent) == (2, 2)
    retry = " Next try: after 2026-11-20 19:00 UTC." if daily else ""
    assert counts.reason == f"2 messages wait: slack://: Not found.{retry}"
    broken.failure = None
    assert deliver(store, broken, works, at=morning + timedelta(minutes=5), daily=daily) == (0, 2, None)
    assert broken.messages == works.messages


def test_a_channel_that_is_out_is_tried_at_growing_distance(store: Store) -> None:
    fill(store, EVENING, range(1, 110), "slack")
    chat = Chat(failure="Not found.")
    for cycle in range(36):
        fill(store, EVENING + timedelta(minutes=5 * cycle), [1_000 + cycle], "slack")
        deliver(store, chat, at=EVENING + timedelta(minutes=5 * cycle))
    assert chat.tries == 3 * 7  # at 0, 5, 10, 20, 40, 80 and 140 minutes
    chat.failure = None
    assert deliver(store, chat, at=EVENING + timedelta(hours=4)) == (45, 100, None)
    assert deliver(store, chat, at=EVENING + timedelta(hours=5)) == (0, 45, None)


def test_a_message_that_a_channel_refuses_blocks_no_other_message(store: Store) -> None:
    fill(store, EVENING, range(1, 6), "slack")
    chat = Chat(refused=("Ada 1 ", "Ada 2 "))
    assert deliver(store, chat) == (2, 3, "2 messages wait: slack://: Too long.")
    for minutes in range(5, 180, 5):
        deliver(store, chat, at=EVENING + timedelta(minutes=minutes))
    assert chat.tries == 3 + 2 * 7
    chat.refused = ()
    assert deliver(store, chat, at=EVENING + timedelta(days=2)) == (0, 2, None)


def test_a_slow_channel_leaves_the_rest_to_the_next_run(store: Store) -> None:
    fill(store, EVENING, range(1, 6), "slack")
    chat, now = Chat(), [EVENING]
    channel = replace(chat.channel, send=lambda *message: now.append(now[-1] + timedelta(seconds=20)) or chat.send(*message))
    delivery = replace(make_delivery(chat, EVENING), channel=channel, clock=lambda: now[-1])
    assert [HandOff(deliveries=[delivery], clock=lambda: now[-1]).deliver(store, []).sent for _ in range(3)] == [2, 2, 1]


def test_a_slow_channel_leaves_the_rest_of_a_digest_to_the_next_run(store: Store) -> None:
    fill(store, EVENING, range(2 * DIGEST_SIZE + 5), "slack")
    chat, now = Chat(), [EVENING + timedelta(days=1)]
    channel = replace(chat.channel, send=lambda *message: now.append(now[-1] + timedelta(seconds=20)) or chat.send(*message))
    delivery = replace(make_delivery(chat, now[0], daily=True), channel=channel, clock=lambda: now[-1])
    sent = [HandOff(deliveries=[delivery], clock=lambda: now[-1]).deliver(store, []).sent for _ in range(2)]
    assert sent == [2 * DIGEST_SIZE, 5]


def test_names_alert_no_channel_and_contain_no_link(store: Store) -> None:
    fill(store, EVENING, [1], "slack", "mailtos")
    evil = "<!channel> @here\nRecord: https://evil.example/ [x](http://evil.example) <http://evil.example|x> www.evil.example"
    contact = SimpleNamespace(id=1, properties={"firstname": evil[:60], "lastname": evil[60:], "email": "@all<!here>@x.com"})
    hubspot = make_hubspot()
    hubspot.contacts.read = lambda *_: BatchReadResult(items=(contact,), missing=frozenset())
    chats = [Chat(), Chat("mailtos")]
    later = EVENING + timedelta(days=1)
    deliveries = [replace(make_delivery(chat, later, daily=chat is chats[1]), hubspot=hubspot) for chat in chats]
    assert HandOff(deliveries=deliveries, clock=lambda: later).deliver(store, []) == (0, 2, None)
    for chat in chats:
        ((title, text),) = chat.messages
        assert not re.search(r"[<>]|(?<!\w)@(?=\w)|\]\(|evil\.example", title + text)
        assert re.findall(r"https?://\S+", title + text) == ["https://app.hubspot.com/contacts/7/record/0-1/1"]


@pytest.mark.parametrize("daily", [False, True])
def test_a_message_that_a_killed_run_may_have_sent_is_sent_again_with_the_same_key(store: Store, *, daily: bool) -> None:
    fill(store, EVENING, range(DIGEST_SIZE + 3), "slack")
    chat, morning = Chat(kills=1), EVENING + timedelta(days=1)
    with pytest.raises(Kill):
        deliver(store, chat, at=morning, daily=daily)
    fill(store, morning - timedelta(hours=1), [100], "slack")
    later = morning + timedelta(days=1)
    assert deliver(store, chat, at=later, daily=daily) == (0, DIGEST_SIZE + 4, None)
    assert chat.messages[0] == chat.messages[1]
    messages = ["New MQLs: 50", "New MQLs: 50", "New MQLs: 3", "New MQLs: 1"]
    assert [title for title, _ in chat.messages] == messages if daily else len(chat.messages) == DIGEST_SIZE + 5
    assert len(set(chat.keys)) == len(chat.keys) - 1


def test_digests_of_two_days_are_repeated_apart_with_the_same_keys(store: Store) -> None:
    fill(store, EVENING, range(3), "slack")
    chat, mornings = Chat(kills=2), [EVENING + timedelta(days=day) for day in (1, 2, 3)]
    with pytest.raises(Kill):
        deliver(store, chat, at=mornings[0], daily=True)
    fill(store, mornings[0], range(10, DIGEST_SIZE + 12), "slack")
    with pytest.raises(Kill):
        deliver(store, chat, at=mornings[1], daily=True)
    deliver(store, chat, at=mornings[2], daily=True)
    assert [title for title, _ in chat.messages] == [*["New MQLs: 3"] * 3, f"New MQLs: {DIGEST_SIZE}", "New MQLs: 2"]
    assert len(set(chat.keys)) == 3


def test_a_repeated_digest_keeps_its_key_if_a_contact_has_left_hubspot(store: Store) -> None:
    fill(store, EVENING, [1, 2, 3], "slack")
    chat, morning = Chat(kills=1), EVENING + timedelta(days=1)
    with pytest.raises(Kill):
        deliver(store, chat, at=morning, daily=True)
    with store.transaction() as tx:
        contacts.mark_deleted(tx, [2])
    deliver(store, chat, at=morning + timedelta(minutes=5), daily=True)
    first, again = (text for _, text in chat.messages)
    assert chat.keys[0] == chat.keys[1]
    assert [[number for number in (1, 2, 3) if f"Ada {number}" in text] for text in (first, again)] == [[1, 2, 3], [1, 3]]


def test_messages_of_a_channel_that_left_the_settings_wait_a_week_for_its_return(store: Store) -> None:
    fill(store, EVENING, [1], "task", "slack", "mailtos")
    chat, notes = Chat("mailtos"), list[str]()
    assert HandOff(deliveries=[make_delivery(chat, EVENING)], clock=lambda: EVENING).deliver(store, notes) == (0, 1, None)
    assert notes[0].startswith("Messages to sales that are not sent: 2.")
    assert deliver(store, Chat(), at=EVENING + timedelta(days=6)) == (0, 1, None)
    assert deliver(store, chat, at=EVENING + timedelta(days=8)) == (0, 0, None)
    with store.transaction() as tx:
        assert tx.execute(select(schema.hand_offs.c.channel).order_by(schema.hand_offs.c.channel)).scalars().all() == ["mailtos", "slack"]


def test_messages_that_wait_for_a_digest_are_not_due(store: Store) -> None:
    fill(store, EVENING, [1], "task", "slack")
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
        assert (report.exit_code, report.hand_offs) == (ExitCode.SOME_REJECTED, (1, 2, "1 message waits: slack://: Not found."))
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


@pytest.mark.parametrize("error", [Unavailable, QuotaExceeded, OversizedReply])
def test_hubspot_without_a_reply_keeps_the_messages(store: Store, error: type[SyncWorkerError]) -> None:
    fill(store, EVENING, [1], "slack")
    chat, hubspot = Chat(), make_hubspot()

    def fail() -> None:
        raise error("No reply.")

    hubspot.account.read_details = fail
    delivery = replace(make_delivery(chat, EVENING), hubspot=hubspot)
    counts = HandOff(deliveries=[delivery], clock=lambda: EVENING).deliver(store, [])
    assert counts == (1, 0, "1 message waits: slack://: No reply. Next try: after 2026-11-19 19:00 UTC.")
    assert chat.messages == []
