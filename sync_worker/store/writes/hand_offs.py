"""The `hand_offs` table: the outbox of messages to sales about new MQLs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final, NamedTuple

from sqlalchemy import Connection, and_, bindparam, delete, exists, func, select, update

from sync_worker.store.database import upsert_rows
from sync_worker.store.id_array import in_ids
from sync_worker.store.schema import contacts, hand_offs, memberships, mql_starts, verdicts


class WaitingHandOff(NamedTuple):
    """A new MQL that has not been handed off to sales. `key` is in the message, so that it is found again.

    Times are in milliseconds; `desired` is our properties as canonical JSON.
    """

    contact_id: int
    since: int
    key: str
    tried_at: int | None
    desired: str


class HandOffCounts(NamedTuple):
    """How many messages wait and were sent, and for each channel, why the first of the waiting ones could not be sent."""

    waiting: int
    sent: int
    reason: str | None


TASK: Final = "task"  # the channel of tasks in HubSpot
NO_HAND_OFFS: Final = HandOffCounts(waiting=0, sent=0, reason=None)


def add(tx: Connection, contact_ids: Collection[int] | None, channel: str) -> int:
    """Add the MQLs with a known start, of these contacts or of all, that have no message on the channel; return their number."""
    told = exists().where(hand_offs.c.contact_id == mql_starts.c.contact_id, hand_offs.c.since == mql_starts.c.since)
    query = select(mql_starts.c.contact_id, mql_starts.c.since, mql_starts.c.model)
    if contact_ids is not None:
        query = query.where(in_ids(mql_starts.c.contact_id, contact_ids))
    rows = tx.execute(query.where(mql_starts.c.since.is_not(None), ~told.where(hand_offs.c.channel == channel))).all()
    # A start without a model comes from HubSpot: an earlier state may have sent the message, so it counts as tried long ago.
    upsert_rows(
        tx,
        hand_offs,
        [
            {"contact_id": id_, "since": since, "channel": channel, "key": f"mql-{id_}-{since}", "tried_at": None if model else 0}
            for id_, since, model in rows
        ],
    )
    return len(rows)


def delete_abandoned(tx: Connection, channels: Collection[str], *, before: int) -> None:
    """Delete what waits since before a time (milliseconds) on channels outside HubSpot, except the given ones."""
    known = hand_offs.c.channel.in_([TASK, *channels])
    tx.execute(delete(hand_offs).where(hand_offs.c.sent_at.is_(None), ~known, hand_offs.c.since < before))


def delete_lapsed(tx: Connection) -> None:
    """Delete what waits, of contacts that are no MQLs any longer."""
    started = exists().where(mql_starts.c.contact_id == hand_offs.c.contact_id, mql_starts.c.since == hand_offs.c.since)
    tx.execute(delete(hand_offs).where(hand_offs.c.sent_at.is_(None), ~started))


def load_waiting(tx: Connection, channel: str, *, limit: int | None, after: tuple[int, int] = (0, 0)) -> list[WaitingHandOff]:
    """Return the next messages that wait, of contacts that HubSpot has acknowledged on the list of MQLs, the oldest first."""
    listed = exists().where(memberships.c.list == "mql", memberships.c.contact_id == hand_offs.c.contact_id, memberships.c.acknowledged)
    since, contact_id = after
    query = (
        select(hand_offs.c.contact_id, hand_offs.c.since, hand_offs.c.key, hand_offs.c.tried_at, verdicts.c.desired)
        .join(contacts, and_(contacts.c.id == hand_offs.c.contact_id, ~contacts.c.gone))
        .join(verdicts, verdicts.c.contact_id == hand_offs.c.contact_id)
        .where(hand_offs.c.channel == channel, hand_offs.c.sent_at.is_(None), listed)
        .where((hand_offs.c.since > since) | ((hand_offs.c.since == since) & (hand_offs.c.contact_id > contact_id)))
        .order_by(hand_offs.c.since, hand_offs.c.contact_id)
        .limit(limit)
    )
    return [WaitingHandOff(*row) for row in tx.execute(query)]


def save_try(tx: Connection, rows: Sequence[WaitingHandOff], channel: str, *, at: int) -> None:
    """Save that messages are about to be sent (milliseconds)."""
    _update(tx, rows, channel, {"tried_at": at, "reason": None})


def save_sent(tx: Connection, references: Mapping[WaitingHandOff, str], channel: str, *, at: int) -> None:
    """Save that messages were sent, with the id that each has there."""
    for row, reference in references.items():
        _update(tx, [row], channel, {"sent_at": at, "reference": reference, "reason": None})


def save_failure(tx: Connection, rows: Sequence[WaitingHandOff], channel: str, reason: str | None) -> None:
    """Save that none of the messages has arrived, and why."""
    _update(tx, rows, channel, {"reason": reason, "tried_at": None})


def save_reason(tx: Connection, channel: str, reason: str, *, only_tried: bool = False) -> None:
    """Save why the messages of a channel wait, all or those that were tried; some of the latter may have arrived."""
    waiting = update(hand_offs).where(hand_offs.c.channel == channel, hand_offs.c.sent_at.is_(None))
    tx.execute((waiting.where(hand_offs.c.tried_at.is_not(None)) if only_tried else waiting).values(reason=reason))


def is_tried_since(tx: Connection, channel: str, at: int) -> bool:
    """Return whether a message of the channel was tried for the first time since a time (milliseconds)."""
    return bool(tx.execute(select(exists().where(hand_offs.c.channel == channel, hand_offs.c.tried_at >= at))).scalar())


def count_due(tx: Connection, *, digest_before: int) -> int:
    """Count what waits, without messages on channels outside HubSpot that no channel has refused and that are newer than a time."""
    is_due = (hand_offs.c.channel == TASK) | hand_offs.c.reason.is_not(None) | (hand_offs.c.since < digest_before)
    return tx.execute(select(func.count()).select_from(hand_offs).where(hand_offs.c.sent_at.is_(None), is_due)).scalar_one()


def count(tx: Connection) -> HandOffCounts:
    """Count the messages of all channels."""
    waiting, total = tx.execute(select(func.count().filter(hand_offs.c.sent_at.is_(None)), func.count()).select_from(hand_offs)).one()
    held_back = select(hand_offs.c.channel, hand_offs.c.reason).where(hand_offs.c.sent_at.is_(None), hand_offs.c.reason.is_not(None))
    reasons = {row.channel: row.reason for row in tx.execute(held_back.order_by(hand_offs.c.channel, hand_offs.c.since.desc()))}
    return HandOffCounts(waiting, total - waiting, " ".join(dict.fromkeys(reasons.values())) or None)


def merge(tx: Connection, merged: Sequence[int], survivor: int) -> None:
    """Move the messages about merged contacts to the contact that they are part of now."""
    for id_ in merged:
        own = select(hand_offs.c.since).where(hand_offs.c.contact_id == survivor)
        tx.execute(delete(hand_offs).where(hand_offs.c.contact_id == id_, hand_offs.c.since.in_(own)))
        tx.execute(update(hand_offs).where(hand_offs.c.contact_id == id_).values(contact_id=survivor))


def _update(tx: Connection, rows: Sequence[WaitingHandOff], channel: str, values: Mapping[str, object]) -> None:
    if rows:
        this = and_(hand_offs.c.contact_id == bindparam("id"), hand_offs.c.since == bindparam("start"), hand_offs.c.channel == channel)
        tx.execute(update(hand_offs).where(this).values(**values), [{"id": row.contact_id, "start": row.since} for row in rows])
