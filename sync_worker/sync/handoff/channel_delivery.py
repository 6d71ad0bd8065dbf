"""Deliver new MQLs to a channel outside HubSpot: at least once, with a key in each message that a repeated one has, too."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from itertools import groupby
from typing import Final

from sync_worker.batched import batched
from sync_worker.errors import BadRequest, Forbidden, PortalBusy, RecordError, StateBusy, TransientError
from sync_worker.hubspot.client import HubSpot
from sync_worker.hubspot.records.models import AccountDetails
from sync_worker.store.database import Store
from sync_worker.store.writes import hand_offs
from sync_worker.store.writes.hand_offs import WaitingHandOff
from sync_worker.sync.handoff.channels import Channel
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
        try:
            reason = self._send_all(store) if self.digest_start is None else self._send_digests(store, to_ms(self.digest_start))
        except (PortalBusy, StateBusy):
            raise
        except (Forbidden, BadRequest, TransientError, RecordError) as error:  # everything else of the run is done
            reason = str(error)
        if reason:
            with store.transaction() as tx:
                hand_offs.save_reason(tx, self.channel_id, self._describe(reason), only_tried=self.digest_start is not None)
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
        """Send what earlier runs have tried, with the same key, and the digest of the day if it was not tried yet."""
        with store.transaction() as tx:
            rows = [row for row in hand_offs.load_waiting(tx, self.channel_id, now=to_ms(self.clock())) if row.since < start]
            is_begun = hand_offs.is_tried_since(tx, self.channel_id, start)
        tried = sorted((row for row in rows if row.tried_at is not None), key=_get_try_time)
        new = [] if is_begun else [row for row in rows if row.tried_at is None]
        if not tried and not new:
            return None
        with store.transaction() as tx:
            hand_offs.save_try(tx, new, self.channel_id, at=to_ms(self.clock()))
        account, begun = self.hubspot.account.read_details(), self.clock()
        # The messages of one try stay together, so that they have the same key again.
        groups = [[*rows] for _, rows in groupby(tried, key=_get_try_time)]
        for part in (part for group in (*groups, new) for part in batched(group, DIGEST_SIZE)):
            if reason := self._send_digest(store, part, account):
                return reason
            if self.clock() - begun >= MAX_TIME:
                break
        return None

    def _send_digest(self, store: Store, rows: Sequence[WaitingHandOff], account: AccountDetails) -> str | None:
        contacts = read_contacts(self.hubspot, store, rows, NAME_PROPERTIES)
        if not contacts:
            return None
        key = f"digest-{hashlib.sha256(' '.join(row.key for row in rows).encode()).hexdigest()[:16]}"
        texts = [self.message.entry(row, contact, account) for row, contact in contacts.items()]
        if reason := self.channel.send(self.message.digest_subject(len(texts)), sign("\n\n".join(texts), key)):
            return reason
        self._save_sent(store, [*contacts], key)
        return None

    def _describe(self, reason: str) -> str:
        return f"{self.channel.kind}: {reason}"

    def _save_sent(self, store: Store, rows: Sequence[WaitingHandOff], key: str) -> None:
        with store.transaction() as tx:
            hand_offs.save_sent(tx, dict.fromkeys(rows, key), self.channel_id, at=to_ms(self.clock()))


def _get_try_time(row: WaitingHandOff) -> int:
    return row.tried_at or 0


def sign(text: str, key: str) -> str:
    """Return a text with its key as the last line."""
    return f"{text}\n\nsync_worker {key}"
