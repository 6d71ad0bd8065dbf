"""Deliver new MQLs to a channel outside HubSpot: at least once, with a key in each message that a repeated one has, too."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final, NamedTuple

from sync_worker.batched import batched
from sync_worker.hubspot.client import HubSpot
from sync_worker.hubspot.records.models import AccountDetails
from sync_worker.store.database import Store
from sync_worker.store.writes import hand_offs
from sync_worker.store.writes.hand_offs import WaitingHandOff
from sync_worker.sync.handoff.channels import Channel
from sync_worker.sync.handoff.failures import find_failure
from sync_worker.sync.handoff.mql_contacts import read_contacts
from sync_worker.sync.handoff.mql_message import NAME_PROPERTIES, MqlMessage
from sync_worker.sync.handoff.neutral_text import neutralize
from sync_worker.sync.handoff.refusals import Refusals
from sync_worker.timestamps import to_ms

DIGEST_AT: Final = time(8)  # portal time
MAX_MESSAGES: Final = 100  # of a channel in one run; also what HubSpot reads in one call
MAX_TIME: Final = timedelta(seconds=30)  # of a channel in one run: services limit their rate, and the next cycle must not be late
DIGEST_SIZE: Final = 50  # MQLs in one message


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelDelivery:
    """Sends the new MQLs that HubSpot has acknowledged on the list: each at once, or with `digest_start`, those before it in one message.

    `digest_start` is the last time at which a digest was due.
    """

    hubspot: HubSpot
    message: MqlMessage
    channel: Channel
    digest_start: datetime | None
    clock: Callable[[], datetime]

    @property
    def channel_id(self) -> str:
        """Return the id of the channel."""
        return self.channel.id

    def deliver(self, store: Store, notes: list[str]) -> bool:  # noqa: ARG002 -- the deliveries have the same signature
        """Send what is due; return whether the channel works. If it or HubSpot fails, the messages wait, with the reason."""
        start = self.digest_start
        reason = find_failure(lambda: self._send_all(store) if start is None else self._send_digests(store, to_ms(start)))
        if reason:
            with store.transaction() as tx:
                hand_offs.save_reason(tx, self.channel_id, self._describe(reason), only_tried=start is not None)
        return reason is None

    def _send_all(self, store: Store) -> str | None:
        begun = self.clock()
        with store.transaction() as tx:
            rows = hand_offs.load_waiting(tx, self.channel_id, now=to_ms(begun), limit=MAX_MESSAGES)
        contacts = read_contacts(self.hubspot, store, rows, NAME_PROPERTIES)
        if not contacts:
            return None
        account, refusals = self.hubspot.account.read_details(), Refusals(store=store, channel=self.channel_id, at=to_ms(begun))
        for row, contact in contacts.items():
            self.hubspot.raise_if_closed()  # the process stops; a message in flight when it ends is sent twice
            reason = self.channel.send(
                neutralize(self.message.subject(row, contact)), sign(self.message.text(row, contact, account), row.key)
            )
            if reason is None:
                self._save_sent(store, [row], row.key)
                refusals.clear([row])
            elif not refusals.save(row, self._describe(reason)):
                return reason
            if self.clock() - begun >= MAX_TIME:
                return None
        return None

    def _send_digests(self, store: Store, start: int) -> str | None:
        """Send what earlier runs have tried, with the same keys, and the digest of the day if it was not tried yet."""
        with store.transaction() as tx:
            rows = [row for row in hand_offs.load_waiting(tx, self.channel_id, now=to_ms(self.clock())) if row.since < start]
            is_begun = hand_offs.is_tried_since(tx, self.channel_id, start)
        new = () if is_begun else _split([row for row in rows if row.tried_at is None])
        digests = [*_group_tried(rows), *new]
        if not digests:
            return None
        with store.transaction() as tx:
            for digest in new:
                hand_offs.save_try(tx, digest.rows, self.channel_id, at=to_ms(self.clock()), digest_key=digest.key)
        account, begun = self.hubspot.account.read_details(), self.clock()
        for digest in digests:
            self.hubspot.raise_if_closed()
            if reason := self._send_digest(store, digest, account):
                return reason
            if self.clock() - begun >= MAX_TIME:
                break
        return None

    def _send_digest(self, store: Store, digest: _Digest, account: AccountDetails) -> str | None:
        contacts = read_contacts(self.hubspot, store, digest.rows, NAME_PROPERTIES)
        if not contacts:
            return None
        texts = [self.message.entry(row, contact, account) for row, contact in contacts.items()]
        if reason := self.channel.send(self.message.digest_subject(len(texts)), sign("\n\n".join(texts), digest.key)):
            return reason
        self._save_sent(store, [*contacts], digest.key)
        return None

    def _describe(self, reason: str) -> str:
        return f"{self.channel.kind}: {reason}"

    def _save_sent(self, store: Store, rows: Sequence[WaitingHandOff], key: str) -> None:
        with store.transaction() as tx:
            hand_offs.save_sent(tx, dict.fromkeys(rows, key), self.channel_id, at=to_ms(self.clock()))


class _Digest(NamedTuple):
    """New MQLs in one message. The key stays the same if one of them leaves HubSpot before the message is repeated."""

    key: str
    rows: Sequence[WaitingHandOff]


def _split(rows: Sequence[WaitingHandOff]) -> list[_Digest]:
    return [_Digest(_build_digest_key(part), part) for part in batched(rows, DIGEST_SIZE)]


def _group_tried(rows: Sequence[WaitingHandOff]) -> list[_Digest]:
    """Return the digests that were tried, the oldest first, each as it was."""
    groups: dict[tuple[int, str | None], list[WaitingHandOff]] = {}
    for row in rows:
        if row.tried_at is not None:
            groups.setdefault((row.tried_at, row.digest_key), []).append(row)
    # Without a key, an earlier version has tried them.
    found = ([_Digest(key, group)] if key else _split(group) for (_, key), group in sorted(groups.items(), key=lambda item: item[0][0]))
    return [digest for digests in found for digest in digests]


def _build_digest_key(rows: Sequence[WaitingHandOff]) -> str:
    return f"digest-{hashlib.sha256(' '.join(row.key for row in rows).encode()).hexdigest()[:16]}"


def sign(text: str, key: str) -> str:
    """Return a text with its key as the last line."""
    return f"{text}\n\nsync_worker {key}"
